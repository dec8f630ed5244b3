// The points of a map and what is known of them, from the value of the widget and the file with their numbers.

import { besideModules } from "../../web/beside.js";
import { labelsInWords, spaced } from "../../web/labels.js";
import { boundsOf, PointGrid } from "./geometry.js";
import { latentsFile } from "./latents_file.js";

/**
 * The points of a widget's value (app/widgets/latent_map/__init__.py). Rejects if their file does not come, is cut, or is
 * given up by the `signal` of an AbortController.
 */
export async function fetchPoints(value, signal) {
  const file = await fetch(besideModules(value.points), { signal })
    .then((answer) => (answer.ok ? answer.arrayBuffer() : null))
    .catch(() => null); // browsers have words of their own for it
  if (!file) throw new Error("its points could not be fetched");
  if (file.byteLength < bytesOf(value)) throw new Error("a part of its points is missing");
  return new Points(value, file);
}

// Of the file, as far as a value's arrays reach.
function bytesOf({ count, x, y, columns, numbers }) {
  const floatsAt = [x, y, ...numbers.map(({ values }) => values)];
  const ends = floatsAt.map((offset) => offset + count * Float32Array.BYTES_PER_ELEMENT);
  return Math.max(...ends, ...columns.map((column) => column.codes + count * codesOf(column).BYTES_PER_ELEMENT));
}

// The kind of array that the codes of a column are in.
const codesOf = ({ labels }) => (labels.length <= 256 ? Uint8Array : Uint16Array);

/**
 * `x` and `y` are map coordinates, with their `bounds` and a `grid` to find them by. Columns of labels have `name`,
 * `categories` from the most to the least frequent, and `codes`: for each point, the position of its label among these.
 * Columns of numbers have `name`, `note`, `range` and `values`, NaN for none. `spacing` is the usual distance between
 * neighbouring points; `first` names the column to colour by at first, or is null. `shuffled` has every row once, so that
 * points drawn in this order cover each other without favour. `model` is a card, and `latents` are fetched where they are
 * wanted; null where they cannot be.
 * `layout` names what placed the points. `units` is how many dimensions (of a spatial latent: channels) they can be
 * coloured by. `pictures` has for each point the number by which the maps beside it know its picture, or -1.
 */
export class Points {
  #rows = null; // of the pictures, once they are wanted

  constructor({ model, count, x, y, columns, numbers, spacing, latents, first, layout, units, pictures }, file) {
    const floatsAt = (offset) => new Float32Array(file, offset, count);
    Object.assign(this, { model, count, spacing, first, layout, units, x: floatsAt(x), y: floatsAt(y) });
    this.pictures = pictures ? new Int32Array(bytes(pictures)) : null;
    this.columns = columns.map((column) => columnOf(column, file, count));
    this.numbers = numbers.map((number) => ({ ...number, values: floatsAt(number.values) }));
    this.latents = latents ? latentsFile(latents, model) : null;
    this.bounds = boundsOf(this.x, this.y);
    this.grid = new PointGrid(this.x, this.y, this.bounds);
    this.shuffled = shuffled(count);
  }

  has(index) {
    return Number.isInteger(index) && index >= 0 && index < this.count;
  }

  /** The number of a point's picture; null where the maps beside this one do not have it. */
  pictureOf(index) {
    if (!this.has(index)) return null;
    const picture = this.pictures ? this.pictures[index] : index;
    return picture < 0 ? null : picture;
  }

  /** The row of a picture; null where this map does not have it. */
  rowOf(picture) {
    if (!this.pictures) return this.has(picture) ? picture : null;
    this.#rows ??= new Map(Array.from(this.pictures, (number, row) => [number, row]));
    return this.#rows.get(picture) ?? null;
  }

  /** The map coordinates of a point. */
  place(index) {
    return [this.x[index], this.y[index]];
  }

  /** And of several, as far as they exist. */
  places(indices = []) {
    return indices.filter((index) => this.has(index)).map((index) => this.place(index));
  }

  /** Pairs of a column's name and the point's label, "" where it has none. */
  labels(index) {
    return this.columns.map(({ name, categories, codes }) => [name, categories[codes[index]]]);
  }

  describe(index) {
    return labelsInWords(this.labels(index)) || `Point ${index}`;
  }

  /** 1 for each point with a label that holds the text, in small or capital letters; null if there is none. */
  search(text) {
    const sought = spaced(text.trim().toLowerCase());
    if (!sought) return null;
    const matches = new Uint8Array(this.count);
    for (const { categories, codes } of this.columns) {
      const isHit = categories.map((category) => spaced(category.toLowerCase()).includes(sought));
      if (isHit.includes(true)) for (let i = 0; i < this.count; i++) matches[i] |= isHit[codes[i]];
    }
    return matches.includes(1) ? matches : null;
  }
}

// The same for a count (Fisher and Yates; Lehmer's random numbers).
function shuffled(count) {
  const rows = Uint32Array.from({ length: count }, (_, row) => row);
  let random = 1;
  for (let last = count - 1; last > 0; last--) {
    random = (random * 48271) % 0x7fffffff;
    const other = random % (last + 1);
    [rows[last], rows[other]] = [rows[other], rows[last]];
  }
  return rows;
}

/** 1 for each of so many points whose bit is set in a text, as app/widgets/latent_map/__init__.py packs them. */
export function unpackBits(text, count) {
  const packed = new Uint8Array(bytes(text));
  return Uint8Array.from({ length: count }, (_, i) => (packed[i >> 3] >> (7 - (i & 7))) & 1);
}

/** 1 for each point that is in both; each may be null, for all. */
export const inBoth = (one, other) => (one && other ? one.map((hit, i) => hit & other[i]) : (one ?? other));

/** A number in three digits. */
export const shortly = (number) => String(Number(number.toPrecision(3)));

// With its labels, and the codes of the points, in the order in which it is coloured.
function columnOf({ name, labels, order, codes }, file, count) {
  const own = new (codesOf({ labels }))(file, codes, count);
  if (!order) return { name, categories: labels, codes: own };
  const places = new Map(order.map((label, place) => [label, place]));
  const placeOf = labels.map((label) => places.get(label));
  return { name, categories: order, codes: Uint16Array.from(own, (code) => placeOf[code]) };
}

/** Float32Array of the base64 of its little-endian bytes. */
export const floats = (text) => new Float32Array(bytes(text));

function bytes(base64) {
  const characters = atob(base64);
  const found = new Uint8Array(characters.length);
  for (let i = 0; i < found.length; i++) found[i] = characters.charCodeAt(i);
  return found.buffer;
}
