/** `ask(task, snapshot, values)` of a worker that has the snapshots' codecs; rejects with a sentence. */
export function startCodecs() {
  const worker = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  const waiting = new Map(); // id -> { resolve, reject }
  let count = 0;

  worker.addEventListener("message", ({ data: { id, value, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(error));
    else resolve(value);
  });
  worker.addEventListener("error", () => {
    for (const { reject } of waiting.values()) reject(new Error("This part of the page has stopped. Reload the page."));
    waiting.clear();
  });

  function ask(task, snapshot, values) {
    return new Promise((resolve, reject) => {
      waiting.set(++count, { resolve, reject });
      worker.postMessage({ id: count, task, snapshot, ...values });
    });
  }
  return { ask, stop: () => worker.terminate() };
}
