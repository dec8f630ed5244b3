// The colours of points: a few that stay apart for categories, a ramp for numbers.

import { clamp } from "../../web/numbers.js";

// From Paul Tol's and Okabe and Ito's sets, chosen so that any two stay apart (CIE76 distance of at least 15) for normal,
// protan and deutan eyes, on the background of each theme.
const COLOURS = {
  light: "#6699cc #ee8866 #117733 #aa4499 #997700 #332288 #ee3377 #88ccee #bbcc33 #882255 #ffaabb".split(" "),
  dark: "#77aadd #ee8866 #009988 #aa4499 #e69f00 #cc3311 #ee3377 #99ddff #eecc66 #ee7733 #ffaabb".split(" "),
};
const OTHER = { light: "#a8adb5", dark: "#6b7280" };

// Cividis (Nunez et al. 2018): even steps to the eye, with or without colour blindness. Each theme leaves out the end
// that its background would swallow.
const CIVIDIS = "#00224e #123570 #3b496c #575d6d #707173 #8a8678 #a59c74 #c3b369 #e1cc55 #fee838".split(" ");
const RAMPS = { light: CIVIDIS.slice(0, 9), dark: CIVIDIS.slice(2) };

export class Palette {
  #style;

  constructor(root) {
    this.#style = getComputedStyle(root); // follows the theme
  }

  /** The colour of a category: 1 to 11, or "other". */
  slot(name) {
    return name === "other" ? OTHER[theme()] : COLOURS[theme()][name - 1];
  }

  /** Of what is drawn over the points; the style sheet has it too. */
  get ink() {
    return this.#style.getPropertyValue("--latent-map-ink").trim();
  }

  /** From the lowest number to the highest. */
  get ramp() {
    return RAMPS[theme()];
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

// Gradio's dark theme is a class on the body.
const theme = () => (document.body.classList.contains("dark") ? "dark" : "light");
