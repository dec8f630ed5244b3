"use strict";
// Gradio runs this file as the body of a function, once for each Corners on the page, with `element`, `props` and
// `watch` in scope. Nothing here touches the network: all pictures came with the value.

const GRID_PIXELS = 512; // of the drawing of the whole square

const find = (selector) => element.querySelector(selector);
const root = find(".corners");
const message = find(".corners-message");
const body = find(".corners-body");
const grid = find(".corners-grid");
const frame = find(".corners-frame");
const large = find(".corners-large canvas");
const words = find(".corners-large figcaption");

let sheet = null; // {picture, side, columns, width, height}
let place = { u: 0.5, v: 0.5 }; // 0 to 1, from the left and from the top
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
  show();
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
  grid.setAttribute("aria-label", `${count} pictures between A, B, C and D. Arrow keys move from one to the next.`);
}

const cellAt = (share) => Math.min(sheet.side - 1, Math.floor(share * sheet.side));

function show() {
  const [row, column] = [cellAt(place.v), cellAt(place.u)];
  const side = Math.max(sheet.width, 256);
  large.width = large.height = side;
  drawPicture(large.getContext("2d"), row, column, 0, 0, side);
  for (const [name, k] of Object.entries({ left: column, top: row })) frame.style[name] = `${(100 * k) / sheet.side}%`;
  frame.style.width = frame.style.height = `${100 / sheet.side}%`;
  const share = (k) => (k / (sheet.side - 1)).toFixed(2);
  words.textContent = `${share(column)} to the right, ${share(row)} down`;
}

function pointAt(event) {
  const box = grid.getBoundingClientRect();
  place = {
    u: clamp((event.clientX - box.left) / box.width),
    v: clamp((event.clientY - box.top) / box.height),
  };
  show();
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function onKeyDown(event) {
  const step = ARROWS[event.key];
  if (!step || !sheet) return;
  event.preventDefault();
  const move = (share, by) => (Math.min(sheet.side - 1, Math.max(0, cellAt(share) + by)) + 0.5) / sheet.side;
  place = { u: move(place.u, step[0]), v: move(place.v, step[1]) };
  show();
}

grid.addEventListener("pointermove", pointAt);
grid.addEventListener("pointerdown", pointAt);
grid.addEventListener("keydown", onKeyDown);
watch("value", () => load(props.value));
load(props.value);
