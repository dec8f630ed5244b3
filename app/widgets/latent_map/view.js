// The part of the map that is in view: pure.

import { clamp } from "../../web/numbers.js";

const FIT_MARGIN = 1.08;
const ZOOM_RANGE = [1, 600]; // times the scale at which the whole map fits

/**
 * A value: moving makes another one. `bounds` is the box around the data; `size` is the view's width and height, in CSS
 * pixels; x and y are the place of the map in its middle, and `scale` is pixels per map unit. A place of the map is a pair
 * of coordinates, a place of the view a pair of pixels from its top left corner.
 */
export class Viewport {
  constructor(bounds, size, { x, y, scale } = fit(bounds, size, FIT_MARGIN)) {
    Object.assign(this, { bounds, size, x, y, scale });
    Object.freeze(this);
  }

  toPixels([x, y]) {
    return [(x - this.x) * this.scale + this.size.width / 2, this.size.height / 2 - (y - this.y) * this.scale];
  }

  toMap([px, py]) {
    return [(px - this.size.width / 2) / this.scale + this.x, (this.size.height / 2 - py) / this.scale + this.y];
  }

  // How many times nearer than where the whole map fits.
  get zoom() {
    return this.scale / this.fitted().scale;
  }

  // The map as far as it is seen, or as it would be by a view of another size.
  box({ width, height } = this.size) {
    const [halfWidth, halfHeight] = [width / 2 / this.scale, height / 2 / this.scale];
    return {
      left: this.x - halfWidth,
      right: this.x + halfWidth,
      bottom: this.y - halfHeight,
      top: this.y + halfHeight,
    };
  }

  // ---- Others like it ----

  // All of the map.
  fitted() {
    return new Viewport(this.bounds, this.size);
  }

  // Elsewhere, as far as the bounds and the range of scales allow.
  at({ x = this.x, y = this.y, scale = this.scale }) {
    const { left, right, bottom, top } = this.bounds;
    const [low, high] = ZOOM_RANGE.map((factor) => factor * this.fitted().scale);
    const place = { x: clamp(x, left, right), y: clamp(y, bottom, top), scale: clamp(scale, low, high) };
    return new Viewport(this.bounds, this.size, place);
  }

  // What was at one place of the view comes to another, stretched: panning, zooming and pinching are all this.
  dragged(from, to, stretch = 1) {
    const [x, y] = this.toMap(from);
    const { scale } = this.at({ scale: this.scale * stretch });
    const [toX, toY] = new Viewport(this.bounds, this.size, { x: this.x, y: this.y, scale }).toMap(to);
    return this.at({ x: this.x + x - toX, y: this.y + y - toY, scale });
  }

  // Nearer or farther, about a place of the view; its middle if none is given.
  zoomed(stretch, about = [this.size.width / 2, this.size.height / 2]) {
    return this.dragged(about, about, stretch);
  }

  // With a box of the map in the middle, which the view is `margin` times as large as; but no nearer than `zoom`.
  framing(bounds, margin, zoom) {
    const { x, y, scale } = fit(bounds, this.size, margin);
    return this.at({ x, y, scale: Math.min(scale, zoom * this.fitted().scale) });
  }

  // With a place of the map in the middle, so many times nearer than all of it.
  zoomedTo([x, y, zoom]) {
    return this.at({ x, y, scale: zoom * this.fitted().scale });
  }

  // In a view of another size, the map as wide as before; all of it if it was.
  resized(size) {
    if (this.isFitted()) return new Viewport(this.bounds, size);
    const scale = (this.scale * size.width) / this.size.width;
    return new Viewport(this.bounds, size, { x: this.x, y: this.y, scale }).at({});
  }

  // On the way to another, from 0 to 1: even steps of zoom are factors.
  towards(other, share) {
    const mix = (from, to) => from + (to - from) * share;
    const scale = this.scale * (other.scale / this.scale) ** share;
    return new Viewport(this.bounds, this.size, { x: mix(this.x, other.x), y: mix(this.y, other.y), scale });
  }

  // ---- Questions ----

  isFitted() {
    const { x, y, scale } = this.fitted();
    const isNear = (pixels) => Math.abs(pixels) < 2;
    return isNear((x - this.x) * scale) && isNear((y - this.y) * scale) && Math.abs(this.scale / scale - 1) < 0.01;
  }

  // Whether a place of the map is in view, `edge` pixels or more from where it ends.
  shows(place, edge = 0) {
    const [px, py] = this.toPixels(place);
    return px > edge && py > edge && px < this.size.width - edge && py < this.size.height - edge;
  }
}

function fit({ left, right, bottom, top }, size, margin) {
  const [width, height] = [right - left, top - bottom];
  const scale = Math.min(size.width / margin / (width || 1e-9), size.height / margin / (height || 1e-9));
  return { x: (left + right) / 2, y: (bottom + top) / 2, scale: width || height ? scale : 1 };
}
