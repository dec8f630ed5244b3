import { decoder } from "./decoder.js";
import { NOT_ALL } from "./downloads.js";
import { newest } from "./latest.js";

/**
 * The pictures of some latents, which come coarse to fine and are kept. Those of other latents replace them once the
 * first of these have come.
 *
 * It calls back: `onFirst(shown)`, when others have started to be shown; `onMore(shown)`, after each chunk, the first
 * too; `onError(sentence)`. `shown` is what was loaded, with `pictures`, as far as they have come; null without any.
 */
export class Series {
  #decode;
  #element;
  #callbacks;
  #loads = newest();
  #wanted = null;
  #coming = null; // promise of all pictures

  constructor(server, element, callbacks) {
    this.#decode = decoder(server).decode;
    this.#element = element;
    this.#callbacks = callbacks;
    this.shown = null;
  }

  /** Whether what is shown is what was loaded last, though it may still grow. */
  get isCurrent() {
    return this.shown !== null && this.shown === this.#wanted;
  }

  /** Shows these: { model, latents, ... }, in an order of their positions. */
  load(wanted, order) {
    this.#coming = this.#load(wanted, order);
    return this.#coming;
  }

  /** Resolves to what is shown, once all pictures have come of what was loaded last. Rejects if they do not. */
  async whole() {
    let awaited;
    do {
      awaited = this.#coming;
      await awaited;
    } while (awaited !== this.#coming);
    if (this.isCurrent && Object.keys(this.shown.pictures).length === this.shown.latents.length) return this.shown;
    throw new Error(NOT_ALL);
  }

  async #load(wanted, order) {
    const isNewest = this.#loads.begin();
    const mine = { ...wanted, pictures: [] };
    this.#wanted = mine;
    const { error } = await this.#decode(mine.model, mine.latents, {
      order,
      isWanted: () => isNewest() && this.#element.isConnected,
      onPictures: (positions, pictures) => {
        positions.forEach((position, k) => {
          mine.pictures[position] = pictures[k];
        });
        if (this.shown !== mine) {
          this.#close();
          this.shown = mine;
          this.#callbacks.onFirst(mine);
        }
        this.#callbacks.onMore(mine);
      },
    });
    if (!error || !isNewest()) return;
    if (!this.isCurrent) this.#close();
    this.#callbacks.onError(error);
  }

  /** Shows nothing any more. */
  clear() {
    this.#loads.drop();
    this.#wanted = null;
    this.#close();
  }

  #close() {
    for (const picture of this.shown?.pictures ?? []) picture?.close();
    this.shown = null;
  }
}
