// The models whose latents this browser can decode itself. A model's decoder is fetched when the page has nothing else to
// do, and is in a worker from then on. Whatever fails, fails for good and in silence: the server decodes too.

const MOST_OPEN = 2; // each takes tens of megabytes
const UNUSED_MS = 120_000; // after which one is closed, while another is used
const IDLE_MS = 3_000; // that a busy page may put the fetching off

const codecs = new Map(); // URL of weights -> { codec, usedAt }, the one used last at the end; codec is null until ready
const failed = new Set(); // URLs of weights

/** The codec of a model (a card), once it is ready; else null. */
export function codecOf(model) {
  const entry = codecs.get(model.codec?.weights);
  if (!entry) return null;
  use(model, entry);
  return entry.codec;
}

/** Fetches a model's decoder, unless that is being done, or the visitor saves data. Resolves once it has come, or not. */
export async function fetchCodec(model) {
  const url = model.codec?.weights;
  if (!url || codecs.has(url) || failed.has(url) || navigator.connection?.saveData) return;
  const entry = { codec: null };
  use(model, entry);
  await new Promise(whenIdle);
  try {
    const { openCodec } = await import("./codec/client.js");
    const weights = new URL(`../../${url}`, import.meta.url); // beside the folder of this version of the modules
    entry.codec = await openCodec({ architecture: model.codec.architecture, weights });
  } catch {
    dropCodec(model);
  }
  if (codecs.get(url) !== entry) entry.codec?.close(); // others came meanwhile
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

function whenIdle(done) {
  if (window.requestIdleCallback) requestIdleCallback(done, { timeout: IDLE_MS });
  else setTimeout(done, IDLE_MS); // Safari
}
