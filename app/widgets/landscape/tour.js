// A closed walk through stops, each a latent or a place on the map: pure.

import { lerp } from "../../web/latents.js";

/**
 * Where a walk is after so many legs: on the way from one stop to the next, slower at the stops than between them. After
 * the last stop comes the first.
 */
export function stopAt(stops, legs) {
  const leg = Math.floor(legs);
  const share = legs - leg;
  return lerp(stops[leg % stops.length], stops[(leg + 1) % stops.length], share * share * (3 - 2 * share));
}
