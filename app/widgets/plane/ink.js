// What a visitor draws, made like the pictures of the data set (train/digits.py): 8 x 8 pixels, enlarged to 24 x 24, with
// a margin around.

import { clamp } from "../../web/numbers.js";

const CELLS = 8;
const WIDEST = 6; // cells; the data's digits are all 8 high and some 6 wide
export const SIDE = 32; // pixels
const INNER = 24; // of them, inside the margin
const MARGIN = (SIDE - INNER) / 2;

/** The least box around what is drawn, { left, top, width, height }; null if nothing is. Ink is (side, side), 0 to 1. */
export function boxAround(ink, side) {
  let [left, top, right, bottom] = [side, side, -1, -1];
  for (let i = 0; i < ink.length; i++) {
    if (ink[i] < 0.1) continue;
    const [x, y] = [i % side, Math.floor(i / side)];
    left = Math.min(left, x);
    right = Math.max(right, x);
    top = Math.min(top, y);
    bottom = Math.max(bottom, y);
  }
  return right < 0 ? null : { left, top, width: right - left + 1, height: bottom - top + 1 };
}

/** How much ink is in each of 8 x 8 cells, 0 to 1, of a box as high as all of them, or at most 6 wide, in the middle. */
export function toCells(ink, side, box) {
  const cell = { x: Math.max(box.width / WIDEST, box.height / CELLS / 2), y: box.height / CELLS };
  const start = { x: box.left + box.width / 2 - (CELLS / 2) * cell.x, y: box.top };
  return Float32Array.from({ length: CELLS ** 2 }, (_, k) => {
    const x = start.x + (k % CELLS) * cell.x;
    const y = start.y + Math.floor(k / CELLS) * cell.y;
    return meanOf(ink, side, x, y, x + cell.x, y + cell.y);
  });
}

function meanOf(ink, side, left, top, right, bottom) {
  let [sum, area] = [0, 0];
  for (let y = Math.floor(top); y < bottom; y++) {
    for (let x = Math.floor(left); x < right; x++) {
      const share = (Math.min(x + 1, right) - Math.max(x, left)) * (Math.min(y + 1, bottom) - Math.max(y, top));
      const isInside = x >= 0 && y >= 0 && x < side && y < side;
      sum += isInside ? share * ink[y * side + x] : 0;
      area += share;
    }
  }
  return sum / area;
}

/** Cells of ink as a picture, black on white, for the codec: three colours for each of 32 x 32 pixels, 0 to 1. */
export function toPicture(cells) {
  const pixels = new Float32Array(3 * SIDE ** 2).fill(1);
  // First across, then down, neither beyond all ink or none: as Pillow does it.
  const lines = Array.from({ length: CELLS }, (_, row) => enlarge(cells.subarray(row * CELLS, (row + 1) * CELLS)));
  for (let x = 0; x < INNER; x++) {
    enlarge(lines.map((line) => line[x])).forEach((ink, y) => {
      const at = 3 * ((y + MARGIN) * SIDE + x + MARGIN);
      pixels.fill(1 - ink, at, at + 3);
    });
  }
  return pixels;
}

const enlarge = (line) =>
  WEIGHTS.map((near) =>
    clamp(
      near.reduce((sum, [k, share]) => sum + share * line[k], 0),
      0,
      1,
    ),
  );

/** Keys 1981, equation 4, with a = -1/2, as Pillow's BICUBIC. */
function cubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return 1.5 * x ** 3 - 2.5 * x ** 2 + 1;
  return x < 2 ? -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2 : 0;
}

/** Of each pixel along a side inside the margin, the cells that it is mixed from, with their shares. */
const WEIGHTS = Array.from({ length: INNER }, (_, pixel) => {
  const centre = ((pixel + 0.5) * CELLS) / INNER;
  const near = Array.from({ length: CELLS }, (_, k) => [k, cubic(k + 0.5 - centre)]).filter(([, share]) => share);
  const sum = near.reduce((total, [, share]) => total + share, 0);
  return near.map(([k, share]) => [k, share / sum]);
});
