// The tooltip: the decoded picture of the point or the place under the pointer, and what is known of it.

import { make } from "../../web/dom.js";
import { labelInWords } from "../../web/labels.js";
import { oneAtATime } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { clamp } from "../../web/numbers.js";
import { urlOf } from "../../web/sheet.js";
import { Cache } from "./cache.js";
import { shortly } from "./points.js";
import { mixtureAt } from "./shepard.js";

const REMEMBERED_PICTURES = 400;
const GAP = 40; // CSS pixels, to the pointer: the points near it stay in sight
const EDGE = 4; // and to the edges of the map

export class Tooltip {
  /** What it is about: `{ index, x, y }`, with null for the index of a place between points. Null while it is hidden. */
  target = null;
  /** Whether it is a finger that points: then it stands above it, out of the way of the hand. */
  isUnderFinger = false;
  #box;
  #picture;
  #nearness;
  #labels;
  #state;
  #places;
  #onTarget;
  #pictures = new Cache(REMEMBERED_PICTURES); // of points; places between them rarely come twice

  /** `places` draw; `onTarget` is called when the tooltip goes to another point, or from it. */
  constructor({ box, state, places, onTarget }) {
    this.#box = box;
    this.#picture = box.querySelector("img");
    this.#nearness = box.querySelector("p");
    this.#labels = box.querySelector("ul");
    this.#state = state;
    this.#places = places;
    this.#onTarget = onTarget;
  }

  /** The row of the point that it is about, or null. */
  get index() {
    return this.target?.index ?? null;
  }

  hide() {
    if (!this.target) return;
    this.target = null;
    this.#box.hidden = true;
    this.#onTarget();
  }

  clear() {
    this.hide();
    this.#pictures.clear();
  }

  showPoint(index, place) {
    const { points, grouping } = this.#state;
    if (this.index !== index) {
      const [x, y] = points.place(index);
      const number = grouping.numberAt(index);
      const facts = number === null ? [] : [[grouping.number.name, shortly(number)]];
      this.target = { index, x, y };
      this.#describe([...points.labels(index), ...facts]);
      this.#showPicture();
      this.#onTarget();
    }
    this.#moveTo(place);
  }

  showPlace([x, y], place) {
    const wasPlace = this.target?.index === null;
    this.target = { index: null, x, y };
    if (!wasPlace) {
      this.#describe([]);
      this.#onTarget();
    }
    this.#showPicture();
    this.#moveTo(place);
  }

  #describe(facts) {
    this.#nearness.hidden = true;
    const known = facts.filter(([, fact]) => fact);
    this.#labels.replaceChildren(...known.map(([name, fact]) => make("li", {}, labelInWords(name, fact))));
    this.#box.classList.add("is-waiting");
  }

  #showPicture() {
    const known = this.target.index === null ? undefined : this.#pictures.get(this.target.index);
    if (known) this.#show(this.target, known);
    else this.#decode(this.target);
  }

  #decode = oneAtATime(async (target) => {
    if (!this.#isWanted(target)) return;
    const { points } = this.#state;
    const { pictures, error } = await this.#places.one(points, target);
    const answer = { error, url: pictures && urlOf(pictures[0]) };
    pictures?.[0].close();
    if (points !== this.#state.points) return; // another model's map is up
    if (!error && target.index !== null) this.#pictures.set(target.index, answer);
    if (this.#isWanted(target)) this.#show(target, answer);
  });

  // Between points a picture that is a little late still shows the way the pointer went; on a point it would be wrong.
  #isWanted(target) {
    return this.target === target || (this.target?.index === null && target.index === null);
  }

  #show({ index, x, y }, { error, url }) {
    this.#box.classList.remove("is-waiting");
    this.#box.classList.toggle("is-broken", Boolean(error));
    const [nearness, words] = error ? ["", error] : nearnessOf(mixtureAt(this.#state.points, [x, y]).distance);
    this.#nearness.dataset.nearness = nearness;
    this.#nearness.textContent = words;
    this.#nearness.hidden = !error && index !== null; // a point is where it is
    if (error) return;
    this.#picture.src = url;
    this.#picture.alt = index === null ? "Decoded from this place" : `Decoded: ${this.#state.points.describe(index)}`;
  }

  // Beside a place of the view.
  #moveTo([px, py]) {
    this.#box.hidden = false;
    const { width, height } = this.#state.viewport.size;
    const { offsetWidth, offsetHeight } = this.#box;
    const isAbove = this.isUnderFinger && py - GAP - offsetHeight >= EDGE;
    const isRight = px + GAP + offsetWidth <= width;
    const within = (start, length, end) => clamp(start, EDGE, end - length - EDGE);
    const beside = isRight ? px + GAP : px - GAP - offsetWidth;
    const left = within(isAbove ? px - offsetWidth / 2 : beside, offsetWidth, width);
    const top = within(isAbove ? py - GAP - offsetHeight : py - offsetHeight / 2, offsetHeight, height);
    this.#box.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
  }
}

// In units of the usual distance between neighbouring points of the map.
function nearnessOf(distance) {
  if (distance <= LIMITS.near) return ["near", "near data"];
  if (distance <= LIMITS.between) return ["between", "between points"];
  return ["far", "far from data"];
}
