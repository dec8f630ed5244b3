// A decoder in WebGPU, if it draws what the codec in WebAssembly does, and answers.

import { createGpuDecoder, startGpu } from "./decoder.js";

const MOST_APART = 2; // of 255
const PATIENCE_MS = 1000; // for a picture

/**
 * Resolves to a decoder, whose `decode` rejects once the GPU is lost or does not answer, and whose `close` gives the GPU
 * back. Rejects where there is none, or its first picture is another than the `codec`'s.
 */
export async function openAlike(codec, architecture, weights) {
  const gpu = await startGpu();
  const close = () => gpu.device.destroy();
  try {
    const decoder = createGpuDecoder(gpu, architecture, weights);
    const decode = (...values) => inTime(decoder.decode(...values));
    const length = codec.latentShape.reduce((a, b) => a * b, 1);
    const latent = Float32Array.from({ length }, (_, k) => 2 * Math.sin(k * k)); // numbers of all sorts
    const picture = await decode(latent);
    const expected = codec.decode(latent);
    if (picture.some((value, k) => Math.abs(value - expected[k]) > MOST_APART)) throw new Error("The GPU errs.");
    return { decode, close };
  } catch (error) {
    close();
    throw error;
  }
}

function inTime(promise) {
  const late = new Error("The GPU does not answer.");
  return Promise.race([promise, new Promise((_, reject) => setTimeout(reject, PATIENCE_MS, late))]);
}
