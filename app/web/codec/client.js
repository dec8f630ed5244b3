// The codec for a page: promises over a worker.

const SMOOTHING = 1 / 8; // the share of the last decode in the mean; a page's clock ticks in tenths of a millisecond
const SILENT_MS = 5000; // for one picture; a browser that ends a worker for want of memory tells nobody
const STOPPED = "The codec of this page has stopped. Reload the page.";

/**
 * Starts a worker with a model of kind "conv-vae". Resolves to a codec once that decodes at full speed:
 *
 * - `decode(latents, { height, width, isWanted })`: an ImageData for each latent, a Float32Array. Spatial models take
 *   latents of pictures of other sizes than the model's own, given in pixels.
 * - `encode(picture, { isWanted })`: the posterior { mean, logVar } of an ImageData, or of { data, width, height } with
 *   colours in [0, 1], three for each pixel, in a Float32Array.
 * - `milliseconds`: how long a decode takes in the worker, a running mean.
 * - `drawer`: what decodes there, "WebAssembly" or "WebGPU".
 * - `close()`: ends the worker, which frees its memory.
 *
 * Pictures are computed one at a time, those of the newest request first. `isWanted()` is asked before each of them;
 * the promise resolves to null once it says no. Promises reject with an Error whose message is a sentence for people.
 *
 * @param {object} files
 * @param {object} files.architecture - as in the model's config.json.
 * @param {string} files.weights - the URL of safetensors, as `weights` of app/web/codec makes them.
 */
export async function openCodec({ architecture, weights }) {
  const { ask, stop } = startWorker(notePace);
  let milliseconds;
  let drawer = "WebAssembly";
  try {
    const url = String(new URL(weights, document.baseURI));
    const [{ value }] = await ask([{ task: "load", architecture, weights: url }]);
    milliseconds = value;
  } catch (error) {
    stop();
    throw error;
  }

  function notePace(last) {
    milliseconds += (last.drawer === drawer ? SMOOTHING : 1) * (last.milliseconds - milliseconds);
    drawer = last.drawer;
  }

  async function decode(latents, { height, width, isWanted } = {}) {
    const messages = latents.map((latent) => ({ task: "decode", latent: Float32Array.from(latent), height, width }));
    const answers = await ask(messages, isWanted);
    return answers?.map(({ value }) => new ImageData(value, width ?? architecture.image_size)) ?? null;
  }

  async function encode({ data, height, width }, { isWanted } = {}) {
    const answers = await ask([{ task: "encode", pixels: data, height, width }], isWanted);
    return answers?.[0].value ?? null;
  }

  return {
    decode,
    encode,
    get milliseconds() {
      return milliseconds;
    },
    get drawer() {
      return drawer;
    },
    close: stop,
  };
}

/** A worker that is sent one message at a time. `onPace` is told who draws, and in what time, as often as it tells. */
function startWorker(onPace) {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const requests = []; // the newest last
  let sent = null; // the request whose message the worker has
  let silence = 0; // timer
  let hasStopped = false;

  /** Resolves to the answers to all messages, or to null once they are not wanted. */
  function ask(messages, isWanted = () => true) {
    if (hasStopped) return Promise.reject(new Error(STOPPED));
    if (!messages.length) return Promise.resolve([]);
    return new Promise((resolve, reject) => {
      requests.push({ messages, isWanted, answers: [], resolve, reject });
      sendNext();
    });
  }

  function sendNext() {
    while (!sent && requests.length) {
      const request = requests.at(-1);
      if (request.isWanted()) {
        sent = request;
        const message = request.messages[request.answers.length];
        worker.postMessage(message);
        if (message.task !== "load") silence = setTimeout(fail, SILENT_MS); // a download takes its time
      } else {
        requests.pop().resolve(null);
      }
    }
  }

  function receive({ data: { error, ...answer } }) {
    if (answer.drawer) onPace(answer);
    if (answer.isNews) return;
    clearTimeout(silence);
    const request = sent;
    sent = null;
    if (!error) request.answers.push(answer);
    if (error || request.answers.length === request.messages.length) {
      requests.splice(requests.indexOf(request), 1);
      if (error) request.reject(new Error(error));
      else request.resolve(request.answers);
    }
    sendNext();
  }

  function stop() {
    hasStopped = true;
    clearTimeout(silence);
    worker.terminate();
    for (const request of requests.splice(0)) request.resolve(null);
  }

  function fail() {
    for (const request of requests.splice(0)) request.reject(new Error(STOPPED));
    stop();
  }

  worker.addEventListener("message", receive);
  worker.addEventListener("error", fail);
  return { ask, stop };
}
