// In which order the pictures of a row or a square are decoded: coarse to fine, so that the first ones show the whole.

/** The positions of a row: both ends, the middle, then what lies halfway between those before. */
export function coarseToFine(count) {
  const order = new Set();
  for (let parts = 1; order.size < count; parts *= 2) {
    for (const place of spread(count, parts)) order.add(place);
  }
  return [...order];
}

/** The positions of a square of side x side, row by row: corners and middles, then what lies halfway between those. */
export function squareCoarseToFine(side) {
  const order = new Set();
  for (let parts = 2; order.size < side ** 2; parts *= 2) {
    const places = spread(side, parts);
    for (const row of places) {
      for (const column of places) order.add(row * side + column);
    }
  }
  return [...order];
}

const spread = (count, parts) =>
  Array.from({ length: parts + 1 }, (_, k) => Math.round((k * (count - 1)) / parts));
