import { LIMITS } from "./limits.js";

// A strip: a latent moved along a direction, from one end to the other, as pictures side by side.

export const STRIP_SIDE = 64; // pixels of a picture on it

/** How far each of its pictures is from the start, in standard deviations. */
export const STRIP_COEFFICIENTS = Array.from(
  { length: LIMITS.stripCount },
  (_, k) => LIMITS.maxDeviations * ((2 * k) / (LIMITS.stripCount - 1) - 1),
);
