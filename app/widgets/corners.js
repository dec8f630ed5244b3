"use strict";
// Gradio runs this file as the body of a function, once for each Corners on the page, with `element`, `trigger`, `props`
// and `watch` in scope. Moving over the square does not touch the network: all pictures came with the value.

const GRID_PIXELS = 512; // of the drawing of the whole square
const SETTLE_MS = 200;

const find = (selector) => element.querySelector(selector);
const root = find(".corners");
const message = find(".corners-message");
const body = find(".corners-body");
const grid = find(".corners-grid");
const frame = find(".corners-frame");
const heldFrame = find(".corners-held");
const large = find(".corners-large canvas");
const words = find(".corners-large figcaption");

const told = {}; // what the events say; app/tabs/common.py tells why in one object
let sheet = null; // {picture, side, columns, width, height}
let held = { u: 0.5, v: 0.5 }; // 0 to 1, from the left and from the top: what a click or the keys chose
let place = held; // what is shown large; the pointer looks elsewhere, until it leaves
let settleTimer = 0;
let loadCount = 0;

const clamp = (value) => Math.min(1, Math.max(0, value));

async function load(value) {
  const mine = ++loadCount;
  if (!value) {
    sheet = null;
    return showMessage(props.empty_text);
  }
  const picture = new Image();
  picture.src = value.sheet;
  try {
    await picture.decode();
  } catch (error) {
    console.error(error);
    if (mine === loadCount) showMessage("These pictures did not arrive whole. Try again.");
    return;
  }
  if (mine !== loadCount) return;
  sheet = { picture, ...value };
  root.dataset.state = "ready";
  message.hidden = true;
  body.hidden = false;
  drawGrid();
  hold(held);
}

function showMessage(text) {
  root.dataset.state = "empty";
  message.textContent = text;
  message.hidden = false;
  body.hidden = true;
}

function drawPicture(context, row, column, x, y, side) {
  const { picture, columns, width, height } = sheet;
  const k = row * sheet.side + column;
  const [left, top] = [(k % columns) * width, Math.floor(k / columns) * height];
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, left, top, width, height, x, y, side, side);
}

function drawGrid() {
  grid.width = grid.height = GRID_PIXELS;
  const cell = GRID_PIXELS / sheet.side;
  const context = grid.getContext("2d");
  for (let row = 0; row < sheet.side; row++) {
    for (let column = 0; column < sheet.side; column++) {
      drawPicture(context, row, column, column * cell, row * cell, cell);
    }
  }
  const count = sheet.side ** 2;
  grid.setAttribute("aria-label", `${count} pictures between A, B, C and D. Arrow keys, Home, End, Page Up and Page Down choose one.`);
}

const cellAt = (share) => Math.min(sheet.side - 1, Math.floor(share * sheet.side));

function show() {
  const [row, column] = [cellAt(place.v), cellAt(place.u)];
  const side = Math.max(sheet.width, 256);
  large.width = large.height = side;
  drawPicture(large.getContext("2d"), row, column, 0, 0, side);
  surround(frame, place);
  surround(heldFrame, held);
  const share = (k) => (k / (sheet.side - 1)).toFixed(2);
  words.textContent = `${share(column)} to the right, ${share(row)} down`;
}

function surround(box, { u, v }) {
  const share = (k) => `${(100 * k) / sheet.side}%`;
  Object.assign(box.style, { left: share(cellAt(u)), top: share(cellAt(v)), width: share(1), height: share(1) });
}

function look(next) {
  place = next;
  show();
}

function hold(next) {
  held = next;
  look(next);
  clearTimeout(settleTimer);
  settleTimer = setTimeout(() => trigger("settle", Object.assign(told, held)), SETTLE_MS);
}

function placeOf(event) {
  const box = grid.getBoundingClientRect();
  return {
    u: clamp((event.clientX - box.left) / box.width),
    v: clamp((event.clientY - box.top) / box.height),
  };
}

function onPointerMove(event) {
  if (event.buttons) hold(placeOf(event));
  else look(placeOf(event));
}

const STEPS = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  Home: [-Infinity, 0],
  End: [Infinity, 0],
  PageUp: [0, -Infinity],
  PageDown: [0, Infinity],
};

function onKeyDown(event) {
  const step = STEPS[event.key];
  if (!step || !sheet) return;
  event.preventDefault();
  const move = (share, by) => (Math.min(sheet.side - 1, Math.max(0, cellAt(share) + by)) + 0.5) / sheet.side;
  hold({ u: move(held.u, step[0]), v: move(held.v, step[1]) });
}

grid.addEventListener("pointermove", onPointerMove);
grid.addEventListener("pointerdown", (event) => hold(placeOf(event)));
grid.addEventListener("pointerleave", () => look(held));
grid.addEventListener("keydown", onKeyDown);
watch("value", () => load(props.value));
load(props.value);
