"use strict";
// Gradio runs this file as the body of a function, once for each SampleGrid on the page, with `element`, `trigger`,
// `props`, `server` and `watch` in scope.

const message = element.querySelector(".sample-grid-message");
const board = element.querySelector(".sample-grid-panels");

const told = {}; // what the events say; app/tabs/common.py tells why in one object
let drawing = 0; // tells a grid that is overtaken while its pictures arrive

function load(request) {
  const mine = ++drawing;
  board.replaceChildren();
  say("");
  if (!request) return;
  fitPanels(request);
  fill(request, mine);
}

function update(request) {
  // Another seed or temperature: pictures stay, dimmed, until theirs comes.
  const keeps = request && board.children.length === request.panels.length;
  if (!keeps) return load(request);
  const mine = ++drawing;
  say("");
  fitPanels(request);
  fill(request, mine);
}

function fitPanels({ panels, count }) {
  panels.forEach(({ distribution, title }, p) => {
    const panel = board.children[p] ?? board.appendChild(newPanel());
    const [caption, grid] = panel.children;
    caption.textContent = title;
    caption.hidden = panels.length === 1;
    panel.setAttribute("aria-label", title);
    panel.dataset.distribution = distribution;
    while (grid.children.length > count) grid.lastChild.remove();
    while (grid.children.length < count) grid.append(newTile(grid.children.length));
    for (const tile of grid.children) tile.classList.add("is-waiting");
    markSelected(null);
    setReachable(grid, 0);
  });
  board.dataset.panels = panels.length;
}

function newPanel() {
  const panel = document.createElement("div");
  panel.setAttribute("role", "group");
  panel.append(document.createElement("h4"), document.createElement("div"));
  panel.lastChild.className = "sample-grid-tiles";
  return panel;
}

function newTile(index) {
  const tile = document.createElement("button");
  tile.type = "button";
  tile.className = "is-waiting";
  tile.setAttribute("aria-label", `Sample ${index + 1}`);
  tile.setAttribute("aria-pressed", false);
  return tile;
}

async function fill(request, mine) {
  const { model, panels, count, temperature, seed, chunk } = request;
  for (let first = 0; first < count; first += chunk) {
    for (let p = 0; p < panels.length; p++) {
      let answer;
      try {
        const size = Math.min(chunk, count - first);
        answer = await server.draw(model, panels[p].distribution, first, size, temperature, seed);
      } catch (error) {
        console.error(error);
        answer = { error: "The samples did not arrive. Is the app still running?" };
      }
      if (mine !== drawing || !element.isConnected) return;
      if (answer.error) return say(answer.error);
      const tiles = board.children[p].lastChild.children;
      answer.pictures.forEach((source, k) => show(tiles[first + k], source));
    }
  }
}

function show(tile, source) {
  const picture = tile.firstChild ?? tile.appendChild(document.createElement("img"));
  picture.alt = "";
  picture.src = source;
  tile.classList.remove("is-waiting");
}

function say(text) {
  message.textContent = text;
  message.hidden = !text;
}

// ---- Hands ----

const tileOf = (event) => event.target.closest(".sample-grid-tiles button");

function markSelected(chosen) {
  for (const tile of board.querySelectorAll("button")) tile.setAttribute("aria-pressed", tile === chosen);
}

// One Tab stop for each grid; the arrow keys move within.
function setReachable(grid, index) {
  [...grid.children].forEach((tile, k) => (tile.tabIndex = k === index ? 0 : -1));
}

board.addEventListener("click", (event) => {
  const tile = tileOf(event);
  if (!tile || tile.classList.contains("is-waiting")) return;
  const grid = tile.parentElement;
  const index = [...grid.children].indexOf(tile);
  markSelected(tile);
  setReachable(grid, index);
  const { model, temperature, seed } = props.value;
  const { distribution } = grid.parentElement.dataset;
  trigger("select", Object.assign(told, { model, distribution, temperature, seed, index }));
});

board.addEventListener("keydown", (event) => {
  const tile = tileOf(event);
  if (!tile) return;
  const tiles = [...tile.parentElement.children];
  const columns = tiles.filter((other) => other.offsetTop === tiles[0].offsetTop).length;
  const index = tiles.indexOf(tile);
  const aim = {
    ArrowLeft: index - 1, ArrowRight: index + 1, ArrowUp: index - columns, ArrowDown: index + columns,
    Home: 0, End: tiles.length - 1,
  }[event.key];
  if (!tiles[aim]) return;
  event.preventDefault();
  setReachable(tile.parentElement, aim);
  tiles[aim].focus();
});

watch("value", () => update(props.value));
load(props.value);
