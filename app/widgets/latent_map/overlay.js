// What lies over the points, as SVG: what is drawn on the map, the marker of a person's picture, rings around points.

import { makeSvg } from "../../web/dom.js";

/**
 * `tools` hold what is drawn; `marker` a person's picture, `{ x, y, neighbours, label }`, or null; `near` the rows of the
 * selected point's nearest in latent space; `aimed` the row of
 * the point under the pointer, or null; `pointSize` the points' diameter in CSS pixels.
 */
export function overlayShapes({ points, viewport, selected }, { tools, marker, near, aimed, pointSize }) {
  const toPixels = (place) => viewport.toPixels(place);
  const ringAround = (index, radius, kind) => ring(toPixels(points.place(index)), radius + pointSize / 2, kind);
  const shapes = drawingShapes(tools, toPixels);
  if (points.has(selected))
    shapes.push(...linksFrom(toPixels(points.place(selected)), points.places(near).map(toPixels)));
  if (marker) shapes.push(...markerShapes(marker, points.places(marker.neighbours), toPixels));
  if (points.has(selected)) shapes.push(ringAround(selected, 6, "selected"));
  if (aimed !== null && aimed !== selected) shapes.push(ringAround(aimed, 5, "aimed"));
  return shapes;
}

function drawingShapes({ tool, stroke, path, isPathByHand, groups }, toPixels) {
  const line = (corners) => `M${corners.map((corner) => toPixels(corner).join(" ")).join("L")}`;
  const shapes = [];
  if (stroke) shapes.push(makeSvg("path", { d: line(stroke), class: tool }));
  if (path.length) shapes.push(makeSvg("path", { d: line(path), class: "path" }));
  if (!isPathByHand) shapes.push(...path.map((corner) => ring(toPixels(corner), 5, "corner")));
  for (const [name, group] of Object.entries(groups)) {
    if (group?.outline.length) shapes.push(makeSvg("path", { d: `${line(group.outline)}Z`, class: "lasso" }));
    if (group) shapes.push(label(toPixels(group.middle), 8, name.toUpperCase(), "label group"));
  }
  return shapes;
}

// A diamond with a label, and lines to its neighbours.
function markerShapes(marker, neighbours, toPixels) {
  const [x, y] = toPixels([marker.x, marker.y]);
  const links = linksFrom([x, y], neighbours.map(toPixels));
  const diamond = makeSvg("path", { d: `M${x} ${y - 10}l10 10l-10 10l-10 -10z`, class: "marker" });
  return [...links, diamond, label([x, y], -16, marker.label, "label")];
}

const linksFrom = ([x1, y1], places) => places.map(([x2, y2]) => makeSvg("line", { x1, y1, x2, y2, class: "link" }));
const ring = ([cx, cy], r, kind) => makeSvg("circle", { cx, cy, r, class: kind });
const label = ([x, y], below, words, kind) => makeSvg("text", { x, y: y + below, class: kind }, words);
