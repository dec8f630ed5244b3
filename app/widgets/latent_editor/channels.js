import { make } from "../../web/dom.js";
import { LIMITS } from "../../web/limits.js";

/** One channel of a spatial latent, with a slider of its factor. Calls `onScale(index, factor)` while it moves. */
export function newChannel({ url, caption }, index, factor, onScale) {
  const readout = make("output", { textContent: inWords(factor) });
  const attributes = { "aria-label": `Scale of channel ${index}` };
  const slider = make("input", { type: "range", min: 0, max: LIMITS.maxScale, step: 0.05, value: factor, attributes });
  slider.addEventListener("input", () => {
    readout.textContent = inWords(Number(slider.value));
    onScale(index, Number(slider.value));
  });
  return make(
    "figure",
    {},
    make("img", { src: url, alt: `Latent channel ${index}` }),
    make("figcaption", { textContent: caption }),
    make("label", {}, slider, readout),
  );
}

const inWords = (factor) => `× ${factor.toFixed(2)}`;
