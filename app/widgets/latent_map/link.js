// Maps beside each other: what is pointed at, chosen or coloured by in one is so in the others, as far as they have it.

const TOLD = "latentscape-maps"; // to the whole page: another map is another component

export class Link {
  #isLinked;
  #colour;
  #on;
  #isFollowing = false; // what is done for another map is not told again
  #listener = ({ detail }) => this.#follow(detail);

  /**
   * Calls `on.aim(picture)`, `on.select(picture)`, both with null for none, and `on.colourBy(name)`, for what another
   * map tells. `colour()` is what this map is coloured by, where the others are to follow it; else null. Nothing is told or
   * heard unless `isLinked()`.
   */
  constructor({ isLinked, colour, ...on }) {
    this.#isLinked = isLinked;
    this.#colour = colour;
    this.#on = on;
    document.addEventListener(TOLD, this.#listener);
  }

  /** `what` is "aim", "select" or "colourBy"; or "ask", for what to colour by. */
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
      const name = this.#colour();
      if (name !== null) this.tell("colourBy", name);
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
