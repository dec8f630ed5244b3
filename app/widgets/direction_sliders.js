"use strict";
// Gradio runs this file as the body of a function, once for each DirectionSliders on the page, with `element`,
// `trigger`, `props`, `server` and `watch` in scope.

const REACH = 3; // standard deviations to either side

const find = (name) => element.querySelector(`.direction-${name}`);
const message = find("message");
const body = find("body");
const picture = find("picture");
const start = find("start");
const resetButton = find("reset");
const board = find("rows");

const told = {}; // what the events say; app/tabs/common.py tells why in one object
let shown = null; // the value that is on the page
let rows = []; // {slider, readout, strip}, the label direction's last
let builtFor = null; // the model whose directions the rows are
let choices = {}; // label column -> labels
let selects = null; // {column, from, to}
let loading = 0; // tells a start that is overtaken
let stripping = 0; // tells a label direction that is overtaken
let isAsking = false;
let isWanted = false; // the sliders have moved since the last request
let isSettling = false; // the hand is off: tell the server once the last picture is there

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

// ---- A start ----

async function load() {
  const value = props.value;
  if (!value || value === shown || !element.offsetParent) return;
  shown = value;
  const mine = ++loading;
  start.textContent = `From: ${value.start}`;
  if (builtFor !== value.model) {
    body.hidden = true;
    say("Finding the directions …");
    const answer = await ask("describe", value.model, value.token);
    if (mine !== loading) return;
    if (answer.error) {
      [rows, builtFor] = [[], null];
      return say(answer.error);
    }
    build(answer);
    builtFor = value.model;
  }
  say("");
  body.hidden = false;
  reset();
  for (let k = 0; k < rows.length && mine === loading; k++) {
    while (isAsking) await new Promise((done) => setTimeout(done, 50)); // the hand goes first
    if (mine === loading) await drawStrip(k);
  }
}

function build({ directions, choices: found }) {
  choices = found;
  rows = [];
  board.replaceChildren(
    ...directions.map(({ share }, k) => {
      return newRow(text("strong", `Direction ${k + 1}`), `${(100 * share).toFixed(1)}% of the variance`);
    }),
  );
  selects = null;
  if (Object.keys(choices).length) board.append(newRow(newLabels(), ""));
}

function newRow(title, note) {
  const row = document.createElement("div");
  row.className = "direction-row";
  const head = document.createElement("div");
  head.className = "direction-head";
  const readout = document.createElement("output");
  const remark = text("span", note);
  head.append(title, remark, readout);
  const strip = document.createElement("img");
  strip.alt = "";
  strip.className = "direction-strip";
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", min: -REACH, max: REACH, step: 0.05, value: 0 });
  const name = title.tagName === "STRONG" ? title.textContent : "Label direction";
  slider.setAttribute("aria-label", `${name}, standard deviations`);
  slider.addEventListener("input", () => moved());
  slider.addEventListener("change", settle);
  slider.addEventListener("dblclick", () => setRow(entry, 0));
  const entry = { slider, readout, strip, remark };
  strip.addEventListener("click", (event) => {
    const place = Math.floor((7 * event.offsetX) / strip.clientWidth) - REACH;
    setRow(entry, Math.max(-REACH, Math.min(REACH, place)));
  });
  rows.push(entry);
  row.append(head, strip, slider);
  return row;
}

function setRow(entry, value) {
  entry.slider.value = value;
  moved();
  settle();
}

function text(tag, words) {
  const made = document.createElement(tag);
  made.textContent = words;
  return made;
}

// ---- The label direction ----

function newLabels() {
  const line = document.createElement("span");
  line.className = "direction-labels";
  const make = (name) => {
    const select = document.createElement("select");
    select.setAttribute("aria-label", name);
    return select;
  };
  selects = { column: make("Label column"), from: make("From label"), to: make("To label") };
  fillSelect(selects.column, Object.keys(choices));
  fillLabels();
  selects.column.addEventListener("change", () => {
    fillLabels();
    changedLabels();
  });
  selects.from.addEventListener("change", changedLabels);
  selects.to.addEventListener("change", changedLabels);
  line.append(selects.column, ": ", selects.from, " → ", selects.to);
  return line;
}

function fillSelect(select, names) {
  select.replaceChildren(...names.map((name) => new Option(name, name)));
}

function fillLabels() {
  const names = choices[selects.column.value];
  fillSelect(selects.from, names);
  fillSelect(selects.to, names);
  selects.to.selectedIndex = 1;
}

function changedLabels() {
  rows.at(-1).slider.value = 0;
  moved();
  settle();
  drawStrip(rows.length - 1);
}

const labels = () => {
  if (!selects || selects.from.value === selects.to.value) return null;
  return [selects.column.value, selects.from.value, selects.to.value];
};
const isLabelRow = (k) => selects !== null && k === rows.length - 1;

async function drawStrip(k) {
  const { strip, remark } = rows[k];
  const asked = isLabelRow(k) ? labels() : null;
  if (isLabelRow(k)) {
    stripping++;
    if (!asked) {
      strip.removeAttribute("src");
      remark.textContent = "Choose two different labels.";
      return;
    }
  }
  const [mine, mineStart] = [stripping, loading];
  strip.classList.add("is-waiting");
  const answer = await ask("strip", shown.model, shown.token, isLabelRow(k) ? null : k, asked);
  if (mineStart !== loading || (isLabelRow(k) && mine !== stripping)) return;
  strip.classList.remove("is-waiting");
  if (answer.error) {
    if (isLabelRow(k)) remark.textContent = answer.error;
    else say(answer.error);
    return;
  }
  strip.src = answer.sheet;
  if (isLabelRow(k)) remark.textContent = `the two means are ${answer.apart.toFixed(1)} deviations apart`;
}

// ---- The picture ----

function moved() {
  for (const { slider, readout } of rows) {
    const value = Number(slider.value);
    readout.textContent = `${value > 0 ? "+" : value < 0 ? "−" : ""}${Math.abs(value).toFixed(2)} σ`;
  }
  isWanted = true;
  draw();
}

function place() {
  const values = rows.map(({ slider }) => Number(slider.value));
  const towards = selects ? values.pop() : 0;
  return { coefficients: values, labels: towards ? labels() : null, towards: labels() ? towards : 0 };
}

async function draw() {
  if (isAsking) return; // one request in flight; the newest place is asked for when it is back
  isAsking = true;
  while (isWanted) {
    isWanted = false;
    const [mine, wanted] = [loading, place()];
    const answer = await ask("move", shown.model, shown.token, wanted.coefficients, wanted.labels, wanted.towards);
    if (mine !== loading) continue;
    if (answer.error) say(answer.error);
    else {
      say("");
      picture.src = answer.picture;
      picture.classList.toggle("is-small", answer.side <= 128);
    }
  }
  isAsking = false;
  if (isSettling) settle();
}

function settle() {
  isSettling = isAsking;
  if (!isAsking) trigger("settle", Object.assign(told, { model: shown.model, token: shown.token, ...place() }));
}

function reset() {
  for (const { slider } of rows) slider.value = 0;
  moved();
  settle();
}

resetButton.addEventListener("click", () => shown && reset());

// Also tells when the tab is opened: an element that is not shown has no size.
const sizes = new ResizeObserver(() => (element.isConnected ? load() : sizes.disconnect()));
sizes.observe(element);
watch("value", load);
load();
