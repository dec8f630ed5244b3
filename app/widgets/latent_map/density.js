// Lines of equal density: pure.

import { clamp } from "../../web/numbers.js";

const CELLS = 110; // along the longer side
const BLUR = 3; // box blurs, each of 3 cells
const SHARES = [0.95, 0.75, 0.5, 0.25, 0.1]; // of the points, inside each line
const FEWEST_POINTS = 20;

/**
 * Paths (the `d` of an SVG path, in map units) that enclose the densest 95, 75, 50, 25 and 10 percent of the points:
 * highest-density regions (Hyndman 1996) of a kernel density estimate. None for a handful of points.
 */
export function densityLines(xs, ys, bounds) {
  if (xs.length < FEWEST_POINTS) return [];
  const { field, cellOf, toMap } = estimateDensity(xs, ys, bounds);
  const densities = Float32Array.from(xs, (_, i) => field.values[cellOf(i)]);
  return thresholds(densities, SHARES).map((height) => {
    const place = ([column, row]) => {
      const [x, y] = toMap(column, row);
      return `${x.toFixed(3)} ${y.toFixed(3)}`;
    };
    return marchingSquares(field, height)
      .map(([from, to]) => `M${place(from)}L${place(to)}`)
      .join("");
  });
}

/** The heights above which these shares of the densities lie. */
export function thresholds(densities, shares) {
  const sorted = densities.slice().sort();
  return shares.map((share) => sorted[Math.floor((1 - share) * (sorted.length - 1))]);
}

/** Counts of points on a grid, blurred: three box blurs are nearly a Gaussian. A field has its values row by row. */
export function estimateDensity(xs, ys, { left, right, bottom, top }) {
  const step = Math.max(right - left, top - bottom, 1e-9) / CELLS;
  const margin = 3 * BLUR;
  const columns = Math.ceil((right - left) / step) + 2 * margin + 1;
  const rows = Math.ceil((top - bottom) / step) + 2 * margin + 1;
  const along = (value, from) => Math.round((value - from) / step) + margin;
  const cellOf = (i) => along(ys[i], bottom) * columns + along(xs[i], left);
  let values = new Float32Array(columns * rows);
  for (let i = 0; i < xs.length; i++) values[cellOf(i)]++;
  for (let pass = 0; pass < BLUR; pass++) {
    values = blur(values, { length: columns, stride: 1, lines: rows, across: columns });
    values = blur(values, { length: rows, stride: columns, lines: columns, across: 1 });
  }
  const toMap = (column, row) => [left + (column - margin) * step, bottom + (row - margin) * step];
  return { field: { values, columns, rows }, cellOf, toMap };
}

// The mean of each value and its two neighbours along a line; the ends are repeated.
function blur(values, { length, stride, lines, across }) {
  const blurred = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    const start = line * across;
    for (let k = 0; k < length; k++) {
      let sum = 0;
      for (let d = -1; d <= 1; d++) sum += values[start + clamp(k + d, 0, length - 1) * stride];
      blurred[start + k * stride] = sum / 3;
    }
  }
  return blurred;
}

/**
 * The pieces of the line where a field crosses a height, as pairs of [column, row]: each square of four neighbouring
 * values has none, one or two of them.
 */
export function marchingSquares({ values, columns, rows }, height) {
  const pieces = [];
  for (let row = 0; row + 1 < rows; row++) {
    for (let column = 0; column + 1 < columns; column++) {
      const crossings = crossingsOf(values, columns, column, row, height);
      for (let k = 0; k + 1 < crossings.length; k += 2) pieces.push([crossings[k], crossings[k + 1]]);
    }
  }
  return pieces;
}

// Where the line crosses the four sides of a square, in their order around it; between two values it is straight.
function crossingsOf(values, columns, column, row, height) {
  const corners = [
    [column, row],
    [column + 1, row],
    [column + 1, row + 1],
    [column, row + 1],
  ];
  const above = corners.map(([x, y]) => values[y * columns + x] - height);
  const crossings = [];
  for (let k = 0; k < 4; k++) {
    const [from, to] = [above[k], above[(k + 1) % 4]];
    if (from > 0 === to > 0) continue;
    const share = from / (from - to);
    const [[x, y], [toX, toY]] = [corners[k], corners[(k + 1) % 4]];
    crossings.push([x + (toX - x) * share, y + (toY - y) * share]);
  }
  return crossings;
}
