// The map as a picture of its own: what is in view, and what its colours mean.

import { make, makeSvg } from "../../web/dom.js";
import { spaced } from "../../web/labels.js";
import { pngOfSvg, SCALE, textOfSvg } from "../../web/svg.js";
import { shortly } from "./points.js";

const ROW = 24; // pixels of the legend, from line to line
const SWATCH = 12;
const GAP = 18;
const STYLES = [
  ...["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "vector-effect"],
  ...["font-family", "font-size", "font-weight", "text-anchor", "paint-order"],
];

/**
 * Draws it as SVG: Plotly's points, and what lies under and over them. `find` takes the end of a class name. Where the
 * points are too many to be written one by one, they are a picture in it.
 */
export async function svgOf({ find, state, chart, palette }) {
  return textOfSvg(await figure({ find, state, palette }, await chart.image("svg")));
}

/** The same as a PNG, in a Blob. */
export async function pngOf({ find, state, chart, palette }) {
  return pngOfSvg(await figure({ find, state, palette }, await chart.image("png", SCALE)));
}

async function figure({ find, state, palette }, points) {
  const { width, height } = state.viewport.size;
  const font = getComputedStyle(find("")).fontFamily;
  const legend = legendOf(state.grouping, palette, { width, top: height, font });
  const whole = { width, height: height + legend.height };
  return makeSvg(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${whole.width} ${whole.height}`, ...whole },
    makeSvg("rect", { ...whole, fill: getComputedStyle(find("-stage")).backgroundColor }),
    picture(find("-lattice").toDataURL(), { width, height }),
    copy(find("-contours")),
    makeSvg("g", { opacity: getComputedStyle(find("-plot")).opacity }, picture(points, { width, height })),
    picture(find("-pictures").toDataURL(), { width, height }),
    copy(find("-overlay")),
    ...legend.shapes,
  );
}

const picture = (href, size) => makeSvg("image", { href, ...size });

// With the style that the page's style sheet gives it.
function copy(svg) {
  if (svg.hasAttribute("hidden")) return makeSvg("g");
  const shapes = [...svg.children].map((shape) => {
    const style = getComputedStyle(shape);
    const copied = shape.cloneNode(true);
    copied.setAttribute("style", STYLES.map((name) => `${name}: ${style.getPropertyValue(name)}`).join("; "));
    return copied;
  });
  return makeSvg("g", {}, ...shapes);
}

// ---- What the colours mean ----

function legendOf(grouping, palette, place) {
  if (grouping.number) return rampOf(grouping.number, palette, place);
  const shown = grouping.groups.filter(({ isVisible }) => isVisible);
  if (grouping.groups.length < 2 || !shown.length) return { shapes: [], height: 0 };
  const measure = make("canvas").getContext("2d");
  measure.font = `14px ${place.font}`;
  let [left, row] = [GAP, 0];
  const shapes = shown.flatMap(({ name, slot }) => {
    const length = SWATCH + 6 + measure.measureText(spaced(name)).width + GAP;
    if (left > GAP && left + length > place.width) [left, row] = [GAP, row + 1];
    const middle = place.top + ROW * (row + 0.75);
    const swatch = { x: left, y: middle - SWATCH / 2, width: SWATCH, height: SWATCH, rx: SWATCH / 2 };
    const label = words(spaced(name), left + SWATCH + 6, middle, palette, place);
    left += length;
    return [makeSvg("rect", { ...swatch, fill: palette.slot(slot) }), label];
  });
  return { shapes, height: ROW * (row + 1.5) };
}

function rampOf({ name, range: [low, high] }, palette, place) {
  const { ramp } = palette;
  const step = Math.min(320, place.width - 2 * GAP) / ramp.length;
  const swatches = ramp.map((fill, k) => {
    return makeSvg("rect", { x: GAP + k * step, y: place.top + ROW, width: step + 0.5, height: SWATCH, fill });
  });
  const title = words(
    `${spaced(name)}, from ${shortly(low)} to ${shortly(high)}`,
    GAP,
    place.top + ROW / 2,
    palette,
    place,
  );
  return { shapes: [title, ...swatches], height: 2 * ROW };
}

function words(text, x, middle, palette, { font }) {
  return makeSvg("text", { x, y: middle + 5, fill: palette.ink, "font-family": font, "font-size": 14 }, text);
}
