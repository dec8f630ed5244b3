// The points. Panning, zooming and finding the point under the pointer are not Plotly's: it knows no pinch, and its hover
// knows only points, not the places between them.

import { clamp } from "../../web/numbers.js";
import { PlotlyPoints } from "./plotly_points.js";
import { PointCloud } from "./point_cloud.js";

const HEAVY = 20_000; // points; more cannot be drawn again at every frame on a slow machine
const HEAVY_MARGIN = 0.5; // of the view's size, on each side: drawn besides, to be dragged into view
const TOO_MANY_FOR_PLOTLY = 100_000; // points
const OUTLINED_MATCHES = 400; // at most; more would be a blot of outlines

export class Chart {
  /** CSS pixels, as drawn last. */
  pointSize = 0;
  #drawn = null; // the viewport, as drawn last
  #drawnSize = null; // and the size of the drawing, CSS pixels
  #plot;
  #state;
  #plotly;
  #cloud;

  /** `onLost` is called when the browser has taken the canvas away, as it does to the oldest of several. */
  constructor({ plot, state, palette, onLost }) {
    this.#plot = plot;
    this.#state = state;
    const parts = {
      plot,
      state,
      palette,
      onLost: () => {
        this.clear();
        onLost();
      },
    };
    this.#plotly = new PlotlyPoints(parts);
    this.#cloud = new PointCloud(parts);
  }

  /** Loads what draws so many points. The error says why it could not, in words. */
  async load(count) {
    requireWebGL();
    await this.#drawerOf(count).load();
  }

  /** Draws all points again. */
  async draw() {
    const { points, viewport } = this.#state;
    this.pointSize = pointSize(points, viewport);
    const drawer = this.#drawerOf(points.count);
    const other = drawer === this.#cloud ? this.#plotly : this.#cloud;
    other.clear();
    const place = this.#place();
    await drawer.draw(this.#layers(), place);
    if (this.#state.points !== points) return; // another map came meanwhile
    this.#keep(place); // if the view has moved on meanwhile, the next frame shifts
  }

  /** At each frame that moves the view: brings the points to their new places, or shifts what was drawn of them there. */
  follow() {
    if (!this.#drawn || this.#isResized() || !this.#isHeavy() || !this.#reachesOverView()) this.#move();
    else this.#shift();
  }

  /** Once the view rests. Returns whether all points have to be drawn again, as they have to be larger when zoomed in. */
  settle() {
    const { points, viewport } = this.#state;
    if (pointSize(points, viewport) !== this.pointSize) return true;
    if (this.#drawn !== viewport) this.#move();
    return false;
  }

  /**
   * What is in view, as the URL of an SVG or a PNG, of so many pixels for one of the view. Where they are not too many,
   * an SVG has a shape for each point.
   */
  image(format, scale = 1) {
    const { points, viewport } = this.#state;
    const place = { viewport, size: viewport.size };
    const options = { format, scale, isPlain: format === "svg" && !this.#isHeavy() };
    return this.#drawerOf(points.count).image(this.#layers(), place, options);
  }

  /** Before other points come. */
  forget() {
    this.#drawn = null;
  }

  clear() {
    this.forget();
    this.#plotly.clear();
    this.#cloud.clear();
  }

  #drawerOf(count) {
    return count > TOO_MANY_FOR_PLOTLY ? this.#cloud : this.#plotly;
  }

  // What is drawn over each other: the `rows` of points, their `size` and `outline` in CSS pixels, and their opacity.
  #layers() {
    const { points, grouping, matches } = this.#state;
    const rows = grouping.toDraw(points.shuffled);
    const all = { rows, size: this.pointSize, opacity: matches ? 0.12 : 0.8, outline: 0 };
    if (!matches) return [all];
    const found = rows.filter((i) => matches[i]);
    const outline = found.length > OUTLINED_MATCHES ? 0 : 1;
    return [all, { rows: found, size: this.pointSize + 2, opacity: 1, outline }];
  }

  #isHeavy() {
    return this.#state.points.count > HEAVY;
  }

  // The view, and the size of the drawing about its middle: larger where there are many points, so that those about to
  // come into view are drawn already.
  #place() {
    const { viewport } = this.#state;
    const factor = this.#isHeavy() ? 1 + 2 * HEAVY_MARGIN : 1;
    const { width, height } = viewport.size;
    return { viewport, size: { width: Math.round(width * factor), height: Math.round(height * factor) } };
  }

  // ---- Where it is ----

  #isResized() {
    const { width, height } = this.#place().size;
    return this.#drawnSize.width !== width || this.#drawnSize.height !== height;
  }

  #move() {
    const place = this.#place();
    this.#drawerOf(this.#state.points.count).move(place);
    this.#keep(place);
  }

  #keep({ viewport, size }) {
    this.#drawn = viewport;
    this.#drawnSize = size;
    const { width, height } = size;
    const left = `${(viewport.size.width - width) / 2}px`;
    const top = `${(viewport.size.height - height) / 2}px`;
    Object.assign(this.#plot.style, { width: `${width}px`, height: `${height}px`, left, top, transform: "" });
  }

  // From the view that was drawn last to the one wanted now, about the middle.
  #shiftNow() {
    const { viewport } = this.#state;
    const [x, y] = viewport.toPixels([this.#drawn.x, this.#drawn.y]);
    const { width, height } = viewport.size;
    return { left: x - width / 2, top: y - height / 2, stretch: viewport.scale / this.#drawn.scale };
  }

  #reachesOverView() {
    const { left, top, stretch } = this.#shiftNow();
    const { width, height } = this.#drawnSize;
    const shown = this.#state.viewport.size;
    const isCovered = (shift, drawn, needed) => Math.abs(shift) <= (drawn * stretch - needed) / 2;
    return isCovered(left, width, shown.width) && isCovered(top, height, shown.height);
  }

  // What was drawn last is moved and stretched to where it belongs: its picture, not its points.
  #shift() {
    const { left, top, stretch } = this.#shiftNow();
    this.#plot.style.transform = `translate(${left}px, ${top}px) scale(${stretch})`;
  }
}

// Without WebGL, Plotly would put a note of its own in the place of the points.
function requireWebGL() {
  const context = document.createElement("canvas").getContext("webgl");
  if (!context) throw new Error("this browser has WebGL switched off");
  context.getExtension("WEBGL_lose_context")?.loseContext(); // browsers allow but a few at a time
}

function pointSize({ count }, { zoom }) {
  const byCount = clamp(12 - 2 * Math.log10(count), 2.5, 8);
  const byZoom = Math.min(2.5, Math.max(1, zoom) ** 0.3);
  return Math.round(byCount * byZoom * 2) / 2;
}
