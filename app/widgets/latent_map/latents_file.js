// The latents of a map's points: a file of float16, point after point, that lies beside the page's modules.

import { besideModules } from "../../web/beside.js";
import { idle } from "../../web/idle.js";
import { fromHalf, isSpatial, latentSize } from "../../web/latents.js";
import { Cache } from "./cache.js";

const KEPT = 3000; // latents that came one by one; each of a photo takes 8 KB
const HALF = 2; // bytes

const files = new Map(); // URL -> LatentsFile; a map is drawn again and again

/** The file at a path beside the modules, of the map of a model (a card). */
export function latentsFile(path, model) {
  const { href } = besideModules(path);
  if (!files.has(href)) files.set(href, new LatentsFile(href, model));
  return files.get(href);
}

/**
 * Vectors are short: all of them are fetched at once. Spatial latents are long, and come as they are wanted, by Range
 * requests; a host that knows none sends the whole file, which is kept.
 */
export class LatentsFile {
  #url;
  #size; // numbers of a latent
  #isWhole; // fetched at once
  #all = null; // Uint16Array of all, once they have come
  #coming = null; // promise of that
  #single = new Cache(KEPT); // row -> promise of a Uint16Array
  #isOpening = false;
  #hasFailed = false;

  constructor(url, model) {
    this.#url = url;
    this.#size = latentSize(model);
    this.#isWhole = !isSpatial(model);
  }

  /** Whether latents can be had now: at once, or after a short request. */
  get isOpen() {
    return !this.#hasFailed && (!this.#isWhole || this.#all !== null);
  }

  /** Sees to it that it is open, when the page has nothing else to do; unless it has failed. */
  async open() {
    if (this.#hasFailed || !this.#isWhole || this.#isOpening) return;
    this.#isOpening = true;
    await idle();
    await this.latentsOf([]).catch(() => {}); // the server goes on
  }

  /** The latents of some points, Float32Arrays. Rejects if they do not come; then it is not open any more. */
  async latentsOf(rows) {
    try {
      if (this.#isWhole) {
        this.#coming ??= this.#fetch();
        await this.#coming;
      }
      const found = await Promise.all(rows.map((row) => this.#halves(row)));
      return found.map((halves) => Float32Array.from(halves, fromHalf));
    } catch (error) {
      this.#hasFailed = true;
      this.#coming = null;
      this.#single.clear();
      throw error;
    }
  }

  async #fetch(headers = {}) {
    const answer = await fetch(this.#url, { headers });
    if (!answer.ok) throw new Error("The latents of this map could not be fetched. Reload the page.");
    const halves = new Uint16Array(await answer.arrayBuffer());
    if (answer.status !== 206) this.#all = halves;
    return halves;
  }

  #halves(row) {
    const first = row * this.#size;
    if (this.#all) return this.#all.subarray(first, first + this.#size);
    if (!this.#single.has(row)) this.#single.set(row, this.#fetchOne(row));
    return this.#single.get(row);
  }

  async #fetchOne(row) {
    const first = row * this.#size;
    const halves = await this.#fetch({ Range: `bytes=${first * HALF}-${(first + this.#size) * HALF - 1}` });
    return this.#all ? this.#halves(row) : halves;
  }
}
