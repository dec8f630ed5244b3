import { make } from "../../web/dom.js";
import { spaced } from "../../web/labels.js";
import { LIMITS } from "../../web/limits.js";
import { clamp } from "../../web/numbers.js";
import { STRIP_COEFFICIENTS } from "../../web/strip.js";

const REACH = LIMITS.maxDeviations;
const SEPARATOR = "|"; // between a column and its labels

/**
 * A slider under a strip of pictures. Calls `onMove` while its number changes, and `onRest` when it has.
 *
 * Its `direction` and `deviation` are what the number means; null where it means nothing yet.
 */
export class DirectionRow {
  constructor(name, title, remark, { onMove, onRest }) {
    this.direction = null;
    this.deviation = null;
    this.onMove = onMove;
    this.onRest = onRest;
    this.strip = make("img", { className: "direction-strip", alt: "" });
    this.remark = make("span", { textContent: remark });
    this.readout = make("output");
    const attributes = { "aria-label": `${name}, standard deviations` };
    this.slider = make("input", { type: "range", min: -REACH, max: REACH, step: 0.05, value: 0, attributes });
    const head = make("div", { className: "direction-head" }, title, this.remark, this.readout);
    this.element = make("div", { className: "direction-row" }, head, this.strip, this.slider);
    this.slider.addEventListener("input", () => this.#moved());
    this.slider.addEventListener("change", onRest);
    this.slider.addEventListener("dblclick", () => this.set(0));
    this.strip.addEventListener("click", (event) => this.set(placeOn(this.strip, event.offsetX)));
    this.reset();
  }

  /** Standard deviations from the start; 0 where there is no direction. */
  get coefficient() {
    return this.direction ? this.value : 0;
  }

  /** Where the slider is. */
  get value() {
    return Number(this.slider.value);
  }

  /** Moves the slider, as a person does. */
  set(value) {
    this.slider.value = value;
    this.#moved();
    this.onRest();
  }

  /** Moves the slider, to 0 if nothing else is said, without a word. */
  reset(value = 0) {
    this.slider.value = value;
    this.#show();
  }

  #moved() {
    this.#show();
    this.onMove();
  }

  #show() {
    const value = Number(this.slider.value);
    const sign = value > 0 ? "+" : value < 0 ? "−" : "";
    this.readout.textContent = `${sign}${Math.abs(value).toFixed(2)} σ`;
  }
}

/** The number of the picture that is at an x of a strip. */
function placeOn(strip, x) {
  const k = Math.floor((LIMITS.stripCount * x) / strip.clientWidth);
  return STRIP_COEFFICIENTS[clamp(k, 0, LIMITS.stripCount - 1)];
}

/** Three menus, a column and two of its labels. Calls `onChange` with { column, from, to } when one is chosen. */
export class LabelMenus {
  constructor(labels, onChange) {
    this.labels = labels;
    [this.column, this.from, this.to] = ["Label column", "From label", "To label"].map((name) =>
      make("select", { attributes: { "aria-label": name } }),
    );
    const { column, from, to } = this;
    this.element = make("span", { className: "direction-labels" }, column, ": ", from, " → ", to);
    offer(column, Object.keys(labels));
    this.#offerLabels();
    column.addEventListener("change", () => {
      this.#offerLabels();
      onChange();
    });
    from.addEventListener("change", onChange);
    to.addEventListener("change", onChange);
  }

  /** [column, from, to]; null while both labels are the same. */
  get chosen() {
    const chosen = [this.column, this.from, this.to].map(({ value }) => value);
    return chosen[1] === chosen[2] ? null : chosen;
  }

  /** What is chosen, as a text; null for what is chosen at first. */
  get text() {
    const isFirst = this.column.selectedIndex === 0 && this.from.selectedIndex === 0 && this.to.selectedIndex === 1;
    return isFirst ? null : [this.column, this.from, this.to].map(({ value }) => value).join(SEPARATOR);
  }

  /** Chooses by such a text, which may be anyone's; what is not offered leaves the first choice. */
  choose(text) {
    const [column, from, to] = (text ?? "").split(SEPARATOR);
    const labels = this.labels[column] ?? [];
    const isOffered = Object.hasOwn(this.labels, column) && labels.includes(from) && labels.includes(to);
    this.column.value = isOffered ? column : Object.keys(this.labels)[0];
    this.#offerLabels();
    if (isOffered) [this.from.value, this.to.value] = [from, to];
  }

  #offerLabels() {
    const names = this.labels[this.column.value];
    offer(this.from, names);
    offer(this.to, names);
    this.to.selectedIndex = 1;
  }
}

const offer = (select, names) => select.replaceChildren(...names.map((name) => new Option(spaced(name), name)));
