// Arithmetic on latents, as vae/latent.py and app/explore have it, and the form in which latents travel. A latent is a
// Float32Array: what it holds row by row, whatever its shape. A model is a card: { name, title, size, shape }.

import { clamp } from "./numbers.js";

/** Whether a model's latent has places, height x width x channels; else it is one vector. */
export const isSpatial = ({ shape }) => shape.length > 1;

/** How many numbers a latent of a model has. */
export const latentSize = ({ shape }) => shape.reduce((product, side) => product * side, 1);

// ---- The form in which they travel: base64 of little-endian numbers, float32 of vectors, float16 of spatial latents ----

/** Latents as text. */
export function pack(latents, model) {
  const numbers = new Float32Array(latents.length * latentSize(model));
  latents.forEach((latent, k) => {
    numbers.set(latent, k * latent.length);
  });
  return toBase64(isSpatial(model) ? Uint16Array.from(numbers, toHalf) : numbers);
}

/** The latents in a text. */
export function unpack(text, model) {
  const { buffer } = fromBase64(text);
  const numbers = isSpatial(model) ? Float32Array.from(new Uint16Array(buffer), fromHalf) : new Float32Array(buffer);
  const size = latentSize(model);
  return Array.from({ length: numbers.length / size }, (_, k) => numbers.slice(k * size, (k + 1) * size));
}

/** A latent with the numbers that it has once it was sent and received. */
export const asSent = (latent, model) => (isSpatial(model) ? latent.map((n) => fromHalf(toHalf(n))) : latent);

function toBase64(array) {
  const bytes = new Uint8Array(array.buffer);
  let text = "";
  const step = 1 << 15; // more arguments at once than some browsers take
  for (let first = 0; first < bytes.length; first += step) {
    text += String.fromCharCode(...bytes.subarray(first, first + step));
  }
  return btoa(text);
}

const fromBase64 = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));

const converter = new DataView(new ArrayBuffer(4));

/** The bits of the nearest float16 (of two as near, the even one). */
export function toHalf(number) {
  converter.setFloat32(0, number);
  const bits = converter.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const rest = bits & 0x7fffffff;
  if (rest >= 0x47800000) return sign | (rest > 0x7f800000 ? 0x7e00 : 0x7c00); // NaN; infinite, or too large
  if (rest < 0x38800000) return sign | roundEven(Math.abs(number) * 2 ** 24); // subnormal
  return sign | ((rest + 0xfff + ((rest >>> 13) & 1) - 0x38000000) >>> 13);
}

function roundEven(number) {
  const whole = Math.round(number);
  return whole - number === 0.5 && whole % 2 ? whole - 1 : whole;
}

/** The number that the bits of a float16 mean. */
export function fromHalf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const [exponent, fraction] = [(bits >>> 10) & 0x1f, bits & 0x3ff];
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent ? sign * 2 ** (exponent - 15) * (1 + fraction / 1024) : sign * 2 ** -24 * fraction;
}

// ---- Between latents ----

/** Linear interpolation, (1 - t) a + t b. */
export const lerp = (a, b, t) => a.map((number, i) => (1 - t) * number + t * b[i]);

/** Spherical linear interpolation: turns the direction evenly from a to b, and goes evenly from |a| to |b|. */
export function slerp(a, b, t) {
  const [lengthA, lengthB] = [length(a), length(b)];
  const product = lengthA * lengthB;
  const omega = Math.acos(clamp(dot(a, b) / Math.max(product, 1e-12), -1, 1));
  const sine = Math.sin(omega);
  if (sine <= 1e-3 || product <= 1e-12) return lerp(a, b, t); // the great circle is not determined
  const whole = (1 - t) * lengthA + t * lengthB;
  const weightA = (whole * Math.sin((1 - t) * omega)) / (sine * lengthA);
  const weightB = (whole * Math.sin(t * omega)) / (sine * lengthB);
  return a.map((number, i) => weightA * number + weightB * b[i]);
}

/** `lerp` or `slerp`, by name. */
export const interpolate = (a, b, t, method) => (method === "lerp" ? lerp : slerp)(a, b, t);

/** The latent at (u, v) of the square with a and b at its top, c and d at its bottom corners. */
export function mixCorners([a, b, c, d], u, v, method) {
  return interpolate(interpolate(a, b, u, method), interpolate(c, d, u, method), v, method);
}

/** What makes a of b, done to c: c + strength (a - b). */
export const analogy = (a, b, c, strength) => c.map((number, i) => number + strength * (a[i] - b[i]));

/** A latent moved along directions, by so many of each one's deviations: start + sum of c s u. */
export function moved(start, directions, deviations, coefficients) {
  const latent = Float64Array.from(start);
  directions.forEach((direction, k) => {
    const step = coefficients[k] * deviations[k];
    if (step) for (let i = 0; i < latent.length; i++) latent[i] += step * direction[i];
  });
  return Float32Array.from(latent);
}

/** A spatial latent, (height, width, channels), with one channel times a factor. */
export function scaleChannel(latent, { shape }, channel, factor) {
  const channels = shape.at(-1);
  return latent.map((number, i) => (i % channels === channel ? factor * number : number));
}

/** Euclidean length. */
export const length = (latent) => Math.sqrt(dot(latent, latent));

/** Euclidean distance. */
export function distance(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return Math.sqrt(sum);
}

function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}
