// The colours of points: those of the style sheet for categories, a ramp for numbers.

import { clamp } from "../../web/numbers.js";

// Cividis (Nunez et al. 2018): even steps to the eye, with or without colour blindness. Each theme leaves out the end
// that its background would swallow.
const CIVIDIS = "#00224e #123570 #3b496c #575d6d #707173 #8a8678 #a59c74 #c3b369 #e1cc55 #fee838".split(" ");
const RAMPS = { light: CIVIDIS.slice(0, 9), dark: CIVIDIS.slice(2) };

export class Palette {
  #style;

  constructor(root) {
    this.#style = getComputedStyle(root); // follows the theme
  }

  /** A colour of the style sheet: 1 to 11, "other" or "ink". */
  slot(name) {
    return this.#style.getPropertyValue(`--latent-map-${name}`).trim();
  }

  /** From the lowest number to the highest. */
  get ramp() {
    return RAMPS[document.body.classList.contains("dark") ? "dark" : "light"];
  }

  /** The colour of one point. */
  of(grouping, index) {
    const value = grouping.numberAt(index);
    if (value === null) return this.slot(grouping.groupAt(index).slot);
    const { ramp } = this;
    const [low, high] = grouping.number.range;
    const step = Math.round(((value - low) / (high - low || 1)) * (ramp.length - 1));
    return ramp[clamp(step, 0, ramp.length - 1)];
  }
}
