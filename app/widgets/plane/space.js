// Where things are on the plane: latents [x, y], of which [-reach, reach] is shown along each side, y upwards.

export const SHARE = 100; // units along a side of the drawing

/** Where a latent is in the drawing. */
export const toDrawing = ([x, y], reach) => [(SHARE * (x + reach)) / (2 * reach), (SHARE * (reach - y)) / (2 * reach)];

/** The latent at shares of the square's side, from the left and from the top. */
export const toLatent = (across, down, reach) => [(2 * across - 1) * reach, (1 - 2 * down) * reach];

/** The latents in the middles of a lattice's cells, row by row. */
export function latticeOf(side, reach) {
  return Array.from({ length: side ** 2 }, (_, k) =>
    toLatent(((k % side) + 0.5) / side, (Math.floor(k / side) + 0.5) / side, reach),
  );
}

/** How far the plane must be shown to hold nearly all of these latents, and N(0, I) in any case. */
export function reachOf(latents, least = 3) {
  const far = latents.map(([x, y]) => Math.max(Math.abs(x), Math.abs(y))).sort((a, b) => a - b);
  return Math.max(least, Math.ceil((far[Math.floor(0.98 * far.length)] ?? 0) * 1.05));
}

/**
 * The middles of the cells, of so many along a side, that lie within `radius` of zero with no latent within `near` of
 * them: where N(0, I) draws, and no picture is.
 */
export function emptyCells(latents, side, reach, radius = 2, near = 0.5) {
  const isFar = ([x, y]) => latents.every(([px, py]) => Math.hypot(x - px, y - py) > near);
  return latticeOf(side, reach).filter(([x, y]) => Math.hypot(x, y) < radius && isFar([x, y]));
}

/** A latent of a posterior: mean + spread * deviation * noise. */
export const sampleOf = ({ mean, logVar }, noise, spread = 1) =>
  noise.map((number, i) => mean[i] + spread * Math.exp(logVar[i] / 2) * number);

/** So many pairs of numbers from N(0, 1) (Box & Muller 1958). */
export function noisePairs(count, random = Math.random) {
  return Array.from({ length: count }, () => {
    const [length, angle] = [Math.sqrt(-2 * Math.log(1 - random())), 2 * Math.PI * random()];
    return [length * Math.cos(angle), length * Math.sin(angle)];
  });
}
