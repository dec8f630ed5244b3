// What each dimension of a latent does: its bar, what it knows of the labels, and the pictures that it makes. A spatial
// latent has a unit for each channel instead.

import { inAddress, recall, remember } from "../../web/address.js";
import { asking } from "../../web/ask.js";
import { decoder } from "../../web/decoder.js";
import { make, onSeen, placing } from "../../web/dom.js";
import { downloads, NOT_ALL } from "../../web/downloads.js";
import { isSpatial, latentSize, moved, unpack } from "../../web/latents.js";
import { newest } from "../../web/latest.js";
import { clamp, digits } from "../../web/numbers.js";
import { LEVELS, pictureDistance, stripOf } from "../../web/sheet.js";
import { STRIP_COEFFICIENTS, STRIP_SIDE } from "../../web/strip.js";
import { csvOf } from "../../web/tables.js";
import { Bars } from "./bars.js";
import { Matrix } from "./matrix.js";
import { directionOf, EFFECT, factsOf, isCollapsed, measuresOf, orderOf, summary } from "./measures.js";

export function mount({ element, props, server, watch }) {
  const find = (name) => element.querySelector(`.dimensions${name}`);
  const [measureBox, orderBox, numberBox, strips] = ["-measure", "-order", "-number", "-strips"].map(find);
  const known = find("-known");
  const body = find("-body");
  const { showMessage, showBody } = placing({ root: find(""), message: find("-message"), body }, { props, watch });
  const ask = asking(server);
  const { decode } = decoder(server);
  const loads = newest();
  const traversals = newest();
  const bars = new Bars(find("-bars"), chooseByHand);
  const onArrange = () => keep("table", matrix.arrangement);
  const matrix = new Matrix(find("-matrix"), find("-more"), { onChoose: chooseByHand, onArrange });
  let shown = null; // the value that is on the page
  let found = null; // the server's answer, with `starts` as latents
  let measures = [];
  let chosen = 0;

  const unitName = () => (isSpatial(shown.model) ? "channel" : "dimension");
  const measure = () => measures[measureBox.value];
  const effects = () => measures.find(({ id }) => id === EFFECT).values;

  // ---- What the address keeps ----

  // By the ends of their keys, how a text of the address is brought back; null is as at first.
  const bringBack = {
    measure(text) {
      measureBox.value = Math.max(
        0,
        measures.findIndex(({ id }) => id === text),
      );
    },
    order(text) {
      orderBox.value = text === "number" ? "number" : "size";
    },
    table(text) {
      if (found.factors.length) matrix.arrange(text);
    },
    unit(text) {
      const unit = text?.trim() ? Number(text) : null;
      choose(unit in found.deviation ? unit : orderOf(found.kl ?? found.deviation, "size")[0]);
    },
  };
  const keyOf = (what) => props.address && `${props.address}.${what}`;
  for (const what of Object.keys(bringBack)) recall(keyOf(what), (text) => undo(what, text));

  function undo(what, text) {
    if (!found || body.hidden) return;
    bringBack[what](text);
    drawBars();
  }

  const keep = (what, text) => remember(keyOf(what), text);

  // ---- A model ----

  async function load() {
    const { value } = props;
    if (!element.offsetParent || value === shown) return;
    const isNewest = loads.begin();
    traversals.drop();
    const isAnother = Boolean(shown && value && shown.model.name !== value.model.name);
    shown = value;
    if (isAnother) for (const what of Object.keys(bringBack)) keep(what, null);
    if (!value) return showMessage("empty", "");
    showMessage("waiting", "Measuring the dimensions over the map's pictures …");
    const answer = await ask("dimensions", value.model.name);
    if (!isNewest()) return;
    if (answer.error) {
      shown = null; // opening the tab asks again
      return showMessage("error", answer.error);
    }
    found = { ...answer, starts: unpack(answer.starts, value.model) };
    showBody();
    build();
  }

  function build() {
    measures = measuresOf(found);
    measureBox.replaceChildren(...measures.map(({ name }, k) => new Option(name, k)));
    measureBox.value = 0;
    const name = unitName();
    find("-unit").textContent = `${name[0].toUpperCase()}${name.slice(1)}`;
    find("-bars").setAttribute("aria-label", `A bar for each ${name}`);
    numberBox.max = found.deviation.length - 1;
    known.hidden = !found.factors.length;
    known.querySelector("p").textContent =
      `What each ${name} alone says about the labels: mutual information, as a share of the label's entropy. Click a cell for ` +
      "its traversal, a label to sort by it.";
    if (found.factors.length) matrix.build(found, name);
    strips.replaceChildren(...found.starts.map(() => make("img", { alt: "" })));
    find("-reach").replaceChildren(...STRIP_COEFFICIENTS.map((c) => make("span", {}, signed(c))));
    for (const what of Object.keys(bringBack)) bringBack[what](inAddress(keyOf(what)));
    drawBars();
  }

  // ---- Bars ----

  async function drawBars() {
    const shownMeasure = measure();
    if (!shownMeasure.values) {
      find("-words").textContent = `Raising each ${unitName()} in turn …`;
      if (!(await measureEffects(shownMeasure, () => measure() === shownMeasure))) return;
    }
    if (shownMeasure !== measure()) return;
    const { values, unit } = shownMeasure;
    bars.draw(values, orderOf(values, orderBox.value), {
      isFaint: (k) => isCollapsed(found, k),
      words: (k) => `${unitName()} ${k}: ${digits(values[k])} ${unit}`,
    });
    find("-scale").firstChild.textContent = digits(Math.max(...values));
    find("-words").textContent = summary(shownMeasure, found, unitName());
    bars.choose(chosen);
  }

  // Raises each unit of the mean by its deviation; returns whether all pictures came.
  async function measureEffects(effect, isWanted) {
    const { model } = shown;
    const [mean] = found.starts;
    const latents = [mean, ...found.deviation.map((_, unit) => along(mean, unit, 1))];
    const { pictures, error } = await decode(model, latents, { isWanted });
    if (error) find("-words").textContent = error;
    if (!pictures) return false;
    const [still, ...raised] = pictures;
    effect.values = raised.map((picture) => LEVELS * pictureDistance(still, picture));
    for (const picture of pictures) picture.close();
    return true;
  }

  function along(start, unit, coefficient) {
    const direction = directionOf(unit, found.deviation.length, latentSize(shown.model));
    return moved(start, [direction], [found.deviation[unit]], [coefficient]);
  }

  // ---- The chosen one ----

  async function choose(unit) {
    chosen = unit;
    numberBox.value = unit;
    bars.choose(unit);
    matrix.choose(unit);
    const [title, facts] = find("-chosen").querySelector("figcaption").children;
    title.textContent = `${find("-unit").textContent} ${unit}`;
    facts.textContent = factsOf(found, unit, effects()?.[unit]);
    const isNewest = traversals.begin();
    for (const strip of strips.children) strip.classList.add("is-waiting");
    for (const [k, start] of found.starts.entries()) {
      const latents = STRIP_COEFFICIENTS.map((c) => along(start, unit, c));
      const { pictures, error } = await decode(shown.model, latents, { isWanted: isNewest });
      if (error) facts.textContent = error;
      if (!pictures) return;
      Object.assign(strips.children[k], { src: stripOf(pictures, STRIP_SIDE), alt: traversalFrom(k) });
      strips.children[k].classList.remove("is-waiting");
      for (const picture of pictures) picture.close();
    }
  }

  function chooseByHand(unit) {
    keep("unit", unit);
    choose(unit);
  }

  // ---- Files ----

  // A row for each unit with all that the bars can show of it.
  async function unitRows() {
    const effect = measures.find(({ id }) => id === EFFECT);
    if (!effect.values && !(await measureEffects(effect, () => true))) throw new Error(NOT_ALL);
    const head = [unitName(), ...measures.map(({ name, unit }) => `${name} (${unit})`), "active"];
    return [head, ...found.active.map((count, k) => [k, ...measures.map(({ values }) => values[k]), count])];
  }

  function table(title, name, rows) {
    const makeFile = async () => ({ name: `${shown.model.name} ${name}`, content: csvOf(await rows()) });
    return { kind: "csv", title, make: makeFile };
  }

  const ofLabels = async () => [[unitName(), ...found.factors], ...matrix.rows];
  find("-words").after(downloads([table("All measures as a table", "dimensions", unitRows)], "Download the measures"));
  known.append(downloads([table("This table", "labels", ofLabels)], "Download the table"));

  // ---- Controls ----

  measureBox.addEventListener("change", () => {
    keep("measure", Number(measureBox.value) ? measure().id : null);
    drawBars();
  });
  orderBox.addEventListener("change", () => {
    keep("order", orderBox.value === "size" ? null : orderBox.value);
    drawBars();
  });
  numberBox.addEventListener("change", () => {
    chooseByHand(clamp(Math.round(Number(numberBox.value)), 0, found.deviation.length - 1));
  });
  onSeen(element, ({ isOpened }) => isOpened && load());
  watch("value", load);
  load();
}

const traversalFrom = (k) => `Traversal from ${k ? `picture ${k} of the data set` : "the mean of the data"}`;

const signed = (deviations) =>
  deviations ? `${deviations > 0 ? "+" : "−"}${digits(Math.abs(deviations))} σ` : "start";
