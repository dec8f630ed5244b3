"use strict";
// Gradio runs this file as the body of a function, once for each Scrubber on the page, with `element`, `trigger`,
// `props` and `watch` in scope. Nothing here touches the network: all frames came with the value.

const SWEEP_SECONDS = 3; // from A to B at speed 1
const MAX_THUMBNAILS = 9;
const THUMBNAIL_SIDE = 56; // CSS pixels

const find = (selector) => element.querySelector(selector);
const root = find(".scrubber");
const message = find(".scrubber-message");
const body = find(".scrubber-body");
const canvas = find(".scrubber-picture");
const slider = find("input[type=range]");
const playButton = find(".scrubber-play");
const playWord = find(".scrubber-play span");
const speedSelect = find(".scrubber-speed select");
const readout = find(".scrubber-t");
const modeSelect = find(".scrubber-mode select");
const progress = find(".scrubber-progress");
const distancePlot = find(".scrubber-distances");
const strip = find(".scrubber-strip");
const [startCaption, endCaption] = element.querySelectorAll(".scrubber-caption");

const told = {}; // what the events say; app/tabs/common.py tells why in one object
let frames = []; // ImageBitmaps, from A to B
let t = null; // until the first frames are there
let settledAt = null; // the t that the server knows
let drawRequest = 0;
let loadCount = 0; // tells a sheet that arrives late from the newest one
let playing = null; // {direction, time of the last step} while it plays

const clamp = (value) => Math.min(1, Math.max(0, value));
const frameAt = (place) => Math.round(place * (frames.length - 1));

// ---- Frames ----

async function sliceSheet({ sheet, count, columns, width, height }) {
  const picture = new Image();
  picture.src = sheet;
  await picture.decode();
  // One bitmap a frame, so that smooth enlargement never mixes in the neighbour on the sheet.
  const slice = (_, k) =>
    createImageBitmap(picture, (k % columns) * width, Math.floor(k / columns) * height, width, height);
  return Promise.all(Array.from({ length: count }, slice));
}

function closeFrames() {
  for (const frame of frames) frame.close();
  frames = [];
}

async function load(value) {
  const mine = ++loadCount;
  if (!value) {
    pause();
    closeFrames();
    showMessage("empty", props.empty_text);
    return;
  }
  try {
    const sliced = await sliceSheet(value);
    if (mine !== loadCount) {
      for (const frame of sliced) frame.close();
      return;
    }
    closeFrames();
    frames = sliced;
    showFrames(value);
  } catch (error) {
    console.error(error);
    if (mine === loadCount) showMessage("error", "These pictures did not arrive whole. Try again.");
  }
}

// ---- What is on the page ----

function showMessage(state, text) {
  root.dataset.state = state;
  message.textContent = text;
  message.hidden = false;
  body.hidden = true;
}

function showFrames({ t: first, captions, width, height, total, distances }) {
  root.dataset.state = frames.length < total ? "refining" : "ready";
  progress.textContent = frames.length < total ? `${frames.length} of ${total} pictures` : `${total} pictures`;
  message.hidden = true;
  body.hidden = false;
  canvas.style.aspectRatio = `${width} / ${height}`;
  [startCaption.textContent, endCaption.textContent] = captions;
  buildStrip();
  plotDistances(distances);
  setT(first ?? t ?? recall() ?? 0.5);
  if (frames.length < total) return;
  settledAt = null; // other pictures: the one at this place is another, too
  settle();
}

const recall = () => (props.address ? window.latentscape?.recall(props.address) : null);

function setT(value) {
  t = clamp(value);
  slider.value = t;
  const words = `t = ${t.toFixed(2)}`;
  slider.setAttribute("aria-valuetext", words);
  root.style.setProperty("--scrubber-t", t);
  readout.textContent = words;
  markThumbnail();
  requestDraw();
}

function settle() {
  if (t === settledAt) return;
  settledAt = t;
  if (props.address) window.latentscape?.remember(props.address, Number(t.toFixed(3)));
  trigger("settle", Object.assign(told, { t }));
}

function requestDraw() {
  drawRequest ||= requestAnimationFrame(() => {
    drawRequest = 0;
    draw(canvas, frames[frameAt(t)]);
  });
}

function draw(target, frame) {
  const width = Math.round(target.clientWidth * devicePixelRatio);
  const height = Math.round(target.clientHeight * devicePixelRatio);
  if (!frame || !width || !height) return;
  if (target.width !== width || target.height !== height) Object.assign(target, { width, height });
  const context = target.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(frame, 0, 0, width, height);
}

// ---- Thumbnails ----

function buildStrip() {
  const count = Math.min(MAX_THUMBNAILS, frames.length);
  strip.replaceChildren(...Array.from({ length: count }, (_, k) => thumbnail(k / (count - 1))));
}

function thumbnail(place) {
  const frame = frames[frameAt(place)];
  const button = document.createElement("button");
  button.type = "button";
  button.dataset.t = place;
  button.setAttribute("aria-label", `t = ${place.toFixed(2)}`);
  const picture = document.createElement("canvas");
  picture.width = Math.round(THUMBNAIL_SIDE * devicePixelRatio);
  picture.height = Math.round((picture.width * frame.height) / frame.width);
  const context = picture.getContext("2d");
  context.imageSmoothingQuality = "high";
  context.drawImage(frame, 0, 0, picture.width, picture.height);
  button.append(picture);
  return button;
}

function markThumbnail() {
  const nearest = Math.round(t * (strip.children.length - 1));
  [...strip.children].forEach((button, k) => button.setAttribute("aria-current", k === nearest));
}

// ---- Distances ----

const PLOT = { width: 100, height: 40 }; // units of the drawing
const SVG = "http://www.w3.org/2000/svg";

// Every step in units of the mean step, so that latent and picture share an axis, and an even way is a flat line at 1.
function plotDistances(distances) {
  const curves = Object.entries(distances).map(([name, steps]) => {
    const mean = steps.reduce((sum, step) => sum + step, 0) / steps.length || 1;
    return { name, shares: steps.map((step) => step / mean) };
  });
  distancePlot.hidden = !curves.length;
  if (!curves.length) return;
  const top = Math.max(2, ...curves.flatMap(({ shares }) => shares)) * 1.05;
  const lines = curves.map(({ shares }, k) => curve(shares, top, k));
  const [svg, caption] = distancePlot.children;
  svg.replaceChildren(level(1, top), ...lines);
  const largest = curves.map(({ name, shares }) => `${name} ${Math.max(...shares).toFixed(1)}`).join(", ");
  svg.setAttribute("aria-label", `Length of each step, in units of the mean step; the largest: ${largest}`);
  caption.replaceChildren(
    note("Length of each step:"),
    ...curves.map(({ name }, k) => key(name, k)),
    note(`largest: ${largest} × the mean`),
  );
}

function curve(shares, top, k) {
  const points = shares.flatMap((share, i) => {
    const y = PLOT.height * (1 - share / top);
    return [i, i + 1].map((end) => `${(PLOT.width * end) / shares.length},${y.toFixed(2)}`);
  });
  const line = document.createElementNS(SVG, "polyline");
  line.setAttribute("points", points.join(" "));
  line.setAttribute("class", `curve-${k}`);
  return line;
}

function level(share, top) {
  const line = document.createElementNS(SVG, "line");
  const y = PLOT.height * (1 - share / top);
  for (const [name, value] of Object.entries({ x1: 0, x2: PLOT.width, y1: y, y2: y, class: "even" })) {
    line.setAttribute(name, value);
  }
  return line;
}

function key(name, k) {
  const span = note(name);
  span.className = `key curve-${k}`;
  return span;
}

const note = (text) => Object.assign(document.createElement("span"), { textContent: text });

// ---- Playing ----

function play() {
  const goesBack = modeSelect.value === "ping-pong" && t >= 1;
  if (t >= 1 && !goesBack) setT(0);
  playing = { direction: goesBack ? -1 : 1, last: performance.now() };
  showPlaying(true);
  requestAnimationFrame(step);
}

function pause() {
  if (!playing) return;
  playing = null;
  showPlaying(false);
  settle();
}

function showPlaying(isPlaying) {
  playButton.setAttribute("aria-pressed", isPlaying);
  playWord.textContent = isPlaying ? "Pause" : "Play";
}

function step(now) {
  if (!playing || !element.isConnected) return;
  const seconds = Math.max(0, now - playing.last) / 1000;
  const next = t + (playing.direction * seconds * Number(speedSelect.value)) / SWEEP_SECONDS;
  playing.last = now;
  setT(next > 1 && modeSelect.value === "loop" ? next % 1 : next);
  if (next > 1 && modeSelect.value === "once") return pause();
  if (next > 1 && modeSelect.value === "ping-pong") playing.direction = -1;
  if (next < 0) playing.direction = 1;
  requestAnimationFrame(step);
}

// ---- Hands ----

function dragPicture(event) {
  if (event.button !== 0) return;
  pause();
  canvas.setPointerCapture(event.pointerId);
  const [startX, startT] = [event.clientX, t];
  const move = (moved) => setT(startT + (moved.clientX - startX) / canvas.clientWidth);
  const listening = new AbortController();
  const stop = () => {
    listening.abort();
    settle();
  };
  canvas.addEventListener("pointermove", move, { signal: listening.signal });
  canvas.addEventListener("pointerup", stop, { signal: listening.signal });
  canvas.addEventListener("pointercancel", stop, { signal: listening.signal });
}

function jump(event) {
  const button = event.target.closest("button");
  if (!button) return;
  pause();
  setT(Number(button.dataset.t));
  settle();
}

function playOnSpace(event) {
  // On buttons and the select, Space has its own meaning.
  if (event.key !== " " || event.target.closest("button, select")) return;
  event.preventDefault();
  togglePlaying();
}

function togglePlaying() {
  if (playing) pause();
  else play();
}

slider.addEventListener("input", () => {
  if (playing) pause();
  setT(Number(slider.value));
});
slider.addEventListener("change", settle);
canvas.addEventListener("pointerdown", dragPicture);
playButton.addEventListener("click", togglePlaying);
strip.addEventListener("click", jump);
root.addEventListener("keydown", playOnSpace);

// Also tells when Gradio has removed the component: an element off the page has no size.
const sizes = new ResizeObserver(() => {
  if (element.isConnected) requestDraw();
  else dispose();
});
sizes.observe(canvas);

function dispose() {
  loadCount++;
  playing = null;
  sizes.disconnect();
  closeFrames();
}

watch("value", () => load(props.value));
watch("empty_text", () => {
  if (root.dataset.state === "empty") message.textContent = props.empty_text;
});
load(props.value);
