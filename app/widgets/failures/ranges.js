// Ranges of a histogram's bins: pure. `edges` has one more than there are bins.

import { clamp } from "../../web/numbers.js";

/** The range from one bin to another, whichever comes first; the outer bins hold what lies beyond, so that they are open. */
export function rangeOf(edges, one, other) {
  const last = edges.length - 2;
  const [from, to] = [Math.min(one, other), Math.max(one, other)];
  return [from === 0 ? null : edges[from], to === last ? null : edges[to + 1]];
}

/** The first and the last bin of a range; of no range, of all. */
export function binsOf(edges, range) {
  const last = edges.length - 2;
  if (!range) return [0, last];
  const [low, high] = range;
  const from = low === null ? 0 : edges.findIndex((edge) => edge >= low);
  const to = high === null ? last : edges.findLastIndex((edge) => edge <= high) - 1;
  return [clamp(from, 0, last), clamp(to, 0, last)];
}

/** Ranges with another one of a measure: none where it is open at both ends. */
export function withRange(ranges, name, range) {
  const { [name]: _, ...others } = ranges;
  return range.every((end) => end === null) ? others : { ...others, [name]: range };
}

/** What is chosen as a text of the address; null where that is everything, and no other column than the first. */
export function textOf({ ranges, column, label }, [first]) {
  const isAll = !label && !Object.keys(ranges).length;
  return isAll && column === (first ?? "") ? null : JSON.stringify([ranges, column, label]);
}

/** What such a text chooses of these measures and columns; null where it is none. The server knows the labels. */
export function chosenIn(text, measures, columns) {
  const [ranges, column, label] = parsed(text) ?? [];
  const isEnd = (end) => end === null || Number.isFinite(end);
  const isRange = ([name, range]) =>
    measures.includes(name) && Array.isArray(range) && range.length === 2 && range.every(isEnd);
  const areRanges = ranges !== null && typeof ranges === "object" && Object.entries(ranges).every(isRange);
  const isColumn = columns.includes(column) || (columns.length === 0 && column === "");
  return areRanges && isColumn && typeof label === "string" ? { ranges, column, label } : null;
}

function parsed(text) {
  try {
    const found = JSON.parse(text);
    return Array.isArray(found) ? found : null;
  } catch {
    return null;
  }
}

/** A range in words. */
export function inWords([low, high], digits) {
  if (low === null) return `up to ${digits(high)}`;
  return high === null ? `from ${digits(low)}` : `${digits(low)} to ${digits(high)}`;
}
