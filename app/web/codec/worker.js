// The codec on a thread of its own. Each message is { task, ...values }: "load" first, then "decode" or "encode". The
// answer is { value }, of "decode" with { drawer, milliseconds }, or { error } with a sentence; the next message is sent
// after it. WebAssembly draws at first; if that takes long, and WebGPU draws the same sooner, that draws until it fails:
// a message that is no answer tells of it, { isNews, drawer, milliseconds }.

import { createCodec } from "./codec.js";

const WARM_UP_MS = 75; // the first decodes are slow: V8 compiles what runs often again, for speed
const FRAME_MS = 16; // of the screen

let codec = null; // in WebAssembly
let gpu = null; // the decoder in WebGPU, while that draws
let timing = null; // of the GPU, a promise: nothing else is computed meanwhile

async function fetchBytes(url) {
  const answer = await fetch(url).catch(() => null);
  if (!answer?.ok) throw new Error("The model could not be fetched. Reload the page.");
  return answer.arrayBuffer();
}

/** How long `decode` takes, in milliseconds: the mean of as many as `budget` milliseconds have room for. */
async function timeDecodes(decode, budget) {
  const latent = new Float32Array(codec.latentShape.reduce((a, b) => a * b, 1));
  const start = performance.now();
  let count = 0;
  do {
    await decode(latent);
    count++;
  } while (performance.now() - start < budget);
  return (performance.now() - start) / count;
}

/** Lets the GPU draw from now on, if its picture is WebAssembly's, and takes less than so many milliseconds. */
async function tryGpu(architecture, weights, milliseconds) {
  const { openAlike } = await import("./gpu/trial.js");
  const tried = await openAlike(codec, architecture, weights);
  timing = timeDecodes(tried.decode, WARM_UP_MS).catch(() => Number.POSITIVE_INFINITY);
  const found = await timing;
  timing = null;
  if (found >= milliseconds) return tried.close();
  gpu = tried;
  self.postMessage({ isNews: true, drawer: "WebGPU", milliseconds: found });
}

async function draw(drawer, decode) {
  const start = performance.now();
  const pixels = await decode();
  return { value: pixels, drawer, milliseconds: performance.now() - start, transfer: [pixels.buffer] };
}

const TASKS = {
  async load({ architecture, weights }) {
    const wasm = new URL("codec.wasm", import.meta.url);
    const files = await Promise.all([weights, wasm].map(fetchBytes));
    codec = await createCodec(architecture, ...files);
    await timeDecodes(codec.decode, WARM_UP_MS);
    const milliseconds = await timeDecodes(codec.decode, WARM_UP_MS);
    if (milliseconds > FRAME_MS && navigator.gpu) {
      tryGpu(architecture, files[0], milliseconds).catch(() => {}); // without it, all goes on as it is
    }
    return { value: milliseconds };
  },
  async decode({ latent, height, width }) {
    codec.checkLatent(latent, height, width);
    try {
      if (gpu) return await draw("WebGPU", () => gpu.decode(latent, height, width));
    } catch {
      gpu.close();
      gpu = null;
    }
    return draw("WebAssembly", () => codec.decode(latent, height, width));
  },
  encode({ pixels, height, width }) {
    const { mean, logVar } = codec.encode(pixels, height, width);
    return { value: { mean, logVar }, transfer: [mean.buffer, logVar.buffer] };
  },
};

self.addEventListener("message", async ({ data: { task, ...values } }) => {
  await timing;
  try {
    const { transfer = [], ...answer } = await TASKS[task](values);
    self.postMessage(answer, transfer);
  } catch (error) {
    self.postMessage({ error: error.message });
  }
});
