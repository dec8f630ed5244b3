// Points and lines in the plane of the map: pure. A place is a pair of coordinates.

import { clamp } from "../../web/numbers.js";

const GRID_CELLS = 160; // along the longer side
const ASIDE_COST = 2; // of a pixel beside the direction, where one ahead costs 1

/** The smallest box around points. */
export function boundsOf(xs, ys) {
  const bounds = { left: Infinity, right: -Infinity, bottom: Infinity, top: -Infinity };
  for (let i = 0; i < xs.length; i++) {
    bounds.left = Math.min(bounds.left, xs[i]);
    bounds.right = Math.max(bounds.right, xs[i]);
    bounds.bottom = Math.min(bounds.bottom, ys[i]);
    bounds.top = Math.max(bounds.top, ys[i]);
  }
  return bounds;
}

export const boundsOfPlaces = (places) =>
  boundsOf(
    places.map(([x]) => x),
    places.map(([, y]) => y),
  );

/** Points by square cell: those near a place are found among dozens instead of all. */
export class PointGrid {
  constructor(xs, ys, bounds = boundsOf(xs, ys)) {
    const [width, height] = [bounds.right - bounds.left, bounds.top - bounds.bottom];
    Object.assign(this, { xs, ys, bounds, cell: Math.max(width, height, 1e-9) / GRID_CELLS });
    this.columns = Math.floor(width / this.cell) + 1;
    this.rows = Math.floor(height / this.cell) + 1;
    // A counting sort: `order` has the points of cell c from starts[c] to starts[c + 1].
    this.starts = new Uint32Array(this.columns * this.rows + 1);
    this.order = new Uint32Array(xs.length);
    for (let i = 0; i < xs.length; i++) this.starts[this.#cellOf(i) + 1]++;
    for (let c = 1; c < this.starts.length; c++) this.starts[c] += this.starts[c - 1];
    const free = this.starts.slice();
    for (let i = 0; i < xs.length; i++) this.order[free[this.#cellOf(i)]++] = i;
  }

  #cellOf(i) {
    return this.#rowAt(this.ys[i]) * this.columns + this.#columnAt(this.xs[i]);
  }

  // The nearest cell of the grid where the place is beside it.
  #columnAt(x) {
    return clamp(Math.floor((x - this.bounds.left) / this.cell), 0, this.columns - 1);
  }

  #rowAt(y) {
    return clamp(Math.floor((y - this.bounds.bottom) / this.cell), 0, this.rows - 1);
  }

  /** Calls `visit(i)` for each point in the cells that a box touches: all points in it, and some just beside it. */
  visit({ left, right, bottom, top }, visit) {
    const [firstColumn, lastColumn] = [this.#columnAt(left), this.#columnAt(right)];
    const [firstRow, lastRow] = [this.#rowAt(bottom), this.#rowAt(top)];
    for (let row = firstRow; row <= lastRow; row++) {
      const end = this.starts[row * this.columns + lastColumn + 1];
      for (let k = this.starts[row * this.columns + firstColumn]; k < end; k++) visit(this.order[k]);
    }
  }

  /** The nearest point within reach of a place, of those that are eligible; or null. */
  nearest([x, y], reach, isEligible = () => true) {
    let [best, bestSquare] = [null, reach * reach];
    this.visit({ left: x - reach, right: x + reach, bottom: y - reach, top: y + reach }, (i) => {
      const square = (this.xs[i] - x) ** 2 + (this.ys[i] - y) ** 2;
      if (square <= bestSquare && isEligible(i)) [best, bestSquare] = [i, square];
    });
    return best;
  }

  /** So many of the nearest points to a place, nearest first; all of them, where there are no more. */
  nearestFew([x, y], count) {
    const wanted = Math.min(count, this.xs.length);
    for (let reach = this.cell; ; reach *= 2) {
      const found = [];
      this.visit({ left: x - reach, right: x + reach, bottom: y - reach, top: y + reach }, (i) => {
        const square = (this.xs[i] - x) ** 2 + (this.ys[i] - y) ** 2;
        if (square <= reach * reach) found.push([square, i]);
      });
      if (found.length < wanted) continue; // one beyond the reach may be nearer than those that are to come
      found.sort(([a], [b]) => a - b);
      return found.slice(0, wanted).map(([, i]) => i);
    }
  }

  /** The nearest point within 45 degrees of a direction from a place, straight ahead preferred; or null. */
  towards([x, y], [dx, dy], leastStep, isEligible = () => true) {
    let [best, bestCost] = [null, Infinity];
    for (let i = 0; i < this.xs.length; i++) {
      const [offsetX, offsetY] = [this.xs[i] - x, this.ys[i] - y];
      const ahead = offsetX * dx + offsetY * dy;
      const aside = Math.abs(offsetX * dy - offsetY * dx);
      const cost = ahead + ASIDE_COST * aside;
      if (ahead > leastStep && aside <= ahead && cost < bestCost && isEligible(i)) [best, bestCost] = [i, cost];
    }
    return best;
  }
}

/** By the even-odd rule: a line from the place to the right crosses the outline an odd number of times. */
export function isInside([x, y], outline) {
  let inside = false;
  for (let k = 0, last = outline.length - 1; k < outline.length; last = k++) {
    const [[ax, ay], [bx, by]] = [outline[k], outline[last]];
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  }
  return inside;
}

/** At most so many corners of a line, evenly taken, the first and the last among them. */
export function thinOut(corners, most) {
  if (corners.length <= most) return corners;
  return Array.from({ length: most }, (_, k) => corners[Math.round((k * (corners.length - 1)) / (most - 1))]);
}

/** The mean place of points, given by their rows. */
export function middleOf(rows, xs, ys) {
  const mean = (values) => rows.reduce((sum, i) => sum + values[i], 0) / rows.length;
  return [mean(xs), mean(ys)];
}

/** The larger of a line's width and height. */
export function extentOf(corners) {
  const { left, right, bottom, top } = boundsOfPlaces(corners);
  return Math.max(right - left, top - bottom);
}
