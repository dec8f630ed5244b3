import { holds, numbersIn, recall, remember } from "../../web/address.js";
import { decoder } from "../../web/decoder.js";
import { telling } from "../../web/dom.js";
import { downloads, latentOffers, pictureOffer } from "../../web/downloads.js";
import { pack, scaleChannel, unpack } from "../../web/latents.js";
import { oneAtATime } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { clamp, largestFirst } from "../../web/numbers.js";
import { LEVELS, pictureDistance } from "../../web/sheet.js";
import { Bars, mostTelling } from "./bars.js";
import { newChannel } from "./channels.js";
import { inWords, raised } from "./effects.js";

const BROUGHT_BACK_MS = 5000; // in which a picture that Back has brought back is here
const [NUMBER, EFFECT] = ["number", "effect"]; // by which the bars can stand
const REST_MS = 400; // without a change: the hand has come to rest

export function mount({ element, trigger, props, server, watch }) {
  const find = (name) => element.querySelector(`.latent-editor${name}`);
  const root = find("");
  const indexBox = find("-index");
  const slider = find("-value");
  const channels = find("-channels");
  const canvas = root.querySelector("canvas");
  const resetButton = find("-reset");
  const orderBox = find("-order");
  const orderWords = find("-order-words");

  const tell = telling(trigger);
  const { decode } = decoder(server);
  const follow = oneAtATime(drawEdited);
  const bars = new Bars(find("-bars svg"), { onChoose: choose, onEdit: setNumber });
  let value = null; // what the server sent
  let latent = null; // as it was sent
  let edits = new Map(); // position -> number, or channel -> factor
  let restTimer = 0;
  // What a link or Back asks for: edits, which are of the latent `of`, or of the next one that comes until `until`.
  let wanted = { edits: editsIn(recall(props.address, bringBack)), of: null, until: Number.POSITIVE_INFINITY };
  if (!holds(props.picture_address)) wanted.edits = null; // without their picture, edits are of nothing

  const isVector = () => !value.channels;
  setOrder(recall(props.order_address, bringBackOrder));

  // ---- Another latent ----

  function load(next) {
    const wasEdited = edits.size > 0;
    value = next || null; // Gradio sends "" for nothing
    edits = new Map();
    clearTimeout(restTimer);
    if (wasEdited) commit();
    root.hidden = !value;
    const areAwaited = wanted.edits && wanted.of === null;
    if (!value && wasEdited && !areAwaited) remember(props.address, null);
    if (!value) return;
    [latent] = unpack(value.latent, value.model);
    find("-words").textContent = value.words;
    find("-bars").hidden = !isVector();
    channels.hidden = isVector();
    if (isVector()) buildBars();
    else buildChannels();
    show();
    drawUrl(value);
    if (isWanted()) setEdits(wanted.edits);
    else if (wasEdited) remember(props.address, null);
  }

  function isWanted() {
    if (!wanted.edits) return false;
    if (wanted.of === null && performance.now() < wanted.until) wanted.of = value.latent;
    return wanted.of === value.latent;
  }

  function bringBack(text) {
    wanted = { edits: editsIn(text), of: null, until: performance.now() + BROUGHT_BACK_MS };
    if (value) setEdits(wanted.edits ?? new Map());
  }

  /** Sets all edits, as far as this latent has such numbers or channels. */
  function setEdits(all) {
    const [size, low, high] = isVector()
      ? [latent.length, -bars.limit, bars.limit]
      : [value.channels.length, 0, LIMITS.maxScale];
    edits = new Map([...all].filter(([i]) => i < size).map(([i, number]) => [i, clamp(number, low, high)]));
    if (isVector()) showBars();
    else buildChannels();
    changed();
  }

  async function drawUrl(origin) {
    const picture = new Image();
    picture.src = origin.reconstruction;
    await picture.decode();
    if (origin === value && !edits.size) draw(picture, picture.naturalWidth, picture.naturalHeight);
  }

  function draw(picture, width, height) {
    Object.assign(canvas, { width, height });
    canvas.getContext("2d").drawImage(picture, 0, 0);
  }

  // ---- A vector ----

  function buildBars() {
    const deviation = value.deviation && unpack(value.deviation, value.model)[0];
    const limit = latent.reduce((most, number) => Math.max(most, Math.abs(number)), LIMITS.barLimit);
    bars.build(latent, deviation, limit);
    indexBox.max = latent.length - 1;
    Object.assign(slider, { min: -limit, max: limit });
    choose(mostTelling(latent, deviation));
    arrange();
  }

  // By number, or what moves the picture most first.
  async function arrange() {
    orderWords.textContent = "";
    if (orderBox.value === NUMBER) return bars.arrange([...latent.keys()]);
    const origin = value;
    const isWanted = () => origin === value && orderBox.value === EFFECT;
    orderWords.textContent = "Raising each number in turn…";
    const { pictures, error } = await decode(origin.model, [latent, ...raised(latent)], { isWanted });
    if (error) orderWords.textContent = error;
    if (!pictures) return;
    const [still, ...moved] = pictures;
    const effects = moved.map((picture) => LEVELS * pictureDistance(still, picture));
    for (const picture of pictures) picture.close();
    bars.arrange(largestFirst(effects));
    orderWords.textContent = inWords(effects);
    choose(bars.order[0]);
  }

  function setOrder(text) {
    orderBox.value = text === EFFECT ? EFFECT : NUMBER;
  }

  function bringBackOrder(text) {
    setOrder(text);
    if (value && isVector()) arrange();
  }

  const numberAt = (index) => edits.get(index) ?? latent[index];

  function choose(index) {
    bars.choose(index);
    indexBox.value = index;
    showChosen();
  }

  function showChosen() {
    const number = numberAt(bars.chosen);
    slider.value = number;
    find("-readout").textContent = number.toFixed(2);
    slider.setAttribute("aria-label", `Value of number ${bars.chosen}`);
  }

  function setNumber(index, number) {
    wanted.edits = null;
    edits.set(index, clamp(number, -bars.limit, bars.limit));
    bars.show(index, numberAt(index));
    if (index === bars.chosen) showChosen();
    changed();
  }

  // ---- Channels ----

  function buildChannels() {
    const made = value.channels.map((channel, index) => newChannel(channel, index, edits.get(index) ?? 1, scale));
    channels.replaceChildren(...made);
  }

  function scale(index, factor) {
    wanted.edits = null;
    if (factor === 1) edits.delete(index);
    else edits.set(index, factor);
    changed();
  }

  // ---- Edits ----

  function edited() {
    if (!isVector()) return [...edits].reduce((scaled, edit) => scaleChannel(scaled, value.model, ...edit), latent);
    const changed = latent.slice();
    for (const [index, number] of edits) changed[index] = number;
    return changed;
  }

  function changed() {
    show();
    keep();
    clearTimeout(restTimer);
    restTimer = setTimeout(commit, REST_MS);
    follow();
  }

  function keep() {
    const text = [...edits].map(([index, number]) => `${index},${Number(number.toFixed(3))}`).join(",");
    const isKept = holds(props.picture_address) && text.length <= LIMITS.maxLinkedText;
    remember(props.address, isKept ? text : null);
  }

  async function drawEdited() {
    const origin = value;
    if (!origin) return;
    const { pictures, error } = await decode(origin.model, [edited()], { isWanted: () => origin === value });
    if (error) show(error);
    if (!pictures) return;
    draw(pictures[0], pictures[0].width, pictures[0].height);
    pictures[0].close();
  }

  function commit() {
    const packed = edits.size ? pack([edited()], value.model) : null;
    tell("commit", { model: value?.model.name ?? null, latent: packed, words: "edited" });
  }

  function show(error) {
    const count = edits.size;
    const what = isVector() ? "number" : "channel";
    find("-status").textContent = error ?? (count ? `${count} ${what}${count > 1 ? "s" : ""} changed` : "As encoded");
    resetButton.disabled = !count;
  }

  function showBars() {
    latent.forEach((_, index) => {
      bars.show(index, numberAt(index));
    });
    showChosen();
  }

  function reset() {
    wanted.edits = null;
    setEdits(new Map());
  }

  // ---- Files ----

  async function shown() {
    if (edits.size) await follow();
    const [found, name] = [edited(), edits.size ? "edited" : "as encoded"];
    return { model: value.model, latents: [found], latent: found, picture: canvas, name };
  }

  find("-files").append(downloads([pictureOffer(shown), ...latentOffers(shown)]));

  // ---- Controls ----

  indexBox.addEventListener("input", () => {
    const index = Number(indexBox.value);
    if (indexBox.value !== "" && Number.isInteger(index) && index >= 0 && index < latent.length) choose(index);
  });
  indexBox.addEventListener("change", () => {
    choose(clamp(Math.round(Number(indexBox.value)), 0, latent.length - 1));
  });
  slider.addEventListener("input", () => setNumber(bars.chosen, Number(slider.value)));
  orderBox.addEventListener("change", () => {
    remember(props.order_address, orderBox.value === EFFECT ? EFFECT : null);
    arrange();
  });
  resetButton.addEventListener("click", reset);
  watch("value", () => load(props.value));
  load(props.value);
}

/** Pairs of a position and a number, as in "3,0.5,17,-1"; null where the text is anything else. */
function editsIn(text) {
  const numbers = numbersIn(text, { low: -Number.MAX_VALUE, high: Number.MAX_VALUE, most: LIMITS.maxLinkedText });
  if (!numbers || numbers.length % 2) return null;
  const pairs = Array.from({ length: numbers.length / 2 }, (_, k) => numbers.slice(2 * k, 2 * k + 2));
  const isGood = ([index, number]) => Number.isInteger(index) && index >= 0 && Math.abs(number) <= LIMITS.maxLatent;
  return pairs.every(isGood) ? new Map(pairs) : null;
}
