import { followKey, make, setReachable } from "../../web/dom.js";

/** A bar for each unit, which is a button. Calls `onChoose(unit)` when one is clicked, or reached by a key. */
export class Bars {
  #box;

  constructor(box, onChoose) {
    this.#box = box;
    const unitOf = (bar) => Number(bar.dataset.unit);
    box.addEventListener(
      "click",
      ({ target }) => target.closest("button") && onChoose(unitOf(target.closest("button"))),
    );
    box.addEventListener("keydown", (event) => {
      const bar = followKey(event, [...box.children], 0);
      if (bar) onChoose(unitOf(bar));
    });
  }

  /** Draws them: `order` has the units from left to right, `words(unit)` says what a bar is. */
  draw(values, order, { isFaint, words }) {
    const most = Math.max(...values) || 1;
    const bars = order.map((unit) => {
      const attributes = { "aria-label": words(unit), "aria-pressed": false, style: `--share: ${values[unit] / most}` };
      const bar = make("button", { type: "button", title: words(unit), attributes });
      bar.dataset.unit = unit;
      bar.classList.toggle("is-faint", isFaint(unit));
      return bar;
    });
    this.#box.replaceChildren(...bars);
  }

  /** Marks one. */
  choose(unit) {
    const bars = [...this.#box.children];
    for (const bar of bars) bar.setAttribute("aria-pressed", Number(bar.dataset.unit) === unit);
    setReachable(
      bars,
      bars.findIndex((bar) => Number(bar.dataset.unit) === unit),
    );
  }
}
