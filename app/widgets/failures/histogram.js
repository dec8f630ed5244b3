import { make } from "../../web/dom.js";
import { clamp, digits } from "../../web/numbers.js";
import { binsOf, inWords, rangeOf } from "./ranges.js";

/**
 * One measure's histogram: all pictures in grey, the chosen ones in colour, and a range that is drawn over it, clicked, or
 * moved by its two sliders. Calls `onRange(range)` when a hand has come to rest.
 */
export class Histogram {
  #edges = [0, 1];
  #range = null;
  #bars = make("div", { className: "failures-bars" });
  #ends = ["From", "To"].map((name) => make("input", { type: "range", min: 0, step: 1, title: name }));
  #ticks = make("p", { className: "failures-ticks" }, make("span"), make("output"), make("span"));
  #onRange;

  constructor({ title, note }, onRange) {
    this.#onRange = onRange;
    this.element = make(
      "figure",
      {},
      make("figcaption", { title: note }, title),
      this.#bars,
      make("div", { className: "failures-ends" }, ...this.#ends),
      this.#ticks,
    );
    this.#ends.forEach((end, k) => {
      end.setAttribute("aria-label", `${title}, ${k ? "to" : "from"}`);
      end.addEventListener("input", () => this.#show(rangeOf(this.#edges, ...this.#places())));
      end.addEventListener("change", () => onRange(this.#range));
    });
    this.#bars.addEventListener("pointerdown", (event) => this.#drag(event));
  }

  draw({ edges, counts, chosen }, range) {
    this.#edges = edges;
    const most = Math.max(...counts);
    const bars = counts.map((count, k) => {
      const words = `${inWords(rangeOf(edges, k, k), digits)}: ${chosen[k]} of ${count}`;
      const style = `--all: ${count / most}; --chosen: ${chosen[k] / most}`;
      return make("span", { title: words, attributes: { style } });
    });
    this.#bars.replaceChildren(...bars);
    for (const end of this.#ends) end.max = counts.length - 1;
    this.#show(range ?? [null, null]);
  }

  #places() {
    return this.#ends.map(({ value }) => Number(value));
  }

  #show(range) {
    this.#range = range;
    const [from, to] = binsOf(this.#edges, range);
    [this.#ends[0].value, this.#ends[1].value] = [from, to];
    [...this.#bars.children].forEach((bar, k) => {
      bar.classList.toggle("is-out", k < from || k > to);
    });
    const [low, words, high] = this.#ticks.children;
    low.textContent = digits(this.#edges[0]);
    high.textContent = digits(this.#edges.at(-1));
    words.textContent = range.some((end) => end !== null) ? inWords(range, digits) : "";
    this.#ends.forEach((end) => {
      end.setAttribute("aria-valuetext", words.textContent || "all");
    });
  }

  #drag(event) {
    if (event.button !== 0) return;
    const binAt = ({ clientX }) => {
      const { left, width } = this.#bars.getBoundingClientRect();
      const { length } = this.#bars.children;
      return clamp(Math.floor(((clientX - left) / width) * length), 0, length - 1);
    };
    const first = binAt(event);
    this.#bars.setPointerCapture(event.pointerId);
    const listening = new AbortController();
    const follow = (moved) => this.#show(rangeOf(this.#edges, first, binAt(moved)));
    const stop = (released) => {
      listening.abort();
      if (released.type === "pointerup") this.#onRange(this.#range);
    };
    follow(event);
    this.#bars.addEventListener("pointermove", follow, { signal: listening.signal });
    this.#bars.addEventListener("pointerup", stop, { signal: listening.signal });
    this.#bars.addEventListener("pointercancel", stop, { signal: listening.signal });
  }
}
