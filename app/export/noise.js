// Random numbers from a seed, the same in every browser; not JAX's, so that a seed gives other samples than in the app.

/** Uniform numbers in [0, 1): mulberry32 (Ettinger 2017). */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Latents of so many numbers from N(0, temperature^2 I): Box and Muller 1958. */
export function normalLatents(seed, count, size, temperature) {
  const next = uniform(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return Array.from({ length: count }, () => Float32Array.from({ length: size }, () => temperature * normal()));
}
