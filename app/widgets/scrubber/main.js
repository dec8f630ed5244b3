// A path of latents, decoded coarse to fine and then kept: dragging and playing ask the server nothing.

import { numbersIn, recall, remember } from "../../web/address.js";
import { asking } from "../../web/ask.js";
import { make, onSeen, placing, telling } from "../../web/dom.js";
import { downloads, gifOffer, latentOffers, sheetOffer } from "../../web/downloads.js";
import { distance, interpolate, pack, unpack } from "../../web/latents.js";
import { LIMITS } from "../../web/limits.js";
import { clamp } from "../../web/numbers.js";
import { coarseToFine, evenlyDrawn, evenPlaces, nearestDrawn } from "../../web/order.js";
import { Series } from "../../web/series.js";
import { paint, pictureDistance, smooth } from "../../web/sheet.js";
import { advance, begin } from "./playing.js";
import { plotSteps } from "./plot.js";

const MAX_THUMBNAILS = 9;
const THUMBNAIL_SIDE = 56; // CSS pixels

export function mount({ element, trigger, props, server, watch }) {
  const find = (selector) => element.querySelector(selector);
  const root = find(".scrubber");
  const canvas = find(".scrubber-picture");
  const slider = find("input[type=range]");
  const playButton = find(".scrubber-play");
  const speedSelect = find(".scrubber-speed select");
  const modeSelect = find(".scrubber-mode select");
  const progress = find(".scrubber-progress");
  const strip = find(".scrubber-strip");
  const captions = element.querySelectorAll(".scrubber-caption");

  const tell = telling(trigger);
  const parts = { root, message: find(".scrubber-message"), body: find(".scrubber-body") };
  const { showMessage, showBody } = placing(parts, { props, watch });
  const series = new Series(server, element, { onFirst: started, onMore: grown, onError: failed });
  let t = null; // until the first pictures are there
  let recalled = placeIn(recall(props.address, bringBack)); // until the first pictures are there
  let toldAt = null; // the t of these pictures that the server knows
  let drawRequest = 0;
  let playing = null; // while it plays: where it is, and when

  // ---- A path, from its latents to its pictures ----

  function load(value) {
    if (!value) {
      pause();
      series.clear();
      return showMessage("empty", props.empty_text);
    }
    if (!series.shown) showMessage("loading", "Decoding the first pictures …");
    const latents = latentsOf(value);
    series.load({ ...value, latents }, coarseToFine(latents.length));
  }

  function started({ pictures, ...value }) {
    toldAt = null;
    showBody();
    const { width, height } = Object.values(pictures)[0];
    canvas.style.aspectRatio = `${width} / ${height}`;
    captions.forEach((caption, k) => {
      caption.textContent = value.captions[k];
    });
    buildStrip(value.latents.length);
    setT(recalled ?? value.t ?? t ?? 0.5);
    recalled = null;
  }

  function grown({ latents, pictures, plot }) {
    const [count, total] = [Object.keys(pictures).length, latents.length];
    root.dataset.state = count < total ? "refining" : "ready";
    progress.textContent = count < total ? `${count} of ${total} pictures` : `${total} pictures`;
    drawStrip();
    plotSteps(find(".scrubber-distances"), plot ? stepsOf(latents, pictures) : {});
    requestDraw();
    if (count === total) commit();
  }

  function failed(error) {
    if (!series.shown) return showMessage("error", error);
    root.dataset.state = "error";
    progress.textContent = `${progress.textContent}. ${error}`;
  }

  // ---- The place ----

  const positionAt = (place) => Math.round(place * (series.shown.latents.length - 1));
  const pictureAt = (place) => nearestDrawn(series.shown.pictures, positionAt(place));

  function setT(value) {
    t = clamp(value, 0, 1);
    slider.value = t;
    const words = `t = ${t.toFixed(2)}`;
    slider.setAttribute("aria-valuetext", words);
    root.style.setProperty("--scrubber-t", t);
    find(".scrubber-t").textContent = words;
    markThumbnail();
    requestDraw();
  }

  function bringBack(text) {
    pause();
    if (!series.shown) return;
    setT(placeIn(text) ?? 0.5);
    commit();
  }

  /** Tells the place where it has come to rest, unless it is known, or of pictures that are about to be replaced. */
  function commit() {
    if (t === toldAt || !series.isCurrent) return;
    toldAt = t;
    remember(props.address, Number(t.toFixed(3)));
    const { model, latents, words } = series.shown;
    const latent = pack([latents[positionAt(t)]], model);
    tell("commit", { model: model.name, latent, words: `${words} ${t.toFixed(2)}`, t });
  }

  function requestDraw() {
    if (drawRequest) return;
    drawRequest = requestAnimationFrame(() => {
      drawRequest = 0;
      if (series.shown) paint(canvas, pictureAt(t));
    });
  }

  // ---- Thumbnails ----

  function buildStrip(pictures) {
    const count = Math.min(MAX_THUMBNAILS, pictures);
    strip.replaceChildren(...Array.from({ length: count }, (_, k) => thumbnail(k / (count - 1))));
  }

  function thumbnail(place) {
    const attributes = { "data-t": place, "aria-label": `t = ${place.toFixed(2)}` };
    return make("button", { type: "button", attributes }, make("canvas"));
  }

  function drawStrip() {
    for (const { firstChild: picture, dataset } of strip.children) {
      const frame = pictureAt(Number(dataset.t));
      picture.width = Math.round(THUMBNAIL_SIDE * devicePixelRatio);
      picture.height = Math.round((picture.width * frame.height) / frame.width);
      smooth(picture).drawImage(frame, 0, 0, picture.width, picture.height);
    }
  }

  function markThumbnail() {
    const nearest = Math.round(t * (strip.children.length - 1));
    [...strip.children].forEach((button, k) => {
      button.setAttribute("aria-current", k === nearest);
    });
  }

  // ---- Playing ----

  function play() {
    playing = { ...begin(t, modeSelect.value), at: performance.now() };
    setT(playing.t);
    showPlaying();
    requestAnimationFrame(step);
  }

  function pause() {
    if (!playing) return;
    playing = null;
    showPlaying();
    commit();
  }

  function showPlaying() {
    playButton.setAttribute("aria-pressed", playing !== null);
    playButton.querySelector("span").textContent = playing ? "Pause" : "Play";
  }

  function step(now) {
    if (!playing || !element.isConnected) return;
    const seconds = Math.max(0, now - playing.at) / 1000;
    playing = { ...advance({ ...playing, t }, seconds, Number(speedSelect.value), modeSelect.value), at: now };
    setT(playing.t);
    if (playing.isOver) pause();
    else requestAnimationFrame(step);
  }

  function togglePlaying() {
    if (playing) pause();
    else play();
  }

  // ---- Files ----

  async function whole() {
    const { words, ...shown } = await series.whole();
    return { ...shown, name: words };
  }

  async function ofStrip() {
    const { pictures, ...shown } = await whole();
    const count = Math.min(LIMITS.exportStrip, pictures.length);
    return { ...shown, pictures: evenPlaces(pictures.length, count - 1).map((k) => pictures[k]), columns: count };
  }

  async function film() {
    const { model, latents, name } = await whole();
    const answer = await asking(server)("film", model.name, pack(latents, model));
    if (answer.error) throw new Error(answer.error);
    return { name: `${model.name} ${name}`, content: await (await fetch(answer.url)).blob() };
  }

  const films = server.film ? [{ kind: "mp4", title: "A film, there and back", make: film }] : [];
  const stripOffer = sheetOffer(`A strip of ${LIMITS.exportStrip} pictures`, ofStrip);
  find(".scrubber-body").append(downloads([gifOffer(whole), ...films, stripOffer, ...latentOffers(whole)]));

  // ---- Pointer and keys ----

  function dragPicture(event) {
    if (event.button !== 0) return;
    pause();
    canvas.setPointerCapture(event.pointerId);
    const [startX, startT] = [event.clientX, t];
    const listening = new AbortController();
    const { signal } = listening;
    const move = ({ clientX }) => setT(startT + (clientX - startX) / canvas.clientWidth);
    const stop = () => {
      listening.abort();
      commit();
    };
    canvas.addEventListener("pointermove", move, { signal });
    canvas.addEventListener("pointerup", stop, { signal });
    canvas.addEventListener("pointercancel", stop, { signal });
  }

  function jump(event) {
    const button = event.target.closest("button");
    if (!button) return;
    pause();
    setT(Number(button.dataset.t));
    commit();
  }

  function playOnSpace(event) {
    // On buttons and the select, Space has its own meaning.
    if (event.key !== " " || event.target.closest("button, select") || !series.shown) return;
    event.preventDefault();
    togglePlaying();
  }

  slider.addEventListener("input", () => {
    pause();
    setT(Number(slider.value));
  });
  slider.addEventListener("change", commit);
  canvas.addEventListener("pointerdown", dragPicture);
  playButton.addEventListener("click", togglePlaying);
  strip.addEventListener("click", jump);
  root.addEventListener("keydown", playOnSpace);
  onSeen(canvas, requestDraw, () => {
    playing = null;
    series.clear();
  });
  watch("value", () => load(props.value));
  load(props.value);
}

const placeIn = (text) => numbersIn(text, { low: 0, high: 1 })?.[0] ?? null;

function latentsOf({ model, ends, latents, method, count }) {
  if (latents) return unpack(latents, model);
  const [a, b] = unpack(ends, model);
  return Array.from({ length: count }, (_, k) => interpolate(a, b, k / (count - 1), method));
}

/** The lengths of the steps between evenly spread pictures, and between their latents. */
function stepsOf(latents, pictures) {
  const places = evenlyDrawn(pictures, latents.length);
  const between = (apart, items) => places.slice(1).map((place, k) => apart(items[places[k]], items[place]));
  return { latent: between(distance, latents), picture: between(pictureDistance, pictures) };
}
