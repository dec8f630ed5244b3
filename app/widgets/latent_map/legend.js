// What the colours mean: the choice of a column, a chip for each of its categories, or a ramp for numbers.

import { make } from "../../web/dom.js";
import { spaced } from "../../web/labels.js";
import { clamp } from "../../web/numbers.js";
import { groupByColumn, groupByNothing, groupByNumber, isNearlyUnique } from "./grouping.js";
import { shortly } from "./points.js";

const DIMENSION = "a dimension of the latent";
const CHANNEL = "a channel of the latent";
const UNIT = /^dimension:(\d{1,6})$/; // the key of one of either
const SEPARATOR = "|"; // between names

export class Legend {
  #points = null;
  #find;
  #select;
  #chips;
  #palette;
  #onVisible;
  #first = null; // the choice at first
  #choices = []; // by the options' values: {name, isUnit, group}, where `group()` is the grouping of the points
  #isChosen = false; // by a person, who will want the same of the next map
  #unit; // the box with the number of a dimension
  #units = new Map(); // of this map's points: number of a dimension -> {name, note, values, range}
  #askForUnit;

  /**
   * `find` takes the end of a class name; `onGroup` is called when a person chooses what to colour by, and `onVisible`
   * when one hides or shows a group. `askForUnit(points, unit)` resolves to the points' numbers of one dimension, or null.
   */
  constructor({ find, palette, onGroup, onVisible, askForUnit }) {
    this.#find = find;
    this.#select = find("-colour");
    this.#chips = find("-legend");
    this.#palette = palette;
    this.#onVisible = onVisible;
    this.#unit = find("-unit");
    this.#askForUnit = async (points, unit) => {
      const number = await askForUnit(points, unit);
      if (!number || points !== this.#points) return;
      this.#units.set(unit, number);
      onGroup();
    };
    this.#select.addEventListener("change", () => {
      this.#isChosen = true;
      onGroup();
    });
    this.#unit.addEventListener("change", onGroup);
  }

  /** Offers a map's columns and numbers. What a person chose of another map stays chosen where it is known here too. */
  offer(points) {
    const before = this.key;
    this.#points = points;
    this.#units.clear();
    this.#unit.max = points.units - 1;
    const byColumn = (column) => ({ name: column.name, group: () => groupByColumn(column) });
    const byNumber = (number) => ({ name: number.name, group: () => groupByNumber(number) });
    const nothing = { name: "nothing", group: () => groupByNothing(points) };
    const names = points.columns.filter((column) => isNearlyUnique(column, points));
    const labels = points.columns.filter((column) => !names.includes(column));
    const byUnit = {
      name: points.model.shape?.length > 1 ? CHANNEL : DIMENSION,
      isUnit: true,
      group: () => this.#groupByUnit(points),
    };
    const units = points.units ? [byUnit] : [];
    this.#choices = [
      ...labels.map(byColumn),
      ...points.numbers.map(byNumber),
      ...units,
      nothing,
      ...names.map(byColumn),
    ];
    this.#select.replaceChildren(...this.#choices.map(({ name }, k) => new Option(spaced(name), k)));
    this.#first = points.first ?? nothing.name;
    this.#select.value = this.#indexOf(this.#first);
    if (this.#isChosen) this.choose(before);
  }

  #indexOf(name) {
    return this.#choices.findIndex((choice) => choice.name === name);
  }

  /** The key of what a person chose to colour by; null for what is chosen at first. */
  get chosen() {
    return this.key === this.#first ? null : this.key;
  }

  /** Chooses by such a key, which may be anyone's: one that is not known changes nothing. Returns whether it is. */
  choose(key) {
    const unit = UNIT.exec(key)?.[1];
    const index = unit ? this.#choices.findIndex(({ isUnit }) => isUnit) : this.#indexOf(key ?? this.#first);
    if (index < 0 || unit >= this.#points.units) return false;
    if (unit) this.#unit.value = unit;
    this.#select.value = index;
    this.#isChosen = key !== null;
    return true;
  }

  /** The names of the hidden groups, as a text; null for none. */
  hidden({ groups }) {
    const names = groups.filter(({ isVisible }) => !isVisible).map(({ name }) => name);
    return names.length ? names.join(SEPARATOR) : null;
  }

  /** Hides the groups of such a text alone. */
  hide(grouping, text) {
    const names = text?.split(SEPARATOR) ?? [];
    for (const group of grouping.groups) group.isVisible = !names.includes(group.name);
  }

  /** What is chosen: a name, or `dimension:17`, for a channel too; null while there are no points. */
  get key() {
    const choice = this.#choices[this.#select.value];
    return choice?.isUnit ? `dimension:${this.#unitIn(this.#points)}` : (choice?.name ?? null);
  }

  /** The points grouped by what is chosen. */
  group() {
    const choice = this.#choices[this.#select.value];
    this.#unit.hidden = !choice.isUnit;
    return choice.group();
  }

  #unitIn({ units }) {
    return clamp(Math.round(Number(this.#unit.value)) || 0, 0, units - 1);
  }

  // Once their numbers are there, the grouping is asked for again.
  #groupByUnit(points) {
    const unit = this.#unitIn(points);
    this.#unit.value = unit;
    const number = this.#units.get(unit);
    if (!number) this.#askForUnit(points, unit);
    return number ? groupByNumber(number) : groupByNothing(points);
  }

  /** Says what the colours of a grouping mean. */
  show(grouping) {
    const { groups, number } = grouping;
    this.#chips.hidden = groups.length < 2 || Boolean(number);
    this.#chips.replaceChildren(...groups.map((group) => this.#chip(group, grouping)));
    this.#find("-ramp").hidden = !number;
    this.showRamp(grouping);
  }

  /** The part of it that another theme changes. */
  showRamp({ number }) {
    if (!number) return;
    const { note } = number;
    const name = spaced(number.name);
    const [low, high] = number.range;
    this.#find("-bar").style.background = `linear-gradient(to right, ${this.#palette.ramp.join(", ")})`;
    this.#find("-ramp").querySelector("figcaption").textContent = note ? `${name}: ${note}` : name;
    const words = [`≤ ${shortly(low)}`, shortly((low + high) / 2), `≥ ${shortly(high)}`];
    this.#find("-scale").replaceChildren(...words.map((tick) => make("span", {}, tick)));
  }

  #chip(group, grouping) {
    const count = make("small", { textContent: group.members.length.toLocaleString() });
    const options = {
      type: "button",
      className: "latent-map-chip",
      title: `${spaced(group.name)}: click to hide or show, double-click for this one alone`,
      attributes: {
        "aria-pressed": group.isVisible,
        style: `--chip: ${this.#palette.slot(group.slot)}`,
        "data-shape": group.shape,
      },
    };
    const button = make("button", options, make("span", {}, spaced(group.name)), count);
    button.addEventListener("click", () => this.#change(grouping, () => grouping.toggle(group)));
    button.addEventListener("dblclick", () => this.#change(grouping, () => grouping.toggleAlone(group)));
    return button;
  }

  #change(grouping, change) {
    change();
    grouping.groups.forEach((group, k) => {
      this.#chips.children[k].setAttribute("aria-pressed", group.isVisible);
    });
    this.#onVisible();
  }
}
