// The histograms as a drawing of their own.

import { makeSvg } from "../../web/dom.js";
import { digits } from "../../web/numbers.js";

const [WIDTH, HEIGHT, GAP, LINE] = [360, 120, 28, 22]; // pixels: of the bars of one, around it, and of a line of text

/**
 * Draws histograms side by side, all pictures in grey and the chosen ones in colour. Each has a `title`, and `edges`,
 * `counts` and `chosen` of its bins. `look` has the colours `ground`, `ink` and `accent`, and the `font`.
 */
export function figureOf(histograms, look) {
  const width = GAP + histograms.length * (WIDTH + GAP);
  const height = 2 * (GAP + LINE) + HEIGHT;
  const size = { width, height };
  return makeSvg(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, ...size, fill: look.ink },
    makeSvg("rect", { ...size, fill: look.ground }),
    ...histograms.flatMap((histogram, k) => shapesOf(histogram, GAP + k * (WIDTH + GAP), look)),
  );
}

function shapesOf({ title, edges, counts, chosen }, left, { ink, accent, font }) {
  const [top, bottom] = [GAP + LINE, GAP + LINE + HEIGHT];
  const [step, most] = [WIDTH / counts.length, Math.max(...counts)];
  const bar = (count, k, style) => {
    const tall = (HEIGHT * count) / most;
    return makeSvg("rect", {
      x: left + (k + 0.06) * step,
      y: bottom - tall,
      width: 0.88 * step,
      height: tall,
      ...style,
    });
  };
  const text = (words, x, y, anchor) =>
    makeSvg("text", { x, y, "text-anchor": anchor, "font-family": font, "font-size": 14 }, words);
  return [
    text(title, left, top - 8, "start"),
    ...counts.map((count, k) => bar(count, k, { "fill-opacity": 0.22 })),
    ...chosen.map((count, k) => bar(count, k, { fill: accent })),
    makeSvg("line", { x1: left, x2: left + WIDTH, y1: bottom, y2: bottom, stroke: ink }),
    text(digits(edges[0]), left, bottom + LINE - 4, "start"),
    text(digits(edges.at(-1)), left + WIDTH, bottom + LINE - 4, "end"),
  ];
}
