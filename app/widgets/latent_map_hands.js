// ---- Hands: pointer, wheel, keys ----

const HIT_RADIUS = { touch: 18, default: 7 }; // CSS pixels
const TAP_SLOP = 5; // CSS pixels a hand may shake in a click

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
  trigger("select", Object.assign(told.select, { index, value: Object.fromEntries(labelsOf(index)) }));
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
    trigger("drop_picture", Object.assign(told.drop_picture, { path }));
  } catch (error) {
    console.error(error); // Gradio has shown its own message
  }
}
