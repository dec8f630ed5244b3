import { followKey, make, setReachable } from "../../web/dom.js";
import { spaced } from "../../web/labels.js";
import { percent, rowsBy } from "./measures.js";

const FIRST_ROWS = 16; // what is shown at first

/**
 * The table of what each unit knows of each factor. Calls `onChoose(unit)` when a cell is clicked, or reached by a key, and
 * `onArrange()` when a hand has sorted the rows, or shown all.
 */
export class Matrix {
  #table;
  #more;
  #onChoose;
  #onArrange;
  #found = null;
  #factor = null; // whose column the rows are sorted by; null for whichever a unit knows most of
  #isWhole = false;
  #chosen = null;

  constructor(box, more, { onChoose, onArrange }) {
    this.#onArrange = onArrange;
    this.#table = box.appendChild(make("table"));
    this.#more = more;
    this.#onChoose = onChoose;
    more.addEventListener("click", () => {
      this.#isWhole = !this.#isWhole;
      this.#draw();
      onArrange();
    });
    this.#table.addEventListener("click", ({ target }) => {
      const button = target.closest("button");
      if (button?.dataset.unit) onChoose(Number(button.dataset.unit));
      else if (button) this.#sortBy(Number(button.dataset.factor));
    });
    this.#table.addEventListener("keydown", (event) => {
      if (!event.target.dataset.unit) return;
      const cell = followKey(event, this.#cells(), this.#found.factors.length);
      if (cell) onChoose(Number(cell.dataset.unit));
    });
  }

  /** Draws what the server found. */
  build(found, unitName) {
    this.#found = { ...found, unitName };
    [this.#factor, this.#isWhole, this.#chosen] = [null, false, null];
    this.#draw();
  }

  /** How the rows stand, as a text: the factor that they are sorted by, "all" if all are shown; null as at first. */
  get arrangement() {
    return [this.#factor ?? "", this.#isWhole ? "all" : ""].join(",").replace(/^,$/, "") || null;
  }

  /** Arranges them so, as far as there is such a factor. */
  arrange(text) {
    const [factor, whole] = (text ?? "").split(",");
    this.#factor = factor !== "" && Number(factor) in this.#found.factors ? Number(factor) : null;
    this.#isWhole = whole === "all";
    this.#draw();
  }

  /** The rows as they stand, all of them: each unit, and what it knows of each factor as a share of 1. */
  get rows() {
    const { shares } = this.#found;
    return rowsBy(shares, this.#factor).map((unit) => [unit, ...shares[unit]]);
  }

  /** Marks the row of a unit, if it is there. */
  choose(unit) {
    this.#chosen = unit;
    for (const row of this.#table.tBodies[0]?.rows ?? []) {
      row.classList.toggle("is-chosen", Number(row.dataset.unit) === unit);
    }
  }

  #sortBy(factor) {
    this.#factor = this.#factor === factor ? null : factor;
    this.#draw();
    this.#table.querySelector(`[data-factor="${factor}"]`).focus();
    this.#onChoose(Number(this.#table.tBodies[0].rows[0].dataset.unit));
    this.#onArrange();
  }

  #draw() {
    const { factors, shares } = this.#found;
    const rows = rowsBy(shares, this.#factor);
    const most = Math.max(...shares.flat()) || 1;
    const shown = this.#isWhole ? rows : rows.slice(0, FIRST_ROWS);
    const head = make("thead", {}, make("tr", {}, make("td"), ...factors.map((_, f) => this.#heading(f))));
    this.#table.style.setProperty("--columns", factors.length);
    this.#table.replaceChildren(head, make("tbody", {}, ...shown.map((unit) => this.#row(unit, most))));
    this.#more.hidden = rows.length <= FIRST_ROWS;
    this.#more.textContent = this.#isWhole ? `Only the first ${FIRST_ROWS}` : `All ${rows.length}`;
    setReachable(this.#cells(), 0);
    this.choose(this.#chosen);
  }

  #heading(f) {
    const isSorted = this.#factor === f;
    const name = spaced(this.#found.factors[f]);
    const button = make("button", { type: "button", title: `Sort by ${name}` }, name);
    button.dataset.factor = f;
    return make("th", { scope: "col", attributes: { "aria-sort": isSorted ? "descending" : "none" } }, button);
  }

  #row(unit, most) {
    const { factors, shares, unitName } = this.#found;
    const cells = shares[unit].map((share, f) => {
      const words = `${unitName} ${unit} says ${percent(share)} about ${spaced(factors[f])}`;
      const attributes = { "aria-label": words, style: `--share: ${share / most}` };
      const button = make("button", { type: "button", title: words, attributes }, percent(share));
      button.dataset.unit = unit;
      return make("td", {}, button);
    });
    const row = make("tr", {}, make("th", { scope: "row" }, String(unit)), ...cells);
    row.dataset.unit = unit;
    return row;
  }

  #cells() {
    return [...this.#table.querySelectorAll("[data-unit] > td > button")];
  }
}
