// ---- Drawing on the map: a path to walk, groups to compare ----

const STROKE_STEP = 3; // CSS pixels between two corners of a line drawn by hand
const MAX_CORNERS = 256;

const drawingBar = find("-drawing");
const drawn = find("-drawn");
const groupButtons = find("-groups");
const fromButton = find("-from");
let tool = "walk";
let stroke = null; // corners of the line under the hand, in map coordinates
let path = []; // corners of the finished line
let isPathByHand = false; // else corner by corner
let groups = { a: null, b: null }; // {rows, outline, middle}; no outline where the legend chose

function setTool(name) {
  cancelStroke();
  tool = name;
  for (const button of find("-modes").children) button.setAttribute("aria-pressed", button.dataset.tool === name);
  viewport.classList.toggle("is-drawing", name !== "walk");
  drawingBar.hidden = name === "walk" && !path.length && !groups.a;
  hideCard();
  tellDrawing();
  drawOverlay();
}

function clearDrawing() {
  const had = path.length > 0 || groups.a;
  [stroke, path, groups] = [null, [], { a: null, b: null }];
  setTool(tool);
  return had;
}

function tellDrawing() {
  groupButtons.hidden = tool !== "lasso" && !groups.a;
  fromButton.hidden = !groups.b || selected === null;
  drawn.textContent = tool === "path" || (tool === "walk" && path.length) ? pathWords() : groupWords();
}

function pathWords() {
  if (path.length === 1) return "Add a second place: click it, or go to a point with the arrow keys and press Enter.";
  if (path.length) return "The pictures along the path are below the map.";
  return "Draw a line over the map; or click places, or go to points with the arrow keys and press Enter.";
}

function groupWords() {
  const size = ({ rows }) => `${rows.length.toLocaleString()} points`;
  if (groups.b) return `A: ${size(groups.a)}, B: ${size(groups.b)}. The direction from A to B is below the map.`;
  if (groups.a) return `A: ${size(groups.a)}. Gather a second group for the direction from A to B.`;
  return "Draw around points; or choose them in the legend or by searching, and take what is shown.";
}

// ---- Strokes ----

function beginStroke({ px, py }) {
  stroke = [toMap(px, py)];
  hideCard();
}

function extendStroke({ px, py }) {
  const [lastX, lastY] = toPixels(...stroke.at(-1));
  if (Math.hypot(px - lastX, py - lastY) < STROKE_STEP) return;
  stroke.push(toMap(px, py));
  drawOverlay();
}

function cancelStroke() {
  if (!stroke) return;
  stroke = null;
  drawOverlay();
}

function endStroke() {
  const corners = stroke;
  stroke = null;
  const across = (axis) => Math.max(...corners.map((c) => c[axis])) - Math.min(...corners.map((c) => c[axis]));
  const isClick = Math.max(across(0), across(1)) * view.scale < TAP_SLOP;
  if (tool === "path" && isClick) addCorner(...corners[0]);
  else if (tool === "path") takePath(thinned(corners));
  else if (!isClick) takeLasso(thinned(corners));
  drawOverlay();
}

// At most so many corners, evenly taken, the last among them.
function thinned(corners) {
  const count = Math.min(MAX_CORNERS, corners.length);
  return Array.from({ length: count }, (_, k) => corners[Math.round((k * (corners.length - 1)) / (count - 1))]);
}

function takePath(corners) {
  [path, isPathByHand] = [corners, true];
  sendPath();
}

function addCorner(x, y) {
  if (isPathByHand || path.length >= MAX_CORNERS) path = [];
  isPathByHand = false;
  const last = path.at(-1);
  if (!last || last[0] !== x || last[1] !== y) path.push([x, y]);
  sendPath();
}

function sendPath() {
  tellDrawing();
  drawOverlay();
  if (path.length > 1) trigger("walk_path", Object.assign(told.walk_path, { path }));
}

// ---- Groups ----

function takeLasso(outline) {
  const rows = [];
  for (let i = 0; i < cloud.count; i++) {
    if (isTaken(i) && isInside(cloud.x[i], cloud.y[i], outline)) rows.push(i);
  }
  takeGroup(groups.a && !groups.b ? "b" : "a", rows, outline);
}

function takeShown(name) {
  const rows = [];
  for (let i = 0; i < cloud.count; i++) if (isTaken(i)) rows.push(i);
  takeGroup(name, rows, []);
}

// What is hidden, or dimmed by a search, is not meant.
const isTaken = (index) => isShown(index) && (!matches || matches[index] === 1);

function takeGroup(name, rows, outline) {
  if (!rows.length) {
    drawn.textContent = "There is no point in it. Draw around some points.";
    return;
  }
  if (name === "b" && !groups.a) name = "a"; // the first is always A
  const mean = (values) => rows.reduce((sum, i) => sum + values[i], 0) / rows.length;
  const group = { rows, outline, middle: [mean(cloud.x), mean(cloud.y)] };
  // A new lasso after two begins again; a group from the legend replaces its namesake.
  groups = name === "a" ? { a: group, b: outline.length ? null : groups.b } : { ...groups, b: group };
  sendGroups();
}

function sendGroups() {
  tellDrawing();
  drawOverlay();
  const asked = { a: groups.a.rows, b: groups.b?.rows ?? [], point: isFromPoint() ? selected : null };
  trigger("compare_groups", Object.assign(told.compare_groups, asked));
}

const isFromPoint = () => fromButton.getAttribute("aria-pressed") === "true" && !fromButton.hidden;

// Another point was selected: the direction may be from it.
function followSelection() {
  tellDrawing();
  if (isFromPoint()) sendGroups();
}

// Even-odd rule: a line from the point to the right crosses the outline an odd number of times.
function isInside(x, y, outline) {
  let inside = false;
  for (let k = 0, last = outline.length - 1; k < outline.length; last = k++) {
    const [[ax, ay], [bx, by]] = [outline[k], outline[last]];
    if (ay > y !== by > y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  }
  return inside;
}

function drawingShapes() {
  const line = (corners) => `M${corners.map(([x, y]) => toPixels(x, y).join(" ")).join("L")}`;
  const shapes = [];
  if (stroke) shapes.push(shape("path", { d: line(stroke), class: tool }));
  if (path.length) shapes.push(shape("path", { d: line(path), class: "path" }));
  if (path.length && !isPathByHand) path.forEach((corner) => shapes.push(dot(corner)));
  for (const [name, group] of Object.entries(groups)) {
    if (!group) continue;
    if (group.outline.length) shapes.push(shape("path", { d: `${line(group.outline)}Z`, class: "lasso" }));
    shapes.push(groupLabel(name, group.middle));
  }
  return shapes;
}

function dot([x, y]) {
  const [cx, cy] = toPixels(x, y);
  return shape("circle", { cx, cy, r: 5, class: "corner" });
}

function groupLabel(name, middle) {
  const [x, y] = toPixels(...middle);
  const label = shape("text", { x, y: y + 8, class: "label group" });
  label.textContent = name.toUpperCase();
  return label;
}

groupButtons.addEventListener("click", ({ target: { dataset } }) => {
  if (isDrawn && dataset.group) takeShown(dataset.group);
});
fromButton.addEventListener("click", () => {
  fromButton.setAttribute("aria-pressed", fromButton.getAttribute("aria-pressed") !== "true");
  sendGroups();
});
drawingBar.addEventListener("keydown", (event) => event.key === "Escape" && setTool("walk"));
find("-modes").addEventListener("keydown", (event) => event.key === "Escape" && setTool("walk"));
find("-clear").addEventListener("click", () => {
  if (clearDrawing()) trigger("clear_drawing");
});
