// The codec on a thread of its own. Each message is { task, ...values }: "load" first, then "decode" or "encode". The
// answer is { value, milliseconds }, or { error } with a sentence; the next message is sent after it.

import { createCodec } from "./codec.js";

const WARM_UP_MS = 75; // the first decodes are slow: V8 compiles what runs often again, for speed

let codec = null;

async function fetchBytes(url) {
  const answer = await fetch(url).catch(() => null);
  if (!answer?.ok) throw new Error("The model could not be fetched. Reload the page.");
  return answer.arrayBuffer();
}

/** How long a decode takes, in milliseconds: the mean of as many as `budget` milliseconds have room for. */
function timeDecodes({ latentShape, decode }, budget) {
  const latent = new Float32Array(latentShape.reduce((a, b) => a * b, 1));
  const start = performance.now();
  let count = 0;
  do {
    decode(latent);
    count++;
  } while (performance.now() - start < budget);
  return (performance.now() - start) / count;
}

const TASKS = {
  async load({ architecture, weights }) {
    const wasm = new URL("codec.wasm", import.meta.url);
    codec = await createCodec(architecture, ...(await Promise.all([weights, wasm].map(fetchBytes))));
    timeDecodes(codec, WARM_UP_MS);
    return { value: timeDecodes(codec, WARM_UP_MS) };
  },
  decode({ latent, height, width }) {
    const pixels = codec.decode(latent, height, width);
    return { value: pixels, transfer: [pixels.buffer] };
  },
  encode({ pixels, height, width }) {
    const { mean, logVar } = codec.encode(pixels, height, width);
    return { value: { mean, logVar }, transfer: [mean.buffer, logVar.buffer] };
  },
};

self.addEventListener("message", async ({ data: { task, ...values } }) => {
  const start = performance.now();
  try {
    const { value, transfer = [] } = await TASKS[task](values);
    self.postMessage({ value, milliseconds: performance.now() - start }, transfer);
  } catch (error) {
    self.postMessage({ error: error.message });
  }
});
