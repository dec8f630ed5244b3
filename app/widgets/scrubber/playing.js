const SWEEP_SECONDS = 3; // from one end to the other at speed 1

/** Where playing begins: { t, direction }. At the end it goes back, or starts again. */
export function begin(t, mode) {
  if (t < 1) return { t, direction: 1 };
  return mode === "ping-pong" ? { t, direction: -1 } : { t: 0, direction: 1 };
}

/** Where playing is so many seconds later; `isOver` where it has come to its end. */
export function advance({ t, direction }, seconds, speed, mode) {
  const next = t + (direction * seconds * speed) / SWEEP_SECONDS;
  if (next < 0) return { t: 0, direction: 1 };
  if (next <= 1) return { t: next, direction };
  if (mode === "loop") return { t: next % 1, direction };
  return { t: 1, direction: -1, isOver: mode === "once" };
}
