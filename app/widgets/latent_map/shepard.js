// Which latent is at a place of the map: that of the nearest points, by distance (Shepard 1968), as vae/atlas.py has it.
// Pure.

import { distance } from "../../web/latents.js";
import { LIMITS } from "../../web/limits.js";

const ON_TOP = 1e-6; // spacings: so near to a point, that point alone counts
const LEAST_SPACING = 1e-12; // of a map whose points are all in one place

/** Shares of some points by their distances, in inverse proportion to the squares; they sum to 1. */
export function weightsOf(distances, spacing) {
  const weights = distances.map((apart) => Math.max(apart, ON_TOP * spacing) ** -2);
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/**
 * What a place is mixed from: `{ rows, weights }` of the nearest points, nearest first, and the `distance` to the first,
 * in units of the map's spacing. A place is a point's row, or a pair of map coordinates.
 */
export function mixtureAt(points, place) {
  if (typeof place === "number") return { rows: [place], weights: [1], distance: 0 };
  const at = place.map(Math.fround); // as the points are
  const rows = points.grid.nearestFew(at, LIMITS.shepardNeighbours);
  const distances = rows.map((row) => distance(points.place(row), at));
  const spacing = Math.max(points.spacing, LEAST_SPACING);
  return { rows, weights: weightsOf(distances, spacing), distance: distances[0] / spacing };
}

/** The sum of latents, each times its weight. */
export function mix(latents, weights) {
  const sum = new Float64Array(latents[0].length);
  latents.forEach((latent, k) => {
    for (let i = 0; i < sum.length; i++) sum[i] += weights[k] * latent[i];
  });
  return Float32Array.from(sum);
}

/** So many places of a line over the map, at equal distances along it, its ends among them. */
export function placesAlong(corners, count) {
  const steps = corners.slice(1).map((corner, k) => distance(corner, corners[k]));
  const whole = steps.reduce((sum, step) => sum + step, 0);
  let [leg, travelled] = [0, 0]; // the leg that is walked, and the length of those before
  return Array.from({ length: count }, (_, k) => {
    const target = (whole * k) / (count - 1);
    while (leg < steps.length - 1 && travelled + steps[leg] < target) travelled += steps[leg++];
    const share = steps[leg] ? Math.min(1, (target - travelled) / steps[leg]) : 0;
    return corners[leg].map((from, axis) => from + share * (corners[leg + 1][axis] - from));
  });
}
