// Where the places of a map are in a box of any shape: pure.

import { clamp } from "../../web/numbers.js";

/** A map stretched so that its bounds fill a box but for a margin: a map has no up, and neither axis has a unit. */
export class Frame {
  constructor({ left, right, bottom, top }, { width, height }, margin) {
    Object.assign(this, { left, top, width, height, margin });
    this.scaleX = (width - 2 * margin) / Math.max(right - left, 1e-9);
    this.scaleY = (height - 2 * margin) / Math.max(top - bottom, 1e-9);
  }

  /** From map coordinates to CSS pixels of the box. */
  toPixels([x, y]) {
    return [this.margin + (x - this.left) * this.scaleX, this.margin + (this.top - y) * this.scaleY];
  }

  /** And back; a place outside the box is the nearest one in it. */
  toMap([px, py]) {
    const [x, y] = [clamp(px, 0, this.width), clamp(py, 0, this.height)];
    return [this.left + (x - this.margin) / this.scaleX, this.top - (y - this.margin) / this.scaleY];
  }
}
