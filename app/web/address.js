// What a widget keeps in the address bar. app/address.js, in the head of the page, holds the whole address.

/** The number that the address held under this key when the page was opened, once; or null. */
export const recall = (key) => (key && window.latentscape?.recall(key)) ?? null;

/** Puts a number in the address, under a key; without a key, nowhere. */
export function remember(key, value) {
  if (key) window.latentscape?.remember(key, value);
}
