// What a widget keeps in the address bar. app/address.js, in the head of the page, holds the whole address. What it held
// comes from a link, and may be anything.

/**
 * The text that the address held under this key when the page was opened, once; or null. From then on, `bringBack(text)`
 * is called when Back undoes what a hand did: with the text from before, or null. Without a key, nothing is kept.
 */
export const recall = (key, bringBack) => (key && window.latentscape?.recall(key, bringBack)) ?? null;

/** Puts a value in the address, under a key; null takes it out. `isMove` is false for what Back does not undo alone. */
export function remember(key, value, isMove = true) {
  if (key) window.latentscape?.remember(key, value, isMove);
}

/** The text that the address has under a key; while Back brings values back, the one that it goes back to; or null. */
export const inAddress = (key) => new URLSearchParams(location.search).get(key);

/** Whether the address has a value under this key. */
export const holds = (key) => Boolean(window.latentscape?.holds(key));

/** The numbers of a text, separated by commas; null if it is none, or not of so many numbers from `low` to `high`. */
export function numbersIn(text, { low, high, least = 1, most = least }) {
  const parts = text?.split(",", most + 1) ?? [];
  const numbers = parts.map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const isGood = numbers.length >= least && numbers.length <= most;
  return isGood && numbers.every((number) => number >= low && number <= high) ? numbers : null;
}

/** Numbers as such a text, each in so many digits after the point. */
export const textOf = (numbers, digits) => numbers.map((number) => Number(number.toFixed(digits))).join(",");
