import { make } from "./dom.js";

// Pictures that come as one: a sprite sheet, as app/kit/pictures.py packs it: { sheet: URL, count, columns, width,
// height }. In the page, each is an ImageBitmap, so that enlarging it never mixes in its neighbour on the sheet.

export const LEVELS = 255; // of a colour

/** The left, top, width and height of picture k on a sheet. */
export function boxOf({ columns, width, height }, k) {
  return [(k % columns) * width, Math.floor(k / columns) * height, width, height];
}

/** The pictures on a sheet. Rejects if it did not arrive whole. Close those that are no longer used. */
export async function cut(sheet) {
  const whole = new Image();
  whole.src = sheet.sheet;
  await whole.decode();
  return Promise.all(Array.from({ length: sheet.count }, (_, k) => createImageBitmap(whole, ...boxOf(sheet, k))));
}

/** The context of a canvas, to scale pictures smoothly. */
export function smooth(canvas) {
  const context = canvas.getContext("2d");
  context.imageSmoothingQuality = "high";
  return context;
}

/** The context of a canvas, emptied, to draw on in CSS pixels. */
export function blank(canvas) {
  const context = smooth(canvas);
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.globalAlpha = 1;
  context.scale(devicePixelRatio, devicePixelRatio);
  return context;
}

/** Draws a picture over all of a canvas, which gets as many pixels as it takes up on the screen. */
export function paint(canvas, picture) {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const height = Math.round(canvas.clientHeight * devicePixelRatio);
  if (!picture || !width || !height) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  smooth(canvas).drawImage(picture, 0, 0, width, height);
}

let scratch = null;

function onScratch(picture) {
  scratch ??= make("canvas").getContext("2d", { willReadFrequently: true });
  Object.assign(scratch.canvas, { width: picture.width, height: picture.height });
  scratch.drawImage(picture, 0, 0);
  return scratch;
}

/** A picture as the URL of a PNG, for an <img>: equal pictures have equal ones. */
export const urlOf = (picture) => onScratch(picture).canvas.toDataURL();

/** A canvas with pictures of one size side by side, in so many columns. */
export function tiled(pictures, columns) {
  const [{ width, height }] = pictures;
  const rows = Math.ceil(pictures.length / columns);
  const canvas = make("canvas", { width: columns * width, height: rows * height });
  pictures.forEach((picture, k) => {
    canvas.getContext("2d").drawImage(picture, (k % columns) * width, Math.floor(k / columns) * height, width, height);
  });
  return canvas;
}

/** A canvas as a PNG. Rejects with a sentence if it has more pixels than the browser can write, or none. */
export async function blobOf(canvas) {
  const blob = await new Promise((resolve) => canvas.toBlob(resolve));
  if (!blob) throw new Error("This picture is too large for your browser to save.");
  return blob;
}

/** The pixels of a picture that is scaled to this side. */
export function pixelsOf(picture, side) {
  const context = smooth(make("canvas", { width: side, height: side }));
  context.drawImage(picture, 0, 0, side, side);
  return context.getImageData(0, 0, side, side);
}

/** Pictures side by side, each of so many pixels, as the URL of a PNG. */
export function stripOf(pictures, side) {
  const context = smooth(make("canvas", { width: side * pictures.length, height: side }));
  pictures.forEach((picture, k) => {
    context.drawImage(picture, k * side, 0, side, side);
  });
  return context.canvas.toDataURL();
}

/** The root mean square difference of two pictures of one size, of colours in [0, 1]. */
export function pictureDistance(a, b) {
  const [one, other] = [a, b].map((picture) => onScratch(picture).getImageData(0, 0, a.width, a.height).data);
  let sum = 0;
  for (let i = 0; i < one.length; i++) sum += (one[i] - other[i]) ** 2; // opaque: alpha adds nothing
  return Math.sqrt(sum / ((one.length * 3) / 4)) / LEVELS;
}
