import { makeSvg } from "../../web/dom.js";
import { clamp } from "../../web/numbers.js";

const LEAST_DRAG = 2; // CSS pixels: less is a click

/**
 * The numbers of a vector latent as bars. Calls `onChoose(index)` when one is pointed at, and `onEdit(index, number)`
 * while it is dragged.
 */
export class Bars {
  constructor(svg, { onChoose, onEdit }) {
    this.svg = svg;
    this.onChoose = onChoose;
    this.onEdit = onEdit;
    this.chosen = 0;
    svg.addEventListener("pointerdown", (event) => this.#drag(event));
  }

  /** Draws a latent as encoded. `deviation` is the posterior's, or null; the axis runs from -limit to limit. */
  build(latent, deviation, limit) {
    Object.assign(this, { latent, deviation, limit });
    this.svg.setAttribute("viewBox", `0 0 ${latent.length} ${2 * limit}`);
    this.svg.setAttribute("aria-label", `Bar plot of the ${latent.length} latent numbers`);
    const zero = makeSvg("line", { class: "zero", x1: 0, x2: latent.length, y1: limit, y2: limit });
    this.svg.replaceChildren(zero, ...Array.from(latent, (_, index) => newBar(index, limit, deviation !== null)));
    this.arrange([...latent.keys()]);
    latent.forEach((number, index) => {
      this.show(index, number);
    });
  }

  /** Puts the bars in an order: `order` has the index of each, from left to right. */
  arrange(order) {
    this.order = order;
    order.forEach((index, place) => {
      this.#group(index).setAttribute("transform", `translate(${place - index} 0)`);
    });
  }

  /** Draws one number. */
  show(index, number) {
    const { limit } = this;
    const shown = clamp(number, -limit, limit);
    const [title, , bar, spread] = this.#group(index).children;
    title.textContent = this.#describe(index, number);
    bar.setAttribute("y", limit - Math.max(shown, 0));
    bar.setAttribute("height", Math.abs(shown));
    this.#group(index).classList.toggle("edited", number !== this.latent[index]);
    if (!spread) return;
    spread.setAttribute("y1", limit - Math.min(shown + this.deviation[index], limit));
    spread.setAttribute("y2", limit - Math.max(shown - this.deviation[index], -limit));
  }

  /** Marks one. */
  choose(index) {
    this.#group(this.chosen)?.classList.remove("chosen");
    this.chosen = index;
    this.#group(index).classList.add("chosen");
  }

  #group(index) {
    return this.svg.children[index + 1];
  }

  #describe(index, number) {
    const spread = this.deviation ? ` ± ${this.deviation[index].toFixed(2)}` : "";
    const before = number === this.latent[index] ? "" : `; ${this.latent[index].toFixed(2)} as encoded`;
    return `latent ${index}: ${number.toFixed(2)}${spread}${before}`;
  }

  #drag(event) {
    if (event.button !== 0) return;
    event.preventDefault();
    const { svg, limit, order } = this;
    const box = svg.getBoundingClientRect();
    const place = Math.floor(((event.clientX - box.left) / box.width) * order.length);
    const index = order[clamp(place, 0, order.length - 1)];
    this.onChoose(index);
    svg.setPointerCapture(event.pointerId);
    const edit = ({ clientY }) => this.onEdit(index, limit * (1 - (2 * (clientY - box.top)) / box.height));
    let isDrag = false;
    const listening = new AbortController();
    const { signal } = listening;
    const move = (moved) => {
      isDrag ||= Math.abs(moved.clientY - event.clientY) > LEAST_DRAG;
      if (isDrag) edit(moved);
    };
    const stop = (released) => {
      listening.abort();
      if (!isDrag && released.type === "pointerup") edit(released);
    };
    svg.addEventListener("pointermove", move, { signal });
    svg.addEventListener("pointerup", stop, { signal });
    svg.addEventListener("pointercancel", stop, { signal });
  }
}

function newBar(index, limit, hasSpread) {
  const group = makeSvg(
    "g",
    {},
    makeSvg("title"),
    makeSvg("rect", { class: "hit", x: index, y: 0, width: 1, height: 2 * limit }),
    makeSvg("rect", { class: "bar", x: index + 0.12, width: 0.76 }),
  );
  if (hasSpread) group.append(makeSvg("line", { class: "spread", x1: index + 0.5, x2: index + 0.5 }));
  return group;
}

/** The number that says most about the picture: where the posterior is narrowest and farthest from 0. */
export function mostTelling(latent, deviation) {
  const told = Array.from(latent, (mean, i) =>
    deviation ? mean ** 2 + deviation[i] ** 2 - 2 * Math.log(deviation[i]) : Math.abs(mean),
  );
  return told.indexOf(Math.max(...told));
}
