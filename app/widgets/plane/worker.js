// The codecs of a model's snapshots, on a thread of their own. A message is { id, task, snapshot, ...values }; its answer
// is { id, value }, or { id, error } with a sentence. A snapshot is { architecture, url }.

import { createCodec } from "../../web/codec/codec.js";
import { readSafetensors } from "../../web/codec/safetensors.js";
import { fromHalf } from "../../web/latents.js";

const wasm = fetchBytes(new URL("../../web/codec/codec.wasm", import.meta.url));
wasm.catch(() => {}); // told where it is awaited
const files = new Map(); // URL -> its bytes, a promise
let last = null; // { url, codec } of the snapshot that was used last

async function fetchBytes(url) {
  const answer = await fetch(url).catch(() => null);
  if (!answer?.ok) throw new Error("This moment of the training could not be fetched. Reload the page.");
  return answer.arrayBuffer();
}

function bytesOf(url) {
  if (!files.has(url)) {
    files.set(url, fetchBytes(url));
    files.get(url).catch(() => files.delete(url));
  }
  return files.get(url);
}

async function codecOf({ architecture, url }) {
  if (last?.url !== url) last = { url, codec: await createCodec(architecture, await bytesOf(url), await wasm) };
  return last.codec;
}

function numbersOf({ dtype, bytes }) {
  const { buffer } = bytes.slice(); // aligned
  return dtype === "F16" ? Array.from(new Uint16Array(buffer), fromHalf) : Array.from(new Float32Array(buffer));
}

const TASKS = {
  /** Fetches a snapshot, for later. */
  fetch: ({ snapshot }) => bytesOf(snapshot.url).then(() => null),

  /** Where the data's pictures lie, [[x, y], ...], and their labels. */
  async pictures({ snapshot }) {
    const tensors = readSafetensors(await bytesOf(snapshot.url));
    const means = numbersOf(tensors.get("pictures.mean"));
    const labels = numbersOf(tensors.get("pictures.label"));
    return { means: labels.map((_, k) => means.slice(2 * k, 2 * k + 2)), labels };
  },

  /** The posterior { mean, logVar } of a picture, floats as the codec takes them. */
  async encode({ snapshot, picture }) {
    return (await codecOf(snapshot)).encode(picture);
  },

  /** The pictures of latents, in rows of so many, as one ImageData. */
  async decode({ snapshot, latents, columns }) {
    const { imageSize: side, decode } = await codecOf(snapshot);
    const sheet = new ImageData(columns * side, Math.ceil(latents.length / columns) * side);
    latents.forEach((latent, k) => {
      const picture = decode(Float32Array.from(latent));
      const [left, top] = [(k % columns) * side, Math.floor(k / columns) * side];
      for (let row = 0; row < side; row++) {
        const line = picture.subarray(4 * row * side, 4 * (row + 1) * side);
        sheet.data.set(line, 4 * ((top + row) * sheet.width + left));
      }
    });
    return sheet;
  },
};

self.addEventListener("message", async ({ data: { id, task, ...values } }) => {
  try {
    self.postMessage({ id, value: await TASKS[task](values) });
  } catch (error) {
    self.postMessage({ id, error: error.message });
  }
});
