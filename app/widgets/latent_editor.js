"use strict";
// Gradio runs this file as the body of a function, once for each LatentEditor on the page, with `element`, `trigger`,
// `props`, `server` and `watch` in scope.

const SVG = "http://www.w3.org/2000/svg";
const SETTLE_MS = 400; // without a change, after which a hand counts as at rest

const find = (name) => element.querySelector(`.latent-editor${name}`);
const root = find("");
const bars = find("-bars");
const plot = bars.querySelector("svg");
const indexBox = find("-index");
const slider = find("-value");
const readout = find("-readout");
const channels = find("-channels");
const words = find("-words");
const canvas = root.querySelector("canvas");
const status = find("-status");
const resetButton = find("-reset");

const told = {}; // what the events say; app/tabs/common.py tells why in one object
let value = null; // what the server sent
let edits = new Map(); // index -> number: a value, or a channel's factor
let chosen = 0; // the bar that number box and slider are about
let asking = false;
let isStale = false; // the edits have changed since they were sent
let settleTimer = 0;

const isVector = () => Boolean(value.latent);
const valueOf = (index) => edits.get(index) ?? value.latent[index];
const clamp = (number, low, high) => Math.min(high, Math.max(low, number));

// ---- A new latent ----

function load(next) {
  const wasEdited = edits.size > 0;
  value = next;
  edits = new Map();
  isStale = false;
  clearTimeout(settleTimer);
  if (wasEdited) settle();
  root.hidden = !value;
  if (!value) return;
  words.textContent = value.words;
  bars.hidden = !isVector();
  channels.hidden = isVector();
  if (isVector()) buildBars();
  else buildChannels();
  show();
  draw(value.reconstruction, value);
}

async function draw(url, origin) {
  const picture = new Image();
  picture.src = url;
  await picture.decode();
  if (origin !== value) return;
  Object.assign(canvas, { width: picture.naturalWidth, height: picture.naturalHeight });
  canvas.getContext("2d").drawImage(picture, 0, 0);
}

// ---- Bars ----

function make(name, attributes) {
  const node = document.createElementNS(SVG, name);
  for (const [key, text] of Object.entries(attributes)) node.setAttribute(key, text);
  return node;
}

function buildBars() {
  const { latent, deviation, limit } = value;
  plot.setAttribute("viewBox", `0 0 ${latent.length} ${2 * limit}`);
  plot.setAttribute("aria-label", `Bar plot of the ${latent.length} latent numbers`);
  const zero = make("line", { class: "zero", x1: 0, x2: latent.length, y1: limit, y2: limit });
  const groups = latent.map((_, i) => {
    const group = make("g", {});
    group.append(
      make("title", {}),
      make("rect", { class: "hit", x: i, y: 0, width: 1, height: 2 * limit }),
      make("rect", { class: "bar", x: i + 0.12, width: 0.76 }),
      make("line", { class: "spread", x1: i + 0.5, x2: i + 0.5 }),
    );
    return group;
  });
  plot.replaceChildren(zero, ...groups);
  latent.forEach((_, i) => showBar(i));
  Object.assign(indexBox, { max: latent.length - 1 });
  Object.assign(slider, { min: -limit, max: limit });
  // The one that says most: where the posterior is narrowest and farthest from 0.
  const told = latent.map((mean, i) => mean ** 2 + deviation[i] ** 2 - 2 * Math.log(deviation[i]));
  choose(told.indexOf(Math.max(...told)));
}

function showBar(index) {
  const { limit, deviation } = value;
  const number = valueOf(index);
  const shown = clamp(number, -limit, limit);
  const group = plot.children[index + 1];
  const [title, , bar, spread] = group.children;
  const spreadText = edits.has(index) ? `; ${value.latent[index].toFixed(2)} as encoded` : "";
  title.textContent = `latent ${index}: ${number.toFixed(2)} ± ${deviation[index].toFixed(2)}${spreadText}`;
  bar.setAttribute("y", limit - Math.max(shown, 0));
  bar.setAttribute("height", Math.abs(shown));
  spread.setAttribute("y1", limit - Math.min(shown + deviation[index], limit));
  spread.setAttribute("y2", limit - Math.max(shown - deviation[index], -limit));
  group.classList.toggle("edited", edits.has(index));
}

function choose(index) {
  plot.children[chosen + 1]?.classList.remove("chosen");
  chosen = index;
  plot.children[chosen + 1].classList.add("chosen");
  indexBox.value = chosen;
  showChosen();
}

function showChosen() {
  const number = valueOf(chosen);
  slider.value = number;
  readout.textContent = number.toFixed(2);
  slider.setAttribute("aria-label", `Value of number ${chosen}`);
}

function setBar(index, number) {
  edits.set(index, clamp(number, -value.limit, value.limit));
  showBar(index);
  if (index === chosen) showChosen();
  changed();
}

function dragBars(event) {
  if (event.button !== 0) return;
  event.preventDefault();
  const box = plot.getBoundingClientRect();
  const count = value.latent.length;
  const index = clamp(Math.floor(((event.clientX - box.left) / box.width) * count), 0, count - 1);
  choose(index);
  plot.setPointerCapture(event.pointerId);
  const numberAt = (moved) => value.limit * (1 - (2 * (moved.clientY - box.top)) / box.height);
  const from = event.clientY;
  let hasMoved = false;
  const listening = new AbortController();
  const { signal } = listening;
  const move = (moved) => {
    hasMoved ||= Math.abs(moved.clientY - from) > 2;
    if (hasMoved) setBar(index, numberAt(moved));
  };
  const stop = (released) => {
    listening.abort();
    if (!hasMoved && released.type === "pointerup") setBar(index, numberAt(released));
  };
  plot.addEventListener("pointermove", move, { signal });
  plot.addEventListener("pointerup", stop, { signal });
  plot.addEventListener("pointercancel", stop, { signal });
}

// ---- Channels ----

function buildChannels() {
  channels.replaceChildren(...value.channels.map(buildChannel));
}

function buildChannel({ url, deviation }, index) {
  const figure = document.createElement("figure");
  const picture = document.createElement("img");
  Object.assign(picture, { src: url, alt: `Latent channel ${index}` });
  const caption = document.createElement("figcaption");
  caption.textContent = `Channel ${index}, deviation ${deviation.toFixed(2)}`;
  const row = document.createElement("label");
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: 0, max: 2, step: 0.05, value: 1 });
  slider.setAttribute("aria-label", `Scale of channel ${index}`);
  const output = document.createElement("output");
  output.textContent = "× 1.00";
  slider.addEventListener("input", () => {
    const factor = Number(slider.value);
    output.textContent = `× ${factor.toFixed(2)}`;
    if (factor === 1) edits.delete(index);
    else edits.set(index, factor);
    changed();
  });
  row.append(slider, output);
  figure.append(picture, caption, row);
  return figure;
}

// ---- Edits, on their way to the server: one request at a time, and the newest wins ----

function changed() {
  show();
  clearTimeout(settleTimer);
  settleTimer = setTimeout(settle, SETTLE_MS);
  isStale = true;
  if (!asking) ask();
}

async function ask() {
  asking = true;
  while (isStale && element.isConnected) {
    isStale = false;
    const origin = value;
    try {
      const answer = await server.edit(origin.source, [...edits]);
      if (origin !== value) continue;
      if (answer.picture) await draw(answer.picture, origin);
      else show(answer.refused);
    } catch {
      if (origin === value) show("The server did not answer. Try again.");
    }
  }
  asking = false;
}

function settle() {
  trigger("settle", Object.assign(told, { source: value?.source ?? null, edits: [...edits] }));
}

function show(message) {
  const count = edits.size;
  const what = isVector() ? "number" : "channel";
  status.textContent = message ?? (count ? `${count} ${what}${count > 1 ? "s" : ""} changed` : "As encoded");
  resetButton.disabled = !count;
}

function reset() {
  edits = new Map();
  if (isVector()) {
    value.latent.forEach((_, i) => showBar(i));
    showChosen();
  } else buildChannels();
  changed();
}

// ---- Hands ----

plot.addEventListener("pointerdown", dragBars);
indexBox.addEventListener("input", () => {
  const index = Number(indexBox.value);
  if (indexBox.value !== "" && Number.isInteger(index) && index >= 0 && index < value.latent.length) choose(index);
});
indexBox.addEventListener("change", () => choose(clamp(Math.round(Number(indexBox.value)), 0, value.latent.length - 1)));
slider.addEventListener("input", () => setBar(chosen, Number(slider.value)));
resetButton.addEventListener("click", reset);

watch("value", () => load(props.value));
load(props.value);
