// The search for a label: dims the other points, and goes from match to match.

import { debounce } from "./debounce.js";

const TYPING_MS = 150; // without another key

export class Search {
  #box;
  #found;
  #state;
  #onMatches;
  #onJump;
  #answered = ""; // the text that the matches are of
  #at = null; // the match that was jumped to last, counted from the first

  /** `onMatches` is called with the matches of another text, or null; `onJump` with the row of a point to go to. */
  constructor({ find, state, onMatches, onJump, onLeave }) {
    this.#box = find("-search");
    this.#found = find("-found");
    this.#state = state;
    this.#onMatches = onMatches;
    this.#onJump = onJump;
    this.#box.addEventListener(
      "input",
      debounce(() => this.#update(), TYPING_MS),
    );
    this.#box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || !state.viewport) return;
      event.preventDefault();
      this.#update(); // the typing may not have settled yet
      this.#jump(event.shiftKey ? -1 : 1);
    });
    this.#box.addEventListener("blur", onLeave);
  }

  /** The matches among the points of the state; or null. */
  run() {
    this.#answered = this.#box.value;
    this.#at = null;
    const matches = this.#state.points.search(this.#answered);
    const count = matches?.reduce((sum, hit) => sum + hit, 0);
    if (matches) this.#found.textContent = `${count.toLocaleString()} found`;
    else this.#found.textContent = this.#answered.trim() ? "no such label" : "";
    return matches;
  }

  /** What is sought, as it was typed. */
  get text() {
    return this.#box.value;
  }

  set text(text) {
    this.#box.value = text;
  }

  #update() {
    if (this.#state.viewport && this.#box.value !== this.#answered) this.#onMatches(this.run());
  }

  // The next or previous match, in the order of the data set, around from the last to the first.
  #jump(step) {
    const { points, grouping, matches } = this.#state;
    const hits = [];
    if (matches) for (let i = 0; i < points.count; i++) if (matches[i] && grouping.isShown(i)) hits.push(i);
    if (!hits.length) return;
    const first = step > 0 ? 0 : hits.length - 1;
    this.#at = this.#at === null ? first : (this.#at + step + hits.length) % hits.length;
    this.#found.textContent = `${(this.#at + 1).toLocaleString()} of ${hits.length.toLocaleString()}`;
    this.#onJump(hits[this.#at]);
  }
}
