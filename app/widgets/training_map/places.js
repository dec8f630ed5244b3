// Where points are between two moments: pure.

/**
 * x and y of every point at `along`, a number from 0 to `moments` - 1, of which `places` has all, moment after moment. From
 * one moment to the next a point gathers speed and loses it again.
 */
export function placesAt(places, moments, along) {
  const size = places.length / moments;
  const from = Math.min(Math.floor(along), moments - 2);
  const share = along - from;
  const eased = share * share * (3 - 2 * share);
  const [before, after] = [from, from + 1].map((k) => places.subarray(k * size, (k + 1) * size));
  return before.map((value, k) => value + eased * (after[k] - value));
}
