// A drawn picture carries its latent: a text chunk of its PNG, as app/explore/drawn.py reads it.

import { pack } from "./latents.js";

const KEYWORD = "latentscape";
const AFTER_HEADER = 33; // bytes: the signature and the chunk IHDR

/** A PNG with the latent that a model (a card) drew it from, and words that say what it is. */
export function withLatent(png, model, latent, words) {
  const drawn = { model: model.name, latent: pack([latent], model), words };
  const text = JSON.stringify(drawn).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const content = new TextEncoder().encode(`tEXt${KEYWORD}\0${text}`);
  const chunk = new Uint8Array(content.length + 8);
  const view = new DataView(chunk.buffer);
  view.setUint32(0, content.length - 4);
  chunk.set(content, 4);
  view.setUint32(content.length + 4, checksum(content));
  const whole = new Uint8Array(png.length + chunk.length);
  whole.set(png.subarray(0, AFTER_HEADER));
  whole.set(chunk, AFTER_HEADER);
  whole.set(png.subarray(AFTER_HEADER), AFTER_HEADER + chunk.length);
  return whole;
}

// CRC-32, as PNG has it.
function checksum(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
