// The pictures of places of the map: by the server, and by this browser once it draws and has the latents of the points.
// A place is a point's row, or a pair of map coordinates.

import { decoder } from "../../web/decoder.js";
import { LIMITS } from "../../web/limits.js";
import { mix, mixtureAt } from "./shepard.js";

export class Places {
  #decoder;

  /** `server` has the functions `decode_place`, `thumbnails` and `decode`. */
  constructor(server) {
    this.#decoder = decoder(server);
  }

  /** Resolves to `{ pictures }` with the picture of one place, or to `{ error }`, with a sentence. */
  async one(points, { index, x, y }) {
    const { askFor } = this.#decoder;
    return (
      (await this.#here(points, [index ?? [x, y]])) ?? askFor(points.model, "decode_place", index, x, y, points.layout)
    );
  }

  /** The same, with small pictures of several places. */
  async small(points, places) {
    const found = await this.#here(points, places);
    if (!found) return this.#decoder.askFor(points.model, "thumbnails", places, points.layout);
    return found.pictures ? { pictures: await Promise.all(found.pictures.map(shrunk)) } : found;
  }

  // Null where the server has to draw.
  async #here(points, places) {
    const { model, latents } = points;
    const { decode, drawsHere, isAlone } = this.#decoder;
    if (!latents || !drawsHere(model)) return null;
    if (!latents.isOpen && !isAlone) {
      latents.open(); // for those who ask later
      return null;
    }
    try {
      return await decode(model, await latentsAt(points, places));
    } catch (error) {
      return isAlone ? { error: error.message } : null;
    }
  }
}

/** The latents of places of a map. Rejects if they cannot be fetched. */
export async function latentsAt(points, places) {
  const mixtures = places.map((place) => mixtureAt(points, place));
  const found = await points.latents.latentsOf(mixtures.flatMap(({ rows }) => rows));
  return mixtures.map(({ rows, weights }) => mix(found.splice(0, rows.length), weights));
}

async function shrunk(picture) {
  const side = LIMITS.thumbnail;
  if (picture.width <= side) return picture;
  const small = await createImageBitmap(picture, { resizeWidth: side, resizeHeight: side, resizeQuality: "high" });
  picture.close();
  return small;
}
