// Maps beside each other: what is pointed at, chosen or coloured by in one is so in the others, as far as they have it.

const TOLD = "latentscape-maps"; // to the whole page: another map is another component

export class Link {
  #isLinked;
  #answer;
  #on;
  #isFollowing = false; // what is done for another map is not told again
  #listener = ({ detail }) => this.#follow(detail);

  /**
   * Calls `on.aim(picture)`, `on.select(picture)`, both with null for none that the maps share, and `on.colourBy(key)`,
   * for what another map tells. `answer()` is what it tells a map that has just come, by kind. Nothing is told or heard
   * unless `isLinked()`.
   */
  constructor({ isLinked, answer, ...on }) {
    this.#isLinked = isLinked;
    this.#answer = answer;
    this.#on = on;
    document.addEventListener(TOLD, this.#listener);
  }

  /** `what` is "aim", "select" or "colourBy"; or "ask", by a map that has just come. */
  tell(what, value) {
    if (this.#isFollowing || !this.#isLinked()) return;
    document.dispatchEvent(new CustomEvent(TOLD, { detail: { from: this, what, value } }));
  }

  close() {
    document.removeEventListener(TOLD, this.#listener);
  }

  #follow({ from, what, value }) {
    if (from === this || !this.#isLinked()) return;
    if (what === "ask") {
      for (const [kind, shown] of Object.entries(this.#answer())) this.tell(kind, shown);
      return;
    }
    this.#isFollowing = true;
    try {
      this.#on[what](value);
    } finally {
      this.#isFollowing = false;
    }
  }
}
