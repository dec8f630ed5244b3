import { make, makeSvg } from "../../web/dom.js";

const WIDTH = 100; // units of the drawing
const HEIGHT = 40;

/** Every step in units of the mean step: of an even path, all are 1. */
export function stepShares(steps) {
  const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length || 1;
  return steps.map((step) => step / mean);
}

/** Plots the lengths of steps, by name, so that all share an axis; with none, nothing is shown. */
export function plotSteps(figure, lengths) {
  const curves = Object.entries(lengths).map(([name, steps]) => ({ name, shares: stepShares(steps) }));
  figure.hidden = !curves.length;
  if (!curves.length) return;
  const top = Math.max(2, ...curves.flatMap(({ shares }) => shares)) * 1.05;
  const largest = curves.map(({ name, shares }) => `${name} ${Math.max(...shares).toFixed(1)}`).join(", ");
  const [svg, caption] = figure.children;
  svg.replaceChildren(evenLine(top), ...curves.map(({ shares }, k) => curve(shares, top, k)));
  svg.setAttribute("aria-label", `Length of each step, in units of the mean step; the largest: ${largest}`);
  caption.replaceChildren(
    make("span", { textContent: "Length of each step:" }),
    ...curves.map(({ name }, k) => make("span", { textContent: name, className: `key curve-${k}` })),
    make("span", { textContent: `largest: ${largest} × the mean` }),
  );
}

const heightOf = (share, top) => HEIGHT * (1 - share / top);

const evenLine = (top) =>
  makeSvg("line", { x1: 0, x2: WIDTH, y1: heightOf(1, top), y2: heightOf(1, top), class: "even" });

function curve(shares, top, k) {
  const points = shares.flatMap((share, i) =>
    [i, i + 1].map((end) => `${(WIDTH * end) / shares.length},${heightOf(share, top).toFixed(2)}`),
  );
  return makeSvg("polyline", { points: points.join(" "), class: `curve-${k}` });
}
