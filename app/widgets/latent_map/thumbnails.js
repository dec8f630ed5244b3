// Small decoded pictures of points and places, for whatever is in view now.

import { oneAtATime } from "../../web/latest.js";
import { LIMITS } from "../../web/limits.js";
import { Cache } from "./cache.js";

const KEPT = 1500;
const FEWEST = 2; // asked for at once
const QUICK_MS = 90; // pictures that come as quick as this: ask for more; but the first are to come soon
const SLOW_MS = 260; // and as slow as this: for fewer

/** A place is a point's row, or a pair of map coordinates. */
export class Thumbnails {
  #state;
  #places;
  #onArrival;
  #bitmaps = new Cache(KEPT, (bitmap) => bitmap.close());
  #wanted = []; // places, most wanted first
  #count = FEWEST; // to ask for at once

  /** `places` draw. */
  constructor({ state, places, onArrival }) {
    this.#state = state;
    this.#places = places;
    this.#onArrival = onArrival;
  }

  has(place) {
    return this.#bitmaps.has(String(place));
  }

  get(place) {
    return this.#bitmaps.get(String(place));
  }

  /** Fetches those that are not here; no others any more. */
  want(places) {
    this.#wanted = places;
    this.#fetch();
  }

  clear() {
    this.#wanted = [];
    this.#bitmaps.clear();
  }

  #missing() {
    return this.#wanted.filter((place) => !this.has(place)).slice(0, this.#count);
  }

  #fetch = oneAtATime(async () => {
    for (let places = this.#missing(); places.length; places = this.#missing()) {
      const [{ points }, began] = [this.#state, performance.now()];
      const { pictures, error } = await this.#places.small(points, places);
      if (error) return console.error(error); // until the view changes
      if (points !== this.#state.points) {
        for (const picture of pictures) picture.close();
        continue; // another model's map is up
      }
      places.forEach((place, k) => {
        this.#bitmaps.set(String(place), pictures[k]);
      });
      this.#adapt(performance.now() - began);
      this.#onArrival();
    }
  });

  #adapt(milliseconds) {
    if (milliseconds < QUICK_MS) this.#count = Math.min(LIMITS.maxThumbnails, this.#count * 2);
    if (milliseconds > SLOW_MS) this.#count = Math.max(FEWEST, Math.ceil(this.#count / 2));
  }
}
