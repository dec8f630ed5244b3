// The models whose latents this browser can decode itself. A model's decoder is fetched when the page has nothing else to
// do, and is in a worker from then on. Whatever fails, fails for good and in silence: the server decodes too.

import { besideModules } from "./beside.js";
import { idle } from "./idle.js";

const MOST_OPEN = 2; // each takes tens of megabytes
const UNUSED_MS = 120_000; // after which one is closed, while another is used

// URL of weights -> { codec, coming, usedAt }, the one used last at the end; codec is null until ready
const codecs = new Map();
const failed = new Set(); // URLs of weights

/** The codec of a model (a card), once it is ready; else null. */
export function codecOf(model) {
  const entry = codecs.get(model.codec?.weights);
  if (!entry) return null;
  use(model, entry);
  return entry.codec;
}

/**
 * Fetches a model's decoder, unless the visitor saves data. Resolves to its codec once that has come, or else to null.
 * Where nobody else can decode, it `isUrgent`: neither idle time nor the saving of data is waited for.
 */
export async function fetchCodec(model, { isUrgent = false } = {}) {
  const url = model.codec?.weights;
  if (!url || failed.has(url) || (navigator.connection?.saveData && !isUrgent)) return null;
  if (!codecs.has(url)) {
    const entry = { codec: null };
    use(model, entry);
    entry.coming = open(model, entry, isUrgent);
  }
  await codecs.get(url).coming;
  return codecOf(model);
}

async function open(model, entry, isUrgent) {
  if (!isUrgent) await idle();
  const { architecture, weights } = model.codec;
  try {
    const { openCodec } = await import("./codec/client.js");
    entry.codec = await openCodec({ architecture, weights: besideModules(weights) });
  } catch {
    dropCodec(model);
  }
  if (codecs.get(weights) !== entry) entry.codec?.close(); // others came meanwhile
}

/** Does without a model's codec from now on. */
export function dropCodec({ codec: { weights } }) {
  failed.add(weights);
  close(weights);
}

function use({ codec: { weights } }, entry) {
  entry.usedAt = performance.now();
  codecs.delete(weights);
  codecs.set(weights, entry);
  for (const [url, { usedAt }] of [...codecs].slice(0, -1)) {
    if (codecs.size > MOST_OPEN || entry.usedAt - usedAt > UNUSED_MS) close(url);
  }
}

function close(url) {
  codecs.get(url)?.codec?.close();
  codecs.delete(url);
}
