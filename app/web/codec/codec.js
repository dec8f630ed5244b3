// A VAE's encoder and decoder on one thread: the steps of network.js, by the kernels of codec.wasm.

import { loadLayer } from "./layers.js";
import { startMachine } from "./machine.js";
import { checkArchitecture, decoderSteps, downsampling, encoderSteps, latentShape } from "./network.js";
import { readSafetensors } from "./safetensors.js";

const NETWORKS = { decoder: decoderSteps, encoder: encoderSteps };
const LOG_VAR_RANGE = [-30, 20]; // as in vae/model.py

const product = (numbers) => numbers.reduce((a, b) => a * b, 1);
const areFinite = (numbers) => numbers.every(Number.isFinite);
const clamp = (value, [least, most]) => Math.min(Math.max(value, least), most);

/**
 * The codec of a model of kind "conv-vae": `decode`, `decodeFloats` and `encode`. Pictures have the model's own size;
 * those of a spatial model may have any other whose sides are multiples of its downsampling.
 *
 * @param {object} architecture - as in the model's config.json.
 * @param {ArrayBuffer} weights - safetensors in float16 or float32; may lack all of `encoder.*` or of `decoder.*`.
 * @param {ArrayBuffer} wasm - codec.wasm.
 * @throws {Error} with a sentence, if the weights are damaged or do not fit, or memory does not suffice.
 */
export async function createCodec(architecture, weights, wasm) {
  checkArchitecture(architecture);
  const machine = await startMachine(wasm);
  const tensors = readSafetensors(weights);
  const { image_size: imageSize, latent_dim: latentDim, halve_first: halvesFirst } = architecture;
  const has = (network) => [...tensors.keys()].some((name) => name.startsWith(`${network}.`));
  const networks = Object.keys(NETWORKS).filter(has);
  if (!networks.length) throw new Error("The weights do not fit config.json: they have no encoder and no decoder.");

  const layers = new Map();
  for (const network of networks) {
    const { steps } = NETWORKS[network](architecture, imageSize, imageSize);
    for (const { layer } of steps) layers.set(layer.name, loadLayer(layer, tensors, machine));
  }
  const takeBack = machine.mark();
  let plan = null; // of pictures of the size that came last

  function planFor(height, width) {
    if (plan?.height !== height || plan.width !== width) {
      plan = null;
      takeBack();
      const parts = networks.map((network) => [network, NETWORKS[network](architecture, height, width)]);
      plan = { height, width, ...layOut(Object.fromEntries(parts), layers, height * width, machine) };
    }
    return plan;
  }

  function check(network, height, width) {
    if (!networks.includes(network)) throw new Error(`These weights have no ${network}.`);
    const factor = downsampling(architecture);
    const fits = (side) => Number.isSafeInteger(side) && side > 0 && side % factor === 0;
    if (architecture.latent === "vector" && (height !== imageSize || width !== imageSize)) {
      throw new Error(`This model's pictures are of ${imageSize} x ${imageSize} pixels, not ${width} x ${height}.`);
    }
    if (!fits(height) || !fits(width)) throw new Error(`The sides of a picture must be multiples of ${factor} pixels.`);
  }

  /** Throws a sentence if this is no latent of such a picture. */
  function checkLatent(latent, height = imageSize, width = imageSize) {
    check("decoder", height, width);
    const shape = latentShape(architecture, height, width);
    if (latent?.length !== product(shape)) throw new Error(`This model's latent is ${shape.join(" x ")} numbers.`);
    if (!areFinite(latent)) throw new Error("The numbers of a latent must be finite.");
  }

  /** The plan by which a latent was decoded, where its picture lies. */
  function draw(latent, height, width) {
    checkLatent(latent, height, width);
    const { decoder, scratch, rgb, rgba } = planFor(height, width);
    writeMap(decoder.input, latent, latentDim, machine);
    run(decoder.steps, scratch, machine);
    machine.kernels.to_pixels(decoder.output.at, halvesFirst ? 1 : 0, rgb, rgba);
    if (!machine.kernels.all_finite(rgb, 3 * height * width))
      throw new Error("This latent is too large to be decoded.");
    return plan;
  }

  /** The picture of a latent, (height, width, 4) bytes as an ImageData has them. */
  function decode(latent, height = imageSize, width = imageSize) {
    return machine.bytes(draw(latent, height, width).rgba, 4 * height * width).slice();
  }

  /** The same as colours in [0, 1], (height, width, 3), before they are rounded. */
  function decodeFloats(latent, height = imageSize, width = imageSize) {
    return machine.floats(draw(latent, height, width).rgb, 3 * height * width).slice();
  }

  /** The posterior { mean, logVar } of a picture: bytes with alpha, as an ImageData has them, or floats without. */
  function encode(pixels, height = imageSize, width = imageSize) {
    check("encoder", height, width);
    const colours = signedColours(pixels, height, width);
    const { encoder, scratch } = planFor(height, width);
    writeMap(encoder.input, colours, 3, machine);
    run(encoder.steps, scratch, machine);
    const mean = readChannels(encoder.output, 0, latentDim, machine);
    const logVar = readChannels(encoder.output, latentDim, latentDim, machine);
    if (!areFinite(mean) || !areFinite(logVar)) throw new Error("This picture cannot be encoded by these weights.");
    return { mean, logVar: logVar.map((value) => clamp(value, LOG_VAR_RANGE)) };
  }

  planFor(imageSize, imageSize);
  const shape = latentShape(architecture, imageSize, imageSize);
  return { imageSize, latentShape: shape, checkLatent, decode, decodeFloats, encode };
}

/** Finds room for networks' maps, for what their kernels work in, and for a picture. */
function layOut(networks, layers, pixels, machine) {
  const steps = Object.values(networks).flatMap((network) => network.steps);
  const sizes = [];
  for (const { slot, height, width, stored } of steps.flatMap(({ from, to }) => [from, to])) {
    sizes[slot] = Math.max(sizes[slot] ?? 0, 4 * height * width * stored);
  }
  const slots = sizes.map(machine.take);
  const placed = Object.entries(networks).map(([name, network]) => [name, place(network, slots, layers, machine)]);
  const scratch = Math.max(...placed.flatMap(([, network]) => network.steps.map((step) => step.scratch)));
  return {
    ...Object.fromEntries(placed),
    scratch: machine.take(4 * scratch),
    rgb: machine.take(12 * pixels),
    rgba: machine.take(4 * pixels),
  };
}

/** A network with addresses in place of its maps and layers. */
function place({ input, output, steps }, slots, layers, { kernels, take, structure }) {
  const places = new Map();
  const placeMap = (map) => {
    const { slot, height, width, stored } = map;
    if (!places.has(map)) {
      const sums = take(16 * stored); // two doubles for each channel
      places.set(map, { ...map, data: slots[slot], at: structure(slots[slot], height, width, stored, sums) });
    }
    return places.get(map);
  };
  const placeStep = ({ layer: { name }, from, to, residual, height, width }) => {
    const layer = layers.get(name);
    const source = placeMap(from).at;
    const scratch = layer.isWinograd
      ? kernels.winograd_scratch(source)
      : kernels.direct_scratch(source, layer.at, height, width);
    const [target, added] = [placeMap(to).at, residual ? placeMap(residual).at : 0];
    return { layer, from: source, to: target, residual: added, height, width, scratch };
  };
  return { steps: steps.map(placeStep), input: placeMap(input), output: placeMap(output) };
}

function run(steps, scratch, { kernels }) {
  for (const { layer, from, to, residual, height, width } of steps) {
    if (layer.isWinograd) kernels.winograd(from, to, residual, layer.at, scratch);
    else kernels.direct(from, to, residual, layer.at, scratch, height, width);
  }
}

/** Fills a map with `channels` numbers for each pixel, and zeros where it has more. */
function writeMap({ data, height, width, stored }, values, channels, machine) {
  const to = machine.floats(data, height * width * stored);
  to.fill(0);
  for (let pixel = 0, k = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < channels; c++) to[pixel * stored + c] = values[k++];
  }
}

function readChannels({ data, height, width, stored }, first, count, machine) {
  const from = machine.floats(data, height * width * stored);
  const at = (k) => Math.floor(k / count) * stored + first + (k % count);
  return Float32Array.from({ length: height * width * count }, (_, k) => from[at(k)]);
}

/** Pixels as the encoder takes them: (height, width, 3), in [-1, 1]. */
function signedColours(pixels, height, width) {
  const areFloats = pixels instanceof Float32Array;
  const [channels, most] = areFloats ? [3, 1] : [4, 255];
  if (pixels?.length !== height * width * channels) {
    throw new Error(`A picture of ${width} x ${height} pixels has ${channels} numbers for each.`);
  }
  if (areFloats && !areFinite(pixels)) throw new Error("The colours of a picture must be finite numbers.");
  const colours = new Float32Array(3 * height * width);
  for (let pixel = 0, k = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < 3; c++) colours[k++] = (2 * pixels[pixel * channels + c]) / most - 1;
  }
  return colours;
}
