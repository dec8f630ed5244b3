// Points, drawn by Plotly with WebGL.

import { loadPlotly } from "./plotly.js";

const HIDDEN_AXIS = { visible: false, autorange: false, fixedrange: true };

export class PlotlyPoints {
  #plot;
  #plotly = null; // until it is loaded
  #state;
  #palette;
  #onLost;

  constructor({ plot, state, palette, onLost }) {
    this.#plot = plot;
    this.#state = state;
    this.#palette = palette;
    this.#onLost = onLost;
  }

  async load() {
    this.#plotly ??= await loadPlotly();
  }

  async draw(layers, place) {
    await this.#plotly.react(this.#plot, this.#traces(layers), layoutOf(place), configOf(place));
    this.#plot.removeAllListeners("plotly_webglcontextlost");
    this.#plot.on("plotly_webglcontextlost", this.#onLost);
  }

  // Told of a size, Plotly lays everything out again, which takes too long for a frame.
  move({ viewport, size }) {
    const isResized = this.#plot.layout.width !== size.width || this.#plot.layout.height !== size.height;
    this.#plotly.relayout(this.#plot, { ...(isResized ? size : {}), ...rangesOf(viewport, size) });
  }

  /** With a shape for each point in an SVG, where `isPlain`. */
  image(layers, place, { format, scale, isPlain }) {
    const data = this.#traces(layers).map((trace) => (isPlain ? { ...trace, type: "scatter" } : trace));
    const parts = { data, layout: layoutOf(place), config: configOf(place) };
    return this.#plotly.toImage(parts, { format, scale, ...place.size });
  }

  clear() {
    this.#plotly?.purge(this.#plot);
  }

  // Grey and coloured points apart: a trace of colours by number has no other.
  #traces(layers) {
    const { grouping } = this.#state;
    return layers.flatMap(({ rows, ...options }) =>
      [rows.filter((i) => grouping.isGrey(i)), rows.filter((i) => !grouping.isGrey(i))]
        .filter(({ length }) => length)
        .map((members) => this.#trace(members, options)),
    );
  }

  #trace(members, { size, opacity, outline }) {
    const { x, y } = this.#state.points;
    const at = (coordinates) => Float32Array.from(members, (i) => coordinates[i]);
    const line = { width: outline, color: this.#palette.ink };
    const marker = { size, opacity, line, ...this.#paint(members) };
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
}

function layoutOf({ viewport, size }) {
  const ranges = rangesOf(viewport, size);
  return {
    ...size,
    margin: { l: 0, r: 0, t: 0, b: 0 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    showlegend: false,
    hovermode: false,
    dragmode: false,
    xaxis: { ...HIDDEN_AXIS, range: ranges["xaxis.range"] },
    yaxis: { ...HIDDEN_AXIS, range: ranges["yaxis.range"] },
  };
}

// Plotly draws two pixels for one across. For a plot that is larger than the view, the screen's own have to do.
function configOf({ viewport, size }) {
  const plotGlPixelRatio = size.width > viewport.size.width ? Math.min(2, devicePixelRatio) : 2;
  return { plotGlPixelRatio, staticPlot: true, displayModeBar: false, responsive: false };
}

function rangesOf(viewport, size) {
  const { left, right, bottom, top } = viewport.box(size);
  return { "xaxis.range": [left, right], "yaxis.range": [bottom, top] };
}
