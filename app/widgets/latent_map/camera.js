// Moves the view: at once, or in a short flight.

import { clamp } from "../../web/numbers.js";

const FLIGHT_MS = 350;
const ZOOM_STEP = 1.6; // of a key or a button
const stillness = matchMedia("(prefers-reduced-motion: reduce)");

export class Camera {
  /** What is in view: a Viewport; null while there is nothing to see. */
  viewport = null;
  #request = 0;
  #flight = 0;
  #onMove;

  /** `onMove` is called once for each frame in which the view has moved. */
  constructor(onMove) {
    this.#onMove = onMove;
  }

  /** Begins somewhere, before anything is drawn. */
  open(viewport) {
    this.viewport = viewport;
  }

  close() {
    this.stop();
    this.viewport = null;
  }

  moveTo(viewport) {
    this.viewport = viewport;
    this.#request ||= requestAnimationFrame(() => {
      this.#request = 0;
      if (this.viewport) this.#onMove();
    });
  }

  /** Ends a flight where it is. */
  stop() {
    cancelAnimationFrame(this.#flight);
  }

  /** `kind` is "in", "out" or "reset": all of the map. */
  zoomBy(kind) {
    if (kind === "reset") this.flyTo(this.viewport.fitted());
    else this.flyTo(this.viewport.zoomed(kind === "in" ? ZOOM_STEP : 1 / ZOOM_STEP));
  }

  /** Flies there; goes at once for people who want no motion. Any later move of `flyTo` or `stop` ends it on the way. */
  flyTo(target, arrived = () => {}) {
    this.stop();
    if (stillness.matches) {
      this.moveTo(target);
      arrived();
      return;
    }
    const [from, start] = [this.viewport, performance.now()];
    const fly = (now) => {
      const share = clamp((now - start) / FLIGHT_MS, 0, 1);
      this.moveTo(from.towards(target, share * share * (3 - 2 * share)));
      if (share === 1) arrived();
      else this.#flight = requestAnimationFrame(fly);
    };
    this.#flight = requestAnimationFrame(fly);
  }
}
