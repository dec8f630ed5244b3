// Which pictures are shown where: pure.

const CELL_SIDE = 44; // CSS pixels at least, of a cell of the lattice; from twice that it is halved

/** Squares of one side, placed greedily in the order in which they are offered: none overlaps one before it. */
export class Placement {
  #taken = new Map(); // screen cell -> middles of the squares in it; a square overlaps those of 3 x 3 cells only

  constructor(side, { width, height }) {
    this.ids = [];
    this.side = side;
    this.size = { width, height };
  }

  /** Places a square with its middle here, if it is in view at least in part, and the place is free. */
  offer(id, [px, py]) {
    const edge = this.side / 2;
    const { width, height } = this.size;
    if (px < -edge || py < -edge || px > width + edge || py > height + edge || !this.#isFree(px, py)) return;
    const cell = this.#cellAt(px, py);
    if (!this.#taken.has(cell)) this.#taken.set(cell, []);
    this.#taken.get(cell).push([px, py]);
    this.ids.push(id);
  }

  #isFree(px, py) {
    const { side } = this;
    for (let dx = -side; dx <= side; dx += side) {
      for (let dy = -side; dy <= side; dy += side) {
        const others = this.#taken.get(this.#cellAt(px + dx, py + dy)) ?? [];
        if (others.some(([x, y]) => Math.abs(x - px) < side && Math.abs(y - py) < side)) return false;
      }
    }
    return true;
  }

  #cellAt(px, py) {
    return Math.floor(px / this.side) * 65536 + Math.floor(py / this.side);
  }
}

/**
 * The cells of a lattice over the map as far as it is in view: `{ side, cells: [{ place, opacity }] }`, from the middle of
 * the view outwards; places and side in map units. The lattice is fixed to the map and its sides halve, so that the same
 * places come again, here and for other people.
 *
 * Opacity is 1 among the data and 0 far from it: `distanceToData(place, most)` is that to the nearest point, or null where
 * none is nearer than `most`; `near` and `far` are the distances of "near data" and "far from data".
 */
export function latticeCells(viewport, { near, far }, distanceToData) {
  const { left, right, bottom, top } = viewport.bounds;
  const extent = Math.max(right - left, top - bottom, 1e-9);
  const side = extent / 2 ** Math.floor(Math.log2((extent * viewport.scale) / CELL_SIDE));
  // A cell that holds data is solid, whatever the distances.
  const [solid, gone] = [Math.max(0.7 * side, near), Math.max(1.4 * side, far)];
  const view = viewport.box();
  const cells = [];
  for (let column = Math.floor((view.left - left) / side); left + column * side < view.right; column++) {
    for (let row = Math.floor((view.bottom - bottom) / side); bottom + row * side < view.top; row++) {
      const place = [left + (column + 0.5) * side, bottom + (row + 0.5) * side];
      const distance = distanceToData(place, gone) ?? gone;
      const opacity = Math.min(1, (gone - distance) / (gone - solid));
      if (opacity > 0) cells.push({ place, opacity });
    }
  }
  const fromMiddle = ({ place: [x, y] }) => (x - viewport.x) ** 2 + (y - viewport.y) ** 2;
  return { side, cells: cells.sort((a, b) => fromMiddle(a) - fromMiddle(b)) };
}
