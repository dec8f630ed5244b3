// What each dimension of a latent does: its bar, what it knows of the labels, and the pictures that it makes. A spatial
// latent has a unit for each channel instead.

import { asking } from "../../web/ask.js";
import { decoder } from "../../web/decoder.js";
import { make, onSeen, placing } from "../../web/dom.js";
import { isSpatial, latentSize, moved, unpack } from "../../web/latents.js";
import { newest } from "../../web/latest.js";
import { clamp, digits } from "../../web/numbers.js";
import { LEVELS, pictureDistance, stripOf } from "../../web/sheet.js";
import { STRIP_COEFFICIENTS, STRIP_SIDE } from "../../web/strip.js";
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
  const bars = new Bars(find("-bars"), choose);
  const matrix = new Matrix(find("-matrix"), find("-more"), choose);
  let shown = null; // the value that is on the page
  let found = null; // the server's answer, with `starts` as latents
  let measures = [];
  let chosen = 0;

  const unitName = () => (isSpatial(shown.model) ? "channel" : "dimension");
  const measure = () => measures[measureBox.value];
  const effects = () => measures.find(({ id }) => id === EFFECT).values;

  // ---- A model ----

  async function load() {
    const { value } = props;
    if (!element.offsetParent || value === shown) return;
    const isNewest = loads.begin();
    traversals.drop();
    shown = value;
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
    drawBars();
    choose(orderOf(measure().values, "size")[0]);
  }

  // ---- Bars ----

  async function drawBars() {
    const shownMeasure = measure();
    if (!shownMeasure.values && !(await measureEffects(shownMeasure))) return;
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
  async function measureEffects(effect) {
    find("-words").textContent = `Raising each ${unitName()} in turn …`;
    const { model } = shown;
    const [mean] = found.starts;
    const latents = [mean, ...found.deviation.map((_, unit) => along(mean, unit, 1))];
    const { pictures, error } = await decode(model, latents, { isWanted: () => measure() === effect });
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

  // ---- Controls ----

  measureBox.addEventListener("change", drawBars);
  orderBox.addEventListener("change", drawBars);
  numberBox.addEventListener("change", () => {
    choose(clamp(Math.round(Number(numberBox.value)), 0, found.deviation.length - 1));
  });
  onSeen(element, ({ isOpened }) => isOpened && load());
  watch("value", load);
  load();
}

const traversalFrom = (k) => `Traversal from ${k ? `picture ${k} of the data set` : "the mean of the data"}`;

const signed = (deviations) =>
  deviations ? `${deviations > 0 ? "+" : "−"}${digits(Math.abs(deviations))} σ` : "start";
