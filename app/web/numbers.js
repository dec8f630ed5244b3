/** A number, or the end of the range from `low` to `high` that it lies beyond. */
export const clamp = (number, low, high) => Math.min(high, Math.max(low, number));

/** The positions of these numbers, the largest first; equal ones as they stand. */
export const largestFirst = (numbers) => [...numbers.keys()].sort((a, b) => numbers[b] - numbers[a]);

/** A number in three digits; large ones whole. */
export const digits = (number) =>
  number >= 100 ? Math.round(number).toLocaleString("en") : String(Number(number.toPrecision(3)));
