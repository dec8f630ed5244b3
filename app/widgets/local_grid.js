"use strict";
// Gradio runs this file as the body of a function, once for each LocalGrid on the page, with `element`, `trigger`,
// `props`, `server` and `watch` in scope.

const REACH = 2; // tiles to either side of the centre
const ROWS = [0, -1, 1, -2, 2]; // the centre's row first

const message = element.querySelector(".local-grid-message");
const body = element.querySelector(".local-grid-body");
const board = element.querySelector(".local-grid-tiles");
const backButton = element.querySelector(".local-grid-back");
const steps = element.querySelector(".local-grid-steps");

const told = {}; // what the events say; app/tabs/common.py tells why in one object
let shown = null; // the value that is on the page
let path = []; // the centres' tokens, from the start to the present one
let drawing = 0; // tells a centre that is overtaken
let isStepping = false;

const tiles = [];
for (let y = -REACH; y <= REACH; y++) {
  for (let x = -REACH; x <= REACH; x++) {
    const tile = document.createElement("button");
    tile.type = "button";
    const isCentre = x === 0 && y === 0;
    const words = (value, less, more) => (value ? `${Math.abs(value)} ${value < 0 ? less : more}` : "");
    const where = [words(x, "left", "right"), words(y, "up", "down")].filter(Boolean).join(", ");
    tile.setAttribute("aria-label", isCentre ? "The centre" : where);
    tile.tabIndex = isCentre ? 0 : -1;
    if (isCentre) tile.setAttribute("aria-current", true);
    tile.append(Object.assign(document.createElement("img"), { alt: "" }));
    tile.addEventListener("click", () => walk(x, y));
    tiles.push(tile);
  }
}
board.append(...tiles);

async function ask(name, ...values) {
  try {
    return await server[name](...values);
  } catch (error) {
    console.error(error);
    return { error: "No answer came. Is the app still running?" };
  }
}

function say(text) {
  message.textContent = text;
  message.hidden = !text;
}

function load() {
  if (!props.value || props.value === shown || !element.offsetParent) return;
  if (shown?.model !== props.value.model) for (const tile of tiles) tile.firstChild.removeAttribute("src");
  shown = props.value;
  path = [shown.token];
  draw();
}

async function draw() {
  const mine = ++drawing;
  const token = path.at(-1);
  say("");
  backButton.disabled = path.length < 2;
  const count = path.length - 1;
  steps.textContent = count === 0 ? shown.start : `${count} step${count > 1 ? "s" : ""} from: ${shown.start}`;
  for (const tile of tiles) tile.classList.add("is-waiting");
  trigger("settle", Object.assign(told, { model: shown.model, token, steps: path.length - 1 }));
  for (const y of ROWS) {
    const answer = await ask("row", shown.model, token, y);
    if (mine !== drawing || !element.isConnected) return;
    if (answer.error) {
      body.hidden = !tiles.some((tile) => tile.firstChild.src); // nothing to walk on
      return say(answer.error);
    }
    body.hidden = false;
    answer.pictures.forEach((source, k) => {
      const tile = tiles[(y + REACH) * (2 * REACH + 1) + k];
      tile.firstChild.src = source;
      tile.classList.remove("is-waiting");
    });
  }
}

async function walk(x, y) {
  if (isStepping || !shown || (x === 0 && y === 0)) return;
  isStepping = true;
  const from = shown;
  const answer = await ask("step", shown.model, path.at(-1), x, y);
  isStepping = false;
  if (from !== shown) return;
  if (answer.error) return say(answer.error);
  path.push(answer.token);
  setReachable(tiles.length >> 1);
  draw();
}

function setReachable(index) {
  tiles.forEach((tile, k) => (tile.tabIndex = k === index ? 0 : -1));
}

board.addEventListener("keydown", (event) => {
  const index = tiles.indexOf(event.target.closest("button"));
  const width = 2 * REACH + 1;
  const [column, row] = [index % width, Math.floor(index / width)];
  const move = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (index < 0 || !move) return;
  event.preventDefault();
  const [x, y] = [column + move[0], row + move[1]];
  if (x < 0 || y < 0 || x >= width || y >= width) return;
  setReachable(y * width + x);
  tiles[y * width + x].focus();
});

backButton.addEventListener("click", () => {
  if (path.length < 2) return;
  path.pop();
  draw();
});

// Also tells when the tab is opened: an element that is not shown has no size.
const sizes = new ResizeObserver(() => (element.isConnected ? load() : sizes.disconnect()));
sizes.observe(element);
watch("value", load);
load();
