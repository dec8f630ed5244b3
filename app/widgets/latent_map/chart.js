// The points, drawn by Plotly with WebGL. Panning, zooming and finding the point under the pointer are not Plotly's: it
// knows no pinch, and its hover knows only points, not the places between them.

import { clamp } from "../../web/numbers.js";
import { loadPlotly } from "./plotly.js";

const HEAVY = 20_000; // points; more cannot be drawn again at every frame on a slow machine
const HEAVY_MARGIN = 0.5; // of the view's size, on each side: drawn besides, to be dragged into view
const OUTLINED_MATCHES = 400; // at most; more would be a blot of outlines

export class Chart {
  /** CSS pixels, as drawn last. */
  pointSize = 0;
  #drawn = null; // the viewport, as drawn last
  #plot;
  #plotly = null; // until it is loaded
  #state;
  #palette;
  #onLost;

  /** `onLost` is called when the browser has taken the canvas away, as it does to the oldest of several. */
  constructor({ plot, state, palette, onLost }) {
    this.#plot = plot;
    this.#state = state;
    this.#palette = palette;
    this.#onLost = onLost;
  }

  /** Loads what draws. The error says why it could not, in words. */
  async load() {
    if (this.#plotly) return;
    requireWebGL();
    this.#plotly = await loadPlotly();
  }

  /** Draws all points again. */
  async draw() {
    const { points, viewport } = this.#state;
    this.pointSize = pointSize(points, viewport);
    await this.#plotly.react(this.#plot, this.#traces(), this.#layout(), this.#config());
    if (this.#state.points !== points) return; // another map came meanwhile
    this.#keep(viewport); // if the view has moved on meanwhile, the next frame shifts
    this.#plot.removeAllListeners("plotly_webglcontextlost");
    this.#plot.on("plotly_webglcontextlost", () => {
      this.clear();
      this.#onLost();
    });
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
    const { size } = this.#state.viewport;
    const isPlain = format === "svg" && !this.#isHeavy();
    const data = this.#traces().map((trace) => (isPlain ? { ...trace, type: "scatter" } : trace));
    const layout = this.#layout(size);
    return this.#plotly.toImage({ data, layout, config: this.#config() }, { format, scale, ...size });
  }

  /** Before other points come. */
  forget() {
    this.#drawn = null;
  }

  clear() {
    this.forget();
    this.#plotly?.purge(this.#plot);
  }

  // ---- What Plotly draws ----

  #traces() {
    const { points, grouping, matches } = this.#state;
    const shown = points.shuffled.filter((i) => grouping.isShown(i));
    const all = this.#layers(shown, { opacity: matches ? 0.12 : 0.8 });
    if (!matches) return all;
    const found = shown.filter((i) => matches[i]);
    const line = { width: found.length > OUTLINED_MATCHES ? 0 : 1, color: this.#palette.ink };
    return all.concat(this.#layers(found, { opacity: 1, line, size: this.pointSize + 2 }));
  }

  // The grey of the others, which are many, under all colours.
  #layers(rows, options) {
    const isGrey = (i) => this.#state.grouping.groupAt(i).slot === "other";
    return [rows.filter(isGrey), rows.filter((i) => !isGrey(i))]
      .filter(({ length }) => length)
      .map((members) => this.#trace(members, options));
  }

  #trace(members, options) {
    const { x, y } = this.#state.points;
    const at = (coordinates) => Float32Array.from(members, (i) => coordinates[i]);
    const marker = { size: this.pointSize, line: { width: 0 }, ...this.#paint(members), ...options };
    return { type: "scattergl", mode: "markers", x: at(x), y: at(y), hoverinfo: "skip", marker };
  }

  // Of members that are all grey, or none of them.
  #paint(members) {
    const { grouping } = this.#state;
    const { groups, groupOf, number } = grouping;
    const { slot } = grouping.groupAt(members[0]);
    if (slot === "other" || groups.length === 1) return { color: this.#palette.slot(slot) };
    if (number) return this.#scale(number, members);
    const colours = groups.map((group) => this.#palette.slot(group.slot));
    const isOneShape = groups.every(({ shape }) => shape === groups[0].shape);
    return {
      color: Float32Array.from(members, (i) => groupOf[i] + 0.5),
      colorscale: colours.flatMap((colour, k) => [k, k + 1].map((end) => [end / colours.length, colour])),
      cmin: 0,
      cmax: colours.length,
      showscale: false,
      symbol: isOneShape ? groups[0].shape : Array.from(members, (i) => groups[groupOf[i]].shape),
    };
  }

  #scale({ values, range: [cmin, cmax] }, members) {
    const { ramp } = this.#palette;
    const colorscale = ramp.map((colour, k) => [k / (ramp.length - 1), colour]);
    return { color: Float32Array.from(members, (i) => values[i]), colorscale, cmin, cmax, showscale: false };
  }

  #layout(size = this.#size()) {
    const axis = { visible: false, autorange: false, fixedrange: true };
    const ranges = this.#ranges(size);
    return {
      ...size,
      margin: { l: 0, r: 0, t: 0, b: 0 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      showlegend: false,
      hovermode: false,
      dragmode: false,
      xaxis: { ...axis, range: ranges["xaxis.range"] },
      yaxis: { ...axis, range: ranges["yaxis.range"] },
    };
  }

  // Plotly draws two pixels for one across. For a plot that is larger than the view, the screen's own have to do.
  #config() {
    const plotGlPixelRatio = this.#isHeavy() ? Math.min(2, devicePixelRatio) : 2;
    return { plotGlPixelRatio, staticPlot: true, displayModeBar: false, responsive: false };
  }

  #isHeavy() {
    return this.#state.points.count > HEAVY;
  }

  // Larger than the view where there are many points: those about to come into view are drawn already.
  #size() {
    const factor = this.#isHeavy() ? 1 + 2 * HEAVY_MARGIN : 1;
    const { width, height } = this.#state.viewport.size;
    return { width: Math.round(width * factor), height: Math.round(height * factor) };
  }

  #ranges(size = this.#size()) {
    const { left, right, bottom, top } = this.#state.viewport.box(size);
    return { "xaxis.range": [left, right], "yaxis.range": [bottom, top] };
  }

  // ---- Where it is ----

  #isResized() {
    const { width, height } = this.#size();
    return this.#plot.layout.width !== width || this.#plot.layout.height !== height;
  }

  // Told of a size, Plotly lays everything out again, which takes too long for a frame.
  #move() {
    this.#plotly.relayout(this.#plot, { ...(this.#isResized() ? this.#size() : {}), ...this.#ranges() });
    this.#keep(this.#state.viewport);
  }

  #keep(viewport) {
    this.#drawn = viewport;
    const { width, height } = this.#size();
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
    const { width, height } = this.#size();
    const shown = this.#state.viewport.size;
    const isCovered = (shift, drawn, needed) => Math.abs(shift) <= (drawn * stretch - needed) / 2;
    return isCovered(left, width, shown.width) && isCovered(top, height, shown.height);
  }

  // What Plotly drew last is moved and stretched to where it belongs: its picture, not its points.
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
