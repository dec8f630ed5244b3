// In the head of the page: where the browser keeps nothing for it, as in a frame of another site with cookies blocked,
// to name `localStorage` fails, and with it whatever asks for what is kept there. Then it is kept until the page closes.

try {
  window.localStorage.getItem("latentscape");
} catch {
  const kept = new Map();
  const value = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, text) => kept.set(key, String(text)),
    removeItem: (key) => kept.delete(key),
  };
  Object.defineProperty(window, "localStorage", { value });
}
