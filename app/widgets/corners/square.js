// A square of side x side cells, numbered row by row.

import { clamp } from "../../web/numbers.js";

/** The column at a share of the width, or the row at a share of the height. */
export const cellAt = (share, side) => Math.min(side - 1, Math.floor(share * side));

/** Of the cells whose pictures have come, the one nearest to a cell. */
export function nearestCell(pictures, cell, side) {
  const apart = (other) =>
    (Math.floor(other / side) - Math.floor(cell / side)) ** 2 + ((other % side) - (cell % side)) ** 2;
  return Object.keys(pictures)
    .map(Number)
    .reduce((best, other) => (apart(other) < apart(best) ? other : best));
}

const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [Number.NEGATIVE_INFINITY, 0],
  End: [Number.POSITIVE_INFINITY, 0],
  PageUp: [0, Number.NEGATIVE_INFINITY],
  PageDown: [0, Number.POSITIVE_INFINITY],
};

/** The middle of the cell that a key leads to from a place { u, v }; null for another key. */
export function stepFrom({ u, v }, key, side) {
  if (!STEPS[key]) return null;
  const move = (share, by) => (clamp(cellAt(share, side) + by, 0, side - 1) + 0.5) / side;
  const [right, down] = STEPS[key];
  return { u: move(u, right), v: move(v, down) };
}
