// A square of latents between four, decoded coarse to fine and then kept: moving over it asks the server nothing.

import { numbersIn, recall, remember, textOf } from "../../web/address.js";
import { placing, telling } from "../../web/dom.js";
import { downloads, latentOffers, sheetOffer } from "../../web/downloads.js";
import { mixCorners, pack, unpack } from "../../web/latents.js";
import { LIMITS } from "../../web/limits.js";
import { clamp } from "../../web/numbers.js";
import { squareCoarseToFine } from "../../web/order.js";
import { Series } from "../../web/series.js";
import { smooth } from "../../web/sheet.js";
import { cellAt, nearestCell, stepFrom } from "./square.js";

const SIDE = LIMITS.cornerSide;
const GRID_PIXELS = 512; // of the drawing of the whole square
const LEAST_LARGE_PIXELS = 256;
const FAINT = 0.35; // opacity of a picture that stands for one that has not come yet
const REST_MS = 200; // without a move: the place is chosen

export function mount({ element, trigger, props, server, watch }) {
  const find = (selector) => element.querySelector(selector);
  const root = find(".corners");
  const body = find(".corners-body");
  const grid = find(".corners-grid");
  const large = find(".corners-large canvas");
  const words = find(".corners-large figcaption");

  const tell = telling(trigger);
  const { showMessage, showBody } = placing({ root, message: find(".corners-message"), body }, { props, watch });
  const series = new Series(server, element, { onFirst: showBody, onMore: grown, onError: failed });
  let chosen = placeIn(recall(props.address, (text) => choose(placeIn(text)))); // { u, v }, 0 to 1, from the left and from the top: what a click or the keys chose
  let place = chosen; // what is shown large; the pointer looks elsewhere, until it leaves
  let restTimer = 0;

  // ---- A square, from its corners to its pictures ----

  function load(value) {
    if (!value) {
      series.clear();
      return showMessage("empty", props.empty_text);
    }
    if (!series.shown) showMessage("loading", "Decoding the first pictures …");
    series.load({ ...value, latents: latentsOf(value) }, squareCoarseToFine(SIDE));
  }

  function grown({ pictures }) {
    const [count, total] = [Object.keys(pictures).length, SIDE ** 2];
    root.dataset.state = count < total ? "refining" : "ready";
    const counted = count < total ? `${count} of ${total} pictures` : `${total} pictures`;
    const keys = "Arrow keys, Home, End, Page Up and Page Down choose one.";
    grid.setAttribute("aria-label", `${counted} between A, B, C and D. ${keys}`);
    drawGrid(pictures);
    if (count === total) choose(chosen);
    else show();
  }

  function failed(error) {
    showMessage("error", error);
    body.hidden = !series.shown;
  }

  // ---- What is on the page ----

  function drawGrid(pictures) {
    grid.width = grid.height = GRID_PIXELS;
    const side = GRID_PIXELS / SIDE;
    const context = smooth(grid);
    for (let cell = 0; cell < SIDE ** 2; cell++) {
      const nearest = nearestCell(pictures, cell, SIDE);
      context.globalAlpha = nearest === cell ? 1 : FAINT;
      const [row, column] = [Math.floor(cell / SIDE), cell % SIDE];
      context.drawImage(pictures[nearest], column * side, row * side, side, side);
    }
  }

  function show() {
    const [column, row] = [cellAt(place.u, SIDE), cellAt(place.v, SIDE)];
    const { pictures } = series.shown;
    const picture = pictures[nearestCell(pictures, row * SIDE + column, SIDE)];
    large.width = large.height = Math.max(picture.width, LEAST_LARGE_PIXELS);
    smooth(large).drawImage(picture, 0, 0, large.width, large.height);
    surround(find(".corners-frame"), place);
    surround(find(".corners-chosen"), chosen);
    words.textContent = `${shareOf(column)} to the right, ${shareOf(row)} down`;
  }

  function surround(box, { u, v }) {
    const share = (cells) => `${(100 * cells) / SIDE}%`;
    const [left, top] = [u, v].map((place) => share(cellAt(place, SIDE)));
    Object.assign(box.style, { left, top, width: share(1), height: share(1) });
  }

  function look(next) {
    place = next;
    if (series.shown) show();
  }

  function choose(next) {
    chosen = next;
    look(next);
    clearTimeout(restTimer);
    restTimer = setTimeout(commit, REST_MS);
  }

  function commit() {
    if (!series.isCurrent) return;
    const { u, v } = chosen;
    remember(props.address, u === 0.5 && v === 0.5 ? null : textOf([u, v], 3));
    const [column, row] = [cellAt(chosen.u, SIDE), cellAt(chosen.v, SIDE)];
    const { model, latents } = series.shown;
    const latent = pack([latents[row * SIDE + column]], model);
    tell("commit", { model: model.name, latent, words: `corners ${shareOf(column)} ${shareOf(row)}`, ...chosen });
  }

  // ---- Files ----

  async function whole() {
    const shown = await series.whole();
    const facts = shown.latents.map((_, cell) => [cell % SIDE, Math.floor(cell / SIDE)].map(shareOf));
    return { ...shown, columns: SIDE, name: "corners", names: ["to the right", "down"], facts };
  }

  find(".corners-files").append(
    downloads([sheetOffer("The whole square in one picture", whole), ...latentOffers(whole)]),
  );

  // ---- Pointer and keys ----

  function placeOf(event) {
    const box = grid.getBoundingClientRect();
    const share = (part, whole) => clamp(part / whole, 0, 1);
    return { u: share(event.clientX - box.left, box.width), v: share(event.clientY - box.top, box.height) };
  }

  grid.addEventListener("pointermove", (event) => {
    if (event.buttons) choose(placeOf(event));
    else look(placeOf(event));
  });
  grid.addEventListener("pointerdown", (event) => choose(placeOf(event)));
  grid.addEventListener("pointerleave", () => look(chosen));
  grid.addEventListener("keydown", (event) => {
    const next = stepFrom(chosen, event.key, SIDE);
    if (!next || !series.shown) return;
    event.preventDefault();
    choose(next);
  });
  watch("value", () => load(props.value));
  load(props.value);
}

function placeIn(text) {
  const [u, v] = numbersIn(text, { low: 0, high: 1, least: 2 }) ?? [0.5, 0.5];
  return { u, v };
}

/** Of a square's latents, row by row. */
function latentsOf({ model, corners, method }) {
  const four = unpack(corners, model);
  const share = (k) => k / (SIDE - 1);
  return Array.from({ length: SIDE ** 2 }, (_, cell) =>
    mixCorners(four, share(cell % SIDE), share(Math.floor(cell / SIDE)), method),
  );
}

const shareOf = (cell) => (cell / (SIDE - 1)).toFixed(2);
