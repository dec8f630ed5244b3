// In which order the pictures of a row or a square are decoded: coarse to fine, so that the first ones show the whole.

/** Evenly spread positions of a row: the ends of so many parts of it. */
export const evenPlaces = (count, parts) =>
  Array.from({ length: parts + 1 }, (_, k) => Math.round((k * (count - 1)) / parts));

/** The positions of a row: both ends, the middle, then what lies halfway between those before. */
export function coarseToFine(count) {
  const order = new Set();
  for (let parts = 1; order.size < count; parts *= 2) {
    for (const place of evenPlaces(count, parts)) order.add(place);
  }
  return [...order];
}

/** The positions of a square of side x side, row by row: corners and middles, then what lies halfway between those. */
export function squareCoarseToFine(side) {
  const order = new Set();
  for (let parts = 2; order.size < side ** 2; parts *= 2) {
    const places = evenPlaces(side, parts);
    for (const row of places) {
      for (const column of places) order.add(row * side + column);
    }
  }
  return [...order];
}

/** Of pictures that came coarse to fine, the positions of the finest even spread that has come whole; or none. */
export function evenlyDrawn(pictures, count) {
  let whole = [];
  for (let parts = 1; parts < 2 * (count - 1); parts *= 2) {
    const places = [...new Set(evenPlaces(count, parts))];
    if (!places.every((place) => pictures[place])) break;
    whole = places;
  }
  return whole;
}

/** Of the pictures of a row that have come, the one nearest to a position; undefined without any. */
export function nearestDrawn(pictures, place) {
  const apart = (k) => Math.abs(k - place);
  const nearest = Object.keys(pictures)
    .map(Number)
    .reduce((best, k) => (apart(k) < apart(best) ? k : best), Number.POSITIVE_INFINITY);
  return pictures[nearest];
}
