// ---- The plot ----

const SCRIPT_ID = "latent-map-plotly";
const SVG = "http://www.w3.org/2000/svg";
// Cividis (Nunez et al. 2018): even steps to the eye, with or without colour blindness. Each theme leaves out the end
// that its background would swallow.
const CIVIDIS = "#00224e #123570 #3b496c #575d6d #707173 #8a8678 #a59c74 #c3b369 #e1cc55 #fee838".split(" ");
const RAMPS = { light: CIVIDIS.slice(0, 9), dark: CIVIDIS.slice(2) };
const FIT_MARGIN = 1.08;
const ZOOM_RANGE = [1, 600]; // times the scale at which the whole map fits
const MARKER_ZOOM = 2.5; // at most, times the same scale: one still sees where on the map it is
const ZOOM_STEP = 1.6;
const FLIGHT_MS = 350;
const SETTLE_MS = 140;
const HEAVY = 20_000; // points; more cannot be drawn anew at every frame on a slow machine
const HEAVY_MARGIN = 0.5; // of the view's size, on each side: drawn besides, to be dragged into view
const OUTLINED_MATCHES = 400; // at most; more would be a blot of outlines

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
    ...plotSize(),
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

// Plotly draws two pixels for one across. For a plot that is larger than the view, the screen's own have to do.
function config() {
  const plotGlPixelRatio = cloud.count > HEAVY ? Math.min(2, devicePixelRatio) : 2;
  return { plotGlPixelRatio, staticPlot: true, displayModeBar: false, responsive: false };
}

// Larger than the view where there are many points: those about to come into view are drawn already.
function plotSize() {
  const factor = cloud.count > HEAVY ? 1 + 2 * HEAVY_MARGIN : 1;
  return { width: Math.round(size.width * factor), height: Math.round(size.height * factor) };
}

function ranges() {
  const { width, height } = plotSize();
  const [halfWidth, halfHeight] = [width / 2 / view.scale, height / 2 / view.scale];
  return [
    [view.x - halfWidth, view.x + halfWidth],
    [view.y - halfHeight, view.y + halfHeight],
  ];
}

async function drawPoints() {
  const [mine, target] = [loadCount, view];
  await Plotly.react(plot, traces(), layout(), config());
  if (mine !== loadCount) return; // another map came meanwhile
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
    if (mine === loadCount) fail(error);
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
  const { width, height } = plotSize();
  const isResized = plot.layout.width !== width || plot.layout.height !== height;
  if (cloud.count <= HEAVY || isResized || !reachesOverView()) movePoints(isResized);
  else shiftPoints();
  drawOverlay();
  drawLayers();
  settleView();
}

// Plotly draws the points at their new places.
function movePoints(isResized) {
  const [xRange, yRange] = ranges();
  // Told of a size, Plotly lays everything out anew, which takes too long for a frame.
  Plotly.relayout(plot, { ...(isResized ? plotSize() : {}), "xaxis.range": xRange, "yaxis.range": yRange });
  keepDrawnView(view);
}

function keepDrawnView(target) {
  drawnView = target;
  const { width, height } = plotSize();
  Object.assign(plot.style, { width: `${width}px`, height: `${height}px`, transform: "" });
  Object.assign(plot.style, { left: `${(size.width - width) / 2}px`, top: `${(size.height - height) / 2}px` });
}

// Where the picture that Plotly drew last belongs now.
function shiftOfPlot() {
  const stretch = view.scale / drawnView.scale;
  return { left: (drawnView.x - view.x) * view.scale, top: (view.y - drawnView.y) * view.scale, stretch };
}

function reachesOverView() {
  const { left, top, stretch } = shiftOfPlot();
  const { width, height } = plotSize();
  const isCovered = (shift, drawn, shown) => Math.abs(shift) <= (drawn * stretch - shown) / 2;
  return isCovered(left, width, size.width) && isCovered(top, height, size.height);
}

// What Plotly drew last is moved and stretched to where it belongs: its picture, not its points.
function shiftPoints() {
  const { left, top, stretch } = shiftOfPlot();
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
