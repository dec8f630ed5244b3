"use strict";
// Gradio runs this file and those after it as the body of one function, once for each LatentMap on the page, with
// `element`, `trigger`, `props`, `server`, `upload` and `watch` in scope:
//   latent_map.js           the points, the view, the card, the hands
//   latent_map_pictures.js  what lies under and over the points: decoded pictures, the lattice, lines of density
//   latent_map_drawing.js   the tools that draw on the map: path and lasso
//   latent_map_page.js      switches, legend, search, states; starts it all
//
// Plotly draws the points, with WebGL. What it draws is a function of the state below (`cloud`, `grouping`, `matches`,
// `view`); panning, zooming and finding the point under the pointer are done here, since Plotly knows no pinch, and
// its own hover knows only points, not the places between them.

const COLOURS = 11; // as many as the style sheet defines
const HIT_RADIUS = { touch: 18, default: 7 }; // CSS pixels
const TAP_SLOP = 5; // CSS pixels a hand may shake in a click
// In units of the distance between neighbouring points, as the server's answer is. UMAP packs points tightly: on the
// fruit map, half of the empty area is within 100 of them.
const NEAR = 20;
const BETWEEN = 100;
const REMEMBERED_PICTURES = 400;
const GRID_CELLS = 160; // along the longer side
const FIT_MARGIN = 1.08;
const ZOOM_RANGE = [1, 600]; // times the scale at which the whole map fits
const MARKER_ZOOM = 2.5; // at most, times the same scale: one still sees where on the map it is
const MATCH_ZOOM = 4; // at least, where a search jumps to
const OUTLINED_MATCHES = 400; // at most; more would be a blot of outlines
const ZOOM_STEP = 1.6;
const FLIGHT_MS = 350;
const HEAVY = 20_000; // points; more cannot be drawn anew at every frame on a slow machine
const HEAVY_REDRAW_MS = 400;
const SEARCH_DELAY_MS = 150;
const SETTLE_MS = 140;
const ANNOUNCE_DELAY_MS = 250;
const SCRIPT_ID = "latent-map-plotly";
const SVG = "http://www.w3.org/2000/svg";
// Cividis (Nunez et al. 2018): even steps to the eye, with or without colour blindness. Each theme leaves out the end
// that its background would swallow.
const CIVIDIS = "#00224e #123570 #3b496c #575d6d #707173 #8a8678 #a59c74 #c3b369 #e1cc55 #fee838".split(" ");
const RAMPS = { light: CIVIDIS.slice(0, 9), dark: CIVIDIS.slice(2) };

const find = (name) => element.querySelector(`.latent-map${name}`);
const root = find("");
const stage = find("-stage");
const viewport = find("-view");
const plot = find("-plot");
const overlay = find("-overlay");
const card = find("-card");
const cardPicture = card.querySelector("img");
const cardNearness = find("-nearness");
const cardLabels = card.querySelector("dl");
const message = find("-message");
const legend = find("-legend");
const colourSelect = find("-colour");
const searchBox = find("-search");
const found = find("-found");
const live = find("-live");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

let Plotly = null;
let cloud = null; // the points; null until they are there
let grouping = null; // {groups, groupOf}: the points by the chosen column
let matches = null; // Uint8Array, 1 where a label holds the searched text; null without a search
let searchedFor = ""; // what `matches` answers
let matchAt = null; // which of the matches was jumped to last
let view = null; // {x, y, scale}: the map place in the middle, and CSS pixels per map unit
let size = { width: 0, height: 0 };
let isDrawn = false;
let isFirst = true; // no map has been drawn on this page
let drawnPointSize = 0;
let drawnView = null; // that Plotly drew last
let drawnAt = 0;
let aimed = null; // {index, x, y}: what the card is about; index null for a place between points
let selected = null;
let loadCount = 0; // tells a value that is overtaken while it loads
let flight = 0; // tells a camera flight that is overtaken
let viewRequest = 0;

// ---- The value: from text to typed arrays ----

function decodeBase64(text) {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes.buffer;
}

function readCloud({ model, count, x, y, columns, numbers, spacing }) {
  const floats = (text) => new Float32Array(decodeBase64(text));
  const points = { model, count, spacing, x: floats(x), y: floats(y) };
  points.columns = columns.map((column) => ({ ...column, codes: new Uint16Array(decodeBase64(column.codes)) }));
  points.numbers = numbers.map((number) => ({ ...number, values: floats(number.values) }));
  points.bounds = boundsOf(points.x, points.y);
  points.grid = buildGrid(points);
  return points;
}

function boundsOf(xs, ys) {
  let [left, right, bottom, top] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < xs.length; i++) {
    left = Math.min(left, xs[i]);
    right = Math.max(right, xs[i]);
    bottom = Math.min(bottom, ys[i]);
    top = Math.max(top, ys[i]);
  }
  return { left, right, bottom, top };
}

// Points by square cell, so that the one under the pointer is found among dozens instead of all.
function buildGrid({ count, x, y, bounds }) {
  const cell = Math.max(bounds.right - bounds.left, bounds.top - bounds.bottom, 1e-9) / GRID_CELLS;
  const columns = Math.floor((bounds.right - bounds.left) / cell) + 1;
  const rows = Math.floor((bounds.top - bounds.bottom) / cell) + 1;
  const cellOf = (i) =>
    Math.floor((y[i] - bounds.bottom) / cell) * columns + Math.floor((x[i] - bounds.left) / cell);
  const starts = new Uint32Array(columns * rows + 1);
  for (let i = 0; i < count; i++) starts[cellOf(i) + 1]++;
  for (let c = 1; c < starts.length; c++) starts[c] += starts[c - 1];
  const free = starts.slice();
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[free[cellOf(i)]++] = i;
  return { cell, columns, rows, starts, order };
}

function labelsOf(index) {
  return cloud.columns.map(({ name, categories, codes }) => [name, categories[codes[index]]]);
}

// The number that the points are coloured by, if they are.
function numberOf(index) {
  const { number } = grouping;
  return number && !Number.isNaN(number.values[index]) ? [[number.name, shortly(number.values[index])]] : [];
}

const shortly = (number) => String(Number(number.toPrecision(3)));

function describe(index) {
  const words = labelsOf(index).map(([, label]) => label).filter(Boolean);
  return words.join(", ") || `Point ${index}`;
}

// ---- Groups: the categories of a column, as many as there are colours; or the points with a number ----

function groupByNumber(number) {
  const groupOf = new Uint8Array(cloud.count);
  number.values.forEach((value, i) => (groupOf[i] = Number.isNaN(value) ? 1 : 0));
  const groups = [{ name: number.name, slot: 1, number }, { name: "no number", slot: "other" }];
  return { groupOf, groups: gather(groups, groupOf), number };
}

function groupBy(column) {
  const groupOf = new Uint8Array(cloud.count);
  const groups = column ? groupsOf(column) : [{ name: "All", slot: 1 }];
  // Codes count from the most frequent category on, so that all past the colours fall into the last group.
  if (column) for (let i = 0; i < cloud.count; i++) groupOf[i] = Math.min(column.codes[i], groups.length - 1);
  return { groupOf, groups: gather(groups, groupOf) };
}

function groupsOf({ categories }) {
  const fits = categories.length <= COLOURS + 1; // the last may have the grey to itself
  const named = fits ? categories : categories.slice(0, COLOURS);
  const groups = named.map((name, k) => ({ name: name || "no label", slot: k < COLOURS ? k + 1 : "other" }));
  if (!fits) groups.push({ name: `other (${(categories.length - COLOURS).toLocaleString()} more)`, slot: "other" });
  return groups;
}

function gather(groups, groupOf) {
  const sizes = new Uint32Array(groups.length);
  for (const group of groupOf) sizes[group]++;
  const members = groups.map((_, g) => new Uint32Array(sizes[g]));
  const filled = new Uint32Array(groups.length);
  groupOf.forEach((group, i) => (members[group][filled[group]++] = i));
  return groups.map((group, g) => ({ ...group, isVisible: true, members: members[g], ...positionsOf(members[g]) }));
}

function positionsOf(members) {
  return { x: Float32Array.from(members, (i) => cloud.x[i]), y: Float32Array.from(members, (i) => cloud.y[i]) };
}

const isShown = (index) => grouping.groups[grouping.groupOf[index]].isVisible;

// ---- The plot ----

function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  let script = document.getElementById(SCRIPT_ID);
  if (!script) {
    script = Object.assign(document.createElement("script"), { id: SCRIPT_ID, src: url });
    document.head.append(script);
  }
  return new Promise((resolve, reject) => {
    script.addEventListener("load", () => resolve(window.Plotly), { once: true });
    const fail = () => {
      script.remove(); // so that the next value tries again
      reject(new Error("the plotting library did not load"));
    };
    script.addEventListener("error", fail, { once: true });
  });
}

// Without WebGL, Plotly would put a note of its own in the place of the points.
function requireWebGL() {
  const context = document.createElement("canvas").getContext("webgl");
  if (!context) throw new Error("this browser has WebGL switched off");
  context.getExtension("WEBGL_lose_context")?.loseContext(); // browsers allow but a few at a time
}

function colours() {
  const style = getComputedStyle(root);
  return (slot) => style.getPropertyValue(`--latent-map-${slot}`).trim();
}

const ramp = () => RAMPS[document.body.classList.contains("dark") ? "dark" : "light"];

function pointSize() {
  const bySize = Math.min(8, Math.max(2.5, 12 - 2 * Math.log10(cloud.count)));
  const byZoom = Math.min(2.5, Math.max(1, view.scale / fittedView().scale) ** 0.3);
  return Math.round(bySize * byZoom * 2) / 2;
}

function traces() {
  const colour = colours();
  drawnPointSize = pointSize();
  // The rarest last, on top; but the grey of the others, which are many, under all colours.
  const groups = grouping.groups.toSorted((a, b) => (b.slot === "other") - (a.slot === "other"));
  const all = groups.map((group) => trace(group, group, colour, { opacity: matches ? 0.12 : 0.8 }));
  if (!matches) return all;
  const line = { width: matchCount() > OUTLINED_MATCHES ? 0 : 1, color: colour("ink") };
  const hit = groups.map((group) => {
    const members = group.members.filter((i) => matches[i]);
    const hits = { members, ...positionsOf(members) };
    return trace(group, hits, colour, { opacity: 1, line, size: drawnPointSize + 2 });
  });
  return all.concat(hit);
}

function trace({ isVisible, slot, number }, { members, x, y }, colour, marker) {
  const painted = number ? scaled(number, members) : { color: colour(slot) };
  marker = { size: drawnPointSize, line: { width: 0 }, ...painted, ...marker };
  return { type: "scattergl", mode: "markers", x, y, visible: isVisible, hoverinfo: "skip", marker };
}

function scaled({ values, range: [cmin, cmax] }, members) {
  const steps = ramp();
  const colorscale = steps.map((step, k) => [k / (steps.length - 1), step]);
  return { color: Float32Array.from(members, (i) => values[i]), colorscale, cmin, cmax, showscale: false };
}

function layout() {
  const axis = { visible: false, autorange: false, fixedrange: true };
  const [xRange, yRange] = ranges();
  return {
    ...size,
    margin: { l: 0, r: 0, t: 0, b: 0 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    showlegend: false,
    hovermode: false,
    dragmode: false,
    xaxis: { ...axis, range: xRange },
    yaxis: { ...axis, range: yRange },
  };
}

function ranges() {
  const [halfWidth, halfHeight] = [size.width / 2 / view.scale, size.height / 2 / view.scale];
  return [
    [view.x - halfWidth, view.x + halfWidth],
    [view.y - halfHeight, view.y + halfHeight],
  ];
}

async function drawPoints() {
  const target = view;
  await Plotly.react(plot, traces(), layout(), { staticPlot: true, displayModeBar: false, responsive: false });
  keepDrawnView(target); // the hand may have moved on meanwhile: the next frame shifts
  drawOverlay();
  drawLayers();
}

// The plot needs a size, which it has not in a closed tab: drawn when both the points and the place are there.
async function drawWhenPossible() {
  if (!cloud || !size.width || isDrawn) return;
  const mine = loadCount;
  isDrawn = true;
  try {
    view = fittedView();
    await drawPoints();
    if (mine !== loadCount) return;
    // Of several maps on a page, a browser may take the oldest one's canvas away.
    plot.removeAllListeners?.("plotly_webglcontextlost");
    plot.on("plotly_webglcontextlost", redrawFromScratch);
    showState("ready");
    if (props.marker) flyTo(markerView(props.marker));
    recallPoint();
  } catch (error) {
    fail(error);
  }
}

function redrawFromScratch() {
  Plotly.purge(plot);
  drawPoints().catch(fail);
}

function redraw() {
  if (isDrawn) drawPoints().catch(fail);
}

// ---- The view ----

const toPixels = (x, y) => [(x - view.x) * view.scale + size.width / 2, size.height / 2 - (y - view.y) * view.scale];
const toMap = (px, py) => [(px - size.width / 2) / view.scale + view.x, (size.height / 2 - py) / view.scale + view.y];

function viewOf({ left, right, bottom, top }, margin) {
  const [width, height] = [right - left, top - bottom];
  const scale = Math.min(size.width / margin / (width || 1e-9), size.height / margin / (height || 1e-9));
  return { x: (left + right) / 2, y: (bottom + top) / 2, scale: width || height ? scale : 1 };
}

const fittedView = () => viewOf(cloud.bounds, FIT_MARGIN);

function clampView({ x, y, scale }) {
  const { left, right, bottom, top } = cloud.bounds;
  const [low, high] = ZOOM_RANGE.map((factor) => factor * fittedView().scale);
  return {
    x: Math.min(right, Math.max(left, x)),
    y: Math.min(top, Math.max(bottom, y)),
    scale: Math.min(high, Math.max(low, scale)),
  };
}

function setView(next) {
  view = clampView(next);
  viewRequest ||= requestAnimationFrame(applyView);
}

function applyView() {
  viewRequest = 0;
  if (!isDrawn || !size.width) return;
  const isResized = plot.layout.width !== size.width || plot.layout.height !== size.height;
  const isOverdue = performance.now() - drawnAt > HEAVY_REDRAW_MS;
  if (cloud.count <= HEAVY || isResized || isOverdue) movePoints(isResized);
  else shiftPoints();
  drawOverlay();
  drawLayers();
  settleView();
}

// Plotly draws the points at their new places.
function movePoints(isResized) {
  const [xRange, yRange] = ranges();
  // Told of a size, Plotly lays everything out anew, which takes too long for a frame.
  Plotly.relayout(plot, { ...(isResized ? size : {}), "xaxis.range": xRange, "yaxis.range": yRange });
  keepDrawnView(view);
}

function keepDrawnView(target) {
  [drawnView, drawnAt] = [target, performance.now()];
  plot.style.transform = "";
}

// What Plotly drew last is moved and stretched to where it belongs: its picture, not its points.
function shiftPoints() {
  const stretch = view.scale / drawnView.scale;
  const [left, top] = [(drawnView.x - view.x) * view.scale, (view.y - drawnView.y) * view.scale];
  plot.style.transform = `translate(${left}px, ${top}px) scale(${stretch})`; // about the middle
}

// Larger points when zoomed in; not at every frame, since it makes Plotly upload all points anew.
const settleView = debounced(() => {
  if (!isDrawn || !size.width) return;
  if (pointSize() !== drawnPointSize) redraw();
  else if (drawnView !== view) movePoints(false);
}, SETTLE_MS);

function resize({ width, height }) {
  const before = size;
  const wasFitted = isDrawn && isFitted();
  size = { width: Math.round(width), height: Math.round(height) };
  resizeLayers();
  hideCard();
  if (!isDrawn) drawWhenPossible();
  else if (wasFitted) setView(fittedView());
  else setView({ ...view, scale: (view.scale * size.width) / before.width });
}

function isFitted() {
  const { x, y, scale } = fittedView();
  const isNear = (pixels) => Math.abs(pixels) < 2;
  return isNear((x - view.x) * scale) && isNear((y - view.y) * scale) && Math.abs(view.scale / scale - 1) < 0.01;
}

function zoomAround(px, py, factor) {
  const scale = clampView({ ...view, scale: view.scale * factor }).scale;
  const [x, y] = toMap(px, py);
  const shrink = view.scale / scale;
  return { x: x + (view.x - x) * shrink, y: y + (view.y - y) * shrink, scale };
}

function flyTo(target, arrived = () => {}) {
  const mine = ++flight;
  if (calm.matches) {
    setView(target);
    return arrived();
  }
  const [from, to, start] = [view, clampView(target), performance.now()];
  const frame = (now) => {
    if (mine !== flight || !element.isConnected) return;
    const progress = Math.min(1, Math.max(0, now - start) / FLIGHT_MS);
    setView(between(from, to, progress * progress * (3 - 2 * progress)));
    if (progress < 1) requestAnimationFrame(frame);
    else arrived();
  };
  requestAnimationFrame(frame);
}

function between(from, to, share) {
  const mix = (a, b) => a + (b - a) * share;
  return { x: mix(from.x, to.x), y: mix(from.y, to.y), scale: from.scale * (to.scale / from.scale) ** share };
}

function zoomByButton(kind) {
  hideCard();
  if (kind === "reset") flyTo(fittedView());
  else flyTo(zoomAround(size.width / 2, size.height / 2, kind === "in" ? ZOOM_STEP : 1 / ZOOM_STEP));
}

function bringIntoView(index) {
  const [px, py] = toPixels(cloud.x[index], cloud.y[index]);
  const edge = 24;
  const isInside = px > edge && py > edge && px < size.width - edge && py < size.height - edge;
  if (!isInside) setView({ ...view, x: cloud.x[index], y: cloud.y[index] });
}

// The marker with its neighbours and as much of their surroundings that one sees where on the map they are.
function markerView(marker) {
  const around = [...neighboursOf(marker), marker];
  const close = viewOf(boundsOf(around.map((p) => p.x), around.map((p) => p.y)), 3);
  const fitted = fittedView();
  const scale = Math.min(fitted.scale * MARKER_ZOOM, Math.max(fitted.scale, close.scale));
  return { ...close, scale };
}

function neighboursOf({ neighbours }) {
  // A marker may outlive its map for a moment while the model changes.
  return (neighbours ?? []).filter((i) => i < cloud.count).map((i) => ({ x: cloud.x[i], y: cloud.y[i] }));
}

// ---- What lies over the points: rings and the marker ----

function drawOverlay() {
  if (!isDrawn) return;
  const shapes = drawingShapes();
  if (props.marker) shapes.push(...markerShapes(props.marker));
  if (selected !== null && selected < cloud.count) shapes.push(ring(selected, 8, "selected"));
  if (aimed && aimed.index !== null && aimed.index !== selected) shapes.push(ring(aimed.index, 7, "aimed"));
  overlay.replaceChildren(...shapes);
}

function shape(tag, attributes) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

function ring(index, radius, kind) {
  const [cx, cy] = toPixels(cloud.x[index], cloud.y[index]);
  return shape("circle", { cx, cy, r: radius + drawnPointSize / 2 - 2, class: kind });
}

function markerShapes(marker) {
  const [x, y] = toPixels(marker.x, marker.y);
  const lines = neighboursOf(marker).map((neighbour) => {
    const [x2, y2] = toPixels(neighbour.x, neighbour.y);
    return shape("line", { x1: x, y1: y, x2, y2, class: "link" });
  });
  const diamond = shape("path", { d: `M${x} ${y - 10}l10 10l-10 10l-10 -10z`, class: "marker" });
  const label = shape("text", { x, y: y - 16, class: "label" });
  label.textContent = marker.label ?? "";
  return [...lines, diamond, label];
}

// ---- Finding points ----

function pointAt(px, py, radius) {
  const [x, y] = toMap(px, py);
  return nearestPoint(x, y, radius / view.scale);
}

// The nearest of the points that are shown, within reach; or null.
function nearestPoint(x, y, reach) {
  const { cell, columns, rows, starts, order } = cloud.grid;
  const { left, bottom } = cloud.bounds;
  const span = (from, count) => [
    Math.max(0, Math.floor((from - reach) / cell)),
    Math.min(count - 1, Math.floor((from + reach) / cell)),
  ];
  const [firstColumn, lastColumn] = span(x - left, columns);
  const [firstRow, lastRow] = span(y - bottom, rows);
  let [best, bestDistance] = [null, reach * reach];
  for (let row = firstRow; row <= lastRow; row++) {
    const end = starts[row * columns + lastColumn + 1];
    for (let k = starts[row * columns + firstColumn]; k < end; k++) {
      const i = order[k];
      const distance = (cloud.x[i] - x) ** 2 + (cloud.y[i] - y) ** 2;
      if (distance <= bestDistance && isShown(i)) [best, bestDistance] = [i, distance];
    }
  }
  return best;
}

// The nearest point within 45 degrees of a direction, straight ahead preferred.
function pointTowards(from, dx, dy) {
  const leastStep = 4 / view.scale; // pixels: a step that one can see
  let [best, bestCost] = [null, Infinity];
  for (let i = 0; i < cloud.count; i++) {
    const [offsetX, offsetY] = [cloud.x[i] - from.x, cloud.y[i] - from.y];
    const ahead = offsetX * dx + offsetY * dy;
    const aside = Math.abs(offsetX * dy - offsetY * dx);
    const cost = ahead + 2 * aside;
    if (ahead > leastStep && aside <= ahead && cost < bestCost && isShown(i)) [best, bestCost] = [i, cost];
  }
  return best;
}

function pointNearMiddle() {
  return pointAt(size.width / 2, size.height / 2, Math.hypot(size.width, size.height));
}

function findMatches(text) {
  const wanted = text.trim().toLowerCase();
  if (!wanted) return null;
  const hits = new Uint8Array(cloud.count);
  for (const { categories, codes } of cloud.columns) {
    const isHit = categories.map((name) => name.toLowerCase().includes(wanted));
    if (isHit.includes(true)) codes.forEach((code, i) => (hits[i] |= isHit[code]));
  }
  return hits;
}

function search() {
  matches = findMatches(searchBox.value);
  matchAt = null;
  searchedFor = searchBox.value;
  const count = matchCount();
  found.textContent = matches ? (count ? `${count.toLocaleString()} found` : "no such label") : "";
  if (!count) matches = null; // dimming all of the map would help nobody
}

const matchCount = () => matches?.reduce((sum, hit) => sum + hit, 0) ?? 0;

// The next or previous match, in the order of the data set, around from the last to the first.
function jumpToMatch(step) {
  const hits = [];
  if (isDrawn && matches) for (let i = 0; i < cloud.count; i++) if (matches[i] && isShown(i)) hits.push(i);
  if (!hits.length) return;
  const first = step > 0 ? 0 : hits.length - 1;
  matchAt = matchAt === null ? first : (matchAt + step + hits.length) % hits.length;
  const index = hits[matchAt];
  found.textContent = `${(matchAt + 1).toLocaleString()} of ${hits.length.toLocaleString()}`;
  const scale = Math.max(view.scale, MATCH_ZOOM * fittedView().scale);
  flyTo({ x: cloud.x[index], y: cloud.y[index], scale }, () => {
    aimAtPoint(index, ...toPixels(cloud.x[index], cloud.y[index]));
  });
}

// ---- The card: a picture and what is known of it ----

const pictures = createCache(REMEMBERED_PICTURES); // of points; places between them rarely come twice
let isAsking = false;
let waiting = null; // the newest place to ask about, while the server decodes an older one

function createCache(limit, drop = () => {}) {
  const entries = new Map();
  return {
    get(key) {
      const entry = entries.get(key);
      if (entries.delete(key)) entries.set(key, entry); // now the youngest
      return entry;
    },
    set(key, entry) {
      entries.set(key, entry);
      if (entries.size <= limit) return;
      const [oldest, dropped] = entries.entries().next().value;
      entries.delete(oldest);
      drop(dropped);
    },
    has: (key) => entries.has(key),
    clear() {
      entries.forEach(drop);
      entries.clear();
    },
  };
}

function aimAtPoint(index, px, py) {
  if (aimed?.index !== index) {
    aimed = { index, x: cloud.x[index], y: cloud.y[index] };
    fillCard([...labelsOf(index), ...numberOf(index)]);
    announce(describe(index));
    wantPicture(aimed);
    drawOverlay();
  }
  placeCard(px, py);
}

function aimAtPlace(x, y, px, py) {
  const wasPlace = aimed !== null && aimed.index === null;
  aimed = { index: null, x, y };
  if (!wasPlace) {
    fillCard([]);
    drawOverlay();
  }
  wantPicture(aimed);
  placeCard(px, py);
}

function fillCard(labels) {
  cardNearness.hidden = true;
  const rows = labels.filter(([, label]) => label).map(([name, label]) => {
    const [row, term, definition] = ["div", "dt", "dd"].map((tag) => document.createElement(tag));
    term.textContent = name;
    definition.textContent = label;
    row.append(term, definition);
    return row;
  });
  cardLabels.replaceChildren(...rows);
  card.classList.add("is-waiting");
}

function wantPicture(place) {
  const known = place.index === null ? undefined : pictures.get(place.index);
  if (known) {
    waiting = null;
    showPicture(place, known);
  } else if (server.decode_place) {
    waiting = place;
    if (!isAsking) ask();
  } else {
    card.classList.remove("is-waiting");
  }
}

async function ask() {
  isAsking = true;
  while (waiting) {
    const [place, points] = [waiting, cloud];
    waiting = null;
    let answer = null;
    try {
      answer = await server.decode_place(points.model, place.index, place.x, place.y);
    } catch (error) {
      console.error(error);
    }
    if (points !== cloud) continue; // another model's map is up
    if (answer?.error) answer = null;
    if (answer && place.index !== null) pictures.set(place.index, answer);
    if (isStillWanted(place)) showPicture(place, answer);
  }
  isAsking = false;
}

// Between points a picture that is a little late still shows the way the pointer went; on a point it would be wrong.
function isStillWanted(place) {
  return aimed === place || (aimed !== null && aimed.index === null && place.index === null);
}

function showPicture(place, answer) {
  card.classList.remove("is-waiting");
  card.classList.toggle("is-broken", !answer);
  if (!answer) {
    cardNearness.textContent = "This place could not be decoded.";
    cardNearness.hidden = false;
    return;
  }
  cardPicture.src = answer.picture;
  cardPicture.alt = place.index === null ? "Decoded from this place" : `Decoded: ${describe(place.index)}`;
  if (place.index !== null) return;
  const [key, words] = nearness(answer.distance);
  cardNearness.dataset.nearness = key;
  cardNearness.textContent = words;
  cardNearness.hidden = false;
}

function nearness(distance) {
  if (distance <= NEAR) return ["near", "near data"];
  if (distance <= BETWEEN) return ["between", "between points"];
  return ["far", "far from data"];
}

function placeCard(px, py) {
  card.hidden = false;
  const gap = 16;
  const { offsetWidth: width, offsetHeight: height } = card;
  const left = px + gap + width <= size.width ? px + gap : px - gap - width;
  const top = Math.min(size.height - height - 4, Math.max(4, py - height / 2));
  const clampedLeft = Math.min(size.width - width - 4, Math.max(4, left));
  card.style.transform = `translate(${Math.round(clampedLeft)}px, ${Math.round(top)}px)`;
}

function hideCard() {
  if (!aimed) return;
  aimed = null;
  waiting = null;
  card.hidden = true;
  drawOverlay();
}

const announce = debounced((text) => (live.textContent = text), ANNOUNCE_DELAY_MS);

// ---- Hands: pointer, wheel, keys ----

const hands = new Map(); // pointers that are down: id -> {px, py}
let hasMoved = false;

function localPosition({ clientX, clientY }) {
  const box = viewport.getBoundingClientRect();
  return { px: clientX - box.left, py: clientY - box.top };
}

function aimAt({ px, py }, radius) {
  const index = pictureAt(px, py) ?? pointAt(px, py, radius);
  if (index === null) aimAtPlace(...toMap(px, py), px, py);
  else aimAtPoint(index, px, py);
}

function onPointerDown(event) {
  if (!isDrawn || event.button !== 0) return;
  flight++;
  if (!hands.size) hasMoved = false;
  hands.set(event.pointerId, localPosition(event));
  viewport.setPointerCapture(event.pointerId);
  if (hands.size > 1) cancelStroke(); // two fingers move the map, whatever the tool
  else if (tool !== "walk") beginStroke(localPosition(event));
}

function onPointerMove(event) {
  if (!isDrawn) return;
  const position = localPosition(event);
  const before = hands.get(event.pointerId);
  if (!before) {
    if (!hands.size && event.pointerType !== "touch") aimAt(position, HIT_RADIUS.default);
  } else if (stroke) {
    hands.set(event.pointerId, position);
    extendStroke(position);
  } else if (hands.size === 1 && tool === "walk") {
    pan(event.pointerId, before, position);
  } else if (hands.size > 1) {
    pinch(event.pointerId, before, position);
  }
}

function pan(id, before, position) {
  const [dx, dy] = [position.px - before.px, position.py - before.py];
  if (!hasMoved && Math.hypot(dx, dy) < TAP_SLOP) return;
  startMoving();
  hands.set(id, position);
  setView({ ...view, x: view.x - dx / view.scale, y: view.y + dy / view.scale });
}

function pinch(id, before, position) {
  startMoving();
  const [, other] = [...hands].find(([otherId]) => otherId !== id);
  const spread = ({ px, py }) => Math.max(10, Math.hypot(px - other.px, py - other.py));
  const middle = ({ px, py }) => [(px + other.px) / 2, (py + other.py) / 2];
  const [fromX, fromY] = middle(before);
  const [toX, toY] = middle(position);
  const next = zoomAround(fromX, fromY, spread(position) / spread(before));
  hands.set(id, position);
  setView({ ...next, x: next.x - (toX - fromX) / next.scale, y: next.y + (toY - fromY) / next.scale });
}

function startMoving() {
  if (hasMoved) return;
  hasMoved = true;
  viewport.classList.add("is-moving");
  hideCard();
}

function onPointerUp(event) {
  const position = hands.get(event.pointerId);
  if (!hands.delete(event.pointerId) || hands.size) return;
  viewport.classList.remove("is-moving");
  if (stroke) {
    if (event.type === "pointercancel") cancelStroke();
    else endStroke();
    return;
  }
  if (hasMoved || event.type === "pointercancel" || tool !== "walk") return;
  aimAt(position, HIT_RADIUS[event.pointerType] ?? HIT_RADIUS.default);
  if (aimed.index !== null) choose(aimed.index);
}

function onPointerLeave(event) {
  if (event.pointerType !== "touch" && !hands.size) hideCard(); // a finger has left as soon as it has tapped
}

function onWheel(event) {
  if (!isDrawn) return;
  const { px, py } = localPosition(event);
  const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 18 : 1);
  const next = zoomAround(px, py, Math.exp(-Math.max(-120, Math.min(120, pixels)) * 0.003));
  if (next.scale === view.scale) return; // no farther: the page may scroll
  event.preventDefault();
  flight++;
  hideCard();
  setView(next);
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOM_KEYS = { "+": "in", "=": "in", "-": "out", 0: "reset" };

function onKeyDown(event) {
  if (!isDrawn || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = keyAction(event.key);
  if (!act) return;
  event.preventDefault();
  act();
}

function keyAction(key) {
  if (key in ARROWS) return () => walk(...ARROWS[key]);
  if (key in ZOOM_KEYS) return () => zoomByButton(ZOOM_KEYS[key]);
  if (key === "Escape" && (stroke || tool !== "walk")) return () => (stroke ? cancelStroke() : setTool("walk"));
  if (key === "Escape" && aimed) return hideCard;
  if (key === "Enter" && tool === "path" && aimed && aimed.index !== null) return () => addCorner(aimed.x, aimed.y);
  if ((key === "Enter" || key === " ") && aimed && aimed.index !== null) return () => choose(aimed.index);
  return null;
}

function walk(dx, dy) {
  const from = aimed?.index ?? selected;
  const next = from === null ? pointNearMiddle() : pointTowards({ x: cloud.x[from], y: cloud.y[from] }, dx, dy);
  if (next === null) return;
  flight++;
  bringIntoView(next);
  aimAtPoint(next, ...toPixels(cloud.x[next], cloud.y[next]));
}

function choose(index) {
  selected = index;
  drawOverlay();
  announce(`Selected: ${describe(index)}`);
  window.latentscape?.remember("point", index);
  trigger("select", { index, value: Object.fromEntries(labelsOf(index)) });
  if (groups.b) followSelection();
}

// The point that the address names, when the page is opened with one.
function recallPoint() {
  if (!isFirst) return;
  isFirst = false;
  const index = window.latentscape?.recall("point") ?? null;
  if (!Number.isInteger(index) || index < 0 || index >= cloud.count) return;
  choose(index);
}

// ---- Dropping a picture file ----

const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");

function onDragOver(event) {
  if (!bringsFiles(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "copy";
  stage.classList.add("is-dropping");
}

function onDragLeave(event) {
  if (!stage.contains(event.relatedTarget)) stage.classList.remove("is-dropping");
}

async function onDrop(event) {
  if (!bringsFiles(event)) return;
  event.preventDefault();
  stage.classList.remove("is-dropping");
  const [file] = event.dataTransfer.files;
  if (!file) return;
  live.textContent = `Placing ${file.name} on the map`;
  try {
    const { path } = await upload(file);
    trigger("drop_picture", { path });
  } catch (error) {
    console.error(error); // Gradio has shown its own message
  }
}
