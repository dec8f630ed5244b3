/** A number, or the end of the range from `low` to `high` that it lies beyond. */
export const clamp = (number, low, high) => Math.min(high, Math.max(low, number));
