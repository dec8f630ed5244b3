// What lies under and over the points: decoded pictures in their place, a lattice of decoded places, lines of density.

import { makeSvg } from "../../web/dom.js";
import { LIMITS } from "../../web/limits.js";
import { blank } from "../../web/sheet.js";
import { densityLines } from "./density.js";
import { latticeCells, Placement } from "./placement.js";
import { Thumbnails } from "./thumbnails.js";

const SIDE = 50; // CSS pixels, of a picture that stands for a point
const GAP = 1; // CSS pixels around it
const FRAME = 2; // CSS pixels, in the colour of its group
const PICTURES_FROM = 2; // times the scale at which the whole map fits: nearer than this, pictures replace points
const CHOOSE_MS = 120; // between two choices of pictures while the view moves

const AT_FIRST = "pictures"; // the layers that are shown
const NONE = "none"; // as a text: no layer

export class Layers {
  #root;
  #buttons;
  #pictures;
  #lattice;
  #contours;
  #state;
  #palette;
  #thumbnails;
  #isOn = { pictures: true, lattice: false, contours: false };
  #chosen = []; // rows of the points that have a picture in their place
  #cells = []; // of the lattice, in view
  #cellSide = 0; // map units
  #lines = null; // of density; null until they are wanted
  #chosenAt = 0; // when, milliseconds

  /** `onToggle(layer, isOn)` is called when a person shows or hides a layer. */
  constructor({ find, state, palette, places, onToggle }) {
    this.#root = find("");
    this.#pictures = find("-pictures");
    this.#lattice = find("-lattice");
    this.#contours = find("-contours");
    this.#state = state;
    this.#palette = palette;
    this.#thumbnails = new Thumbnails({ state, places, onArrival: () => this.#paint() });
    this.#buttons = find("-layers").querySelectorAll("button");
    find("-layers").addEventListener("click", ({ target }) => {
      const { layer } = target.dataset;
      if (!layer) return;
      this.#isOn[layer] = !this.#isOn[layer];
      this.#show();
      onToggle(layer, this.#isOn[layer]);
    });
  }

  /** The names of the layers that are shown, as a text; null for those at first. */
  get shown() {
    const names = Object.keys(this.#isOn).filter((name) => this.#isOn[name]);
    return names.join() === AT_FIRST ? null : names.join() || NONE;
  }

  /** Shows the layers of such a text alone, which may be anyone's: one with a name that is not known changes nothing. */
  set shown(text) {
    const names = text === NONE ? [] : (text ?? AT_FIRST).split(",");
    if (!names.every((name) => Object.hasOwn(this.#isOn, name))) return;
    for (const name of Object.keys(this.#isOn)) this.#isOn[name] = names.includes(name);
    this.#show();
  }

  #show() {
    for (const button of this.#buttons) button.setAttribute("aria-pressed", this.#isOn[button.dataset.layer]);
    this.#root.classList.toggle("has-lattice", this.#isOn.lattice);
    this.refresh();
  }

  /** At each frame that moves the view: what is chosen, at its place. What to choose is a matter for a few times a second. */
  follow() {
    if (performance.now() - this.#chosenAt > CHOOSE_MS) this.refresh();
    else this.#paint();
  }

  /** Chooses and shows what belongs into the view. */
  refresh() {
    if (!this.#state.viewport) return;
    this.#choose();
    this.#paint();
  }

  resize({ width, height }) {
    for (const canvas of [this.#pictures, this.#lattice]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
  }

  clear() {
    this.#thumbnails.clear();
    [this.#chosen, this.#cells, this.#lines, this.#chosenAt] = [[], [], null, 0];
    for (const canvas of [this.#pictures, this.#lattice]) blank(canvas);
    this.#contours.replaceChildren();
  }

  /** The row of the point whose picture is at a place of the view, or null. */
  pictureAt([px, py]) {
    const { points, viewport } = this.#state;
    const covers = (i) => {
      const [x, y] = viewport.toPixels(points.place(i));
      return Math.abs(x - px) <= SIDE / 2 && Math.abs(y - py) <= SIDE / 2;
    };
    return this.#arrived().findLast(covers) ?? null; // the one painted last is on top
  }

  // The points whose picture is here and may be seen.
  #arrived() {
    return this.#chosen.filter((i) => this.#thumbnails.has(i) && this.#state.grouping.isShown(i));
  }

  // ---- What to show ----

  #choose() {
    this.#chosenAt = performance.now();
    const isNear = this.#state.viewport.zoom >= PICTURES_FROM;
    this.#cells = this.#isOn.lattice ? this.#cellsInView() : [];
    this.#chosen = this.#isOn.pictures && !this.#isOn.lattice && isNear ? this.#pointsInView() : [];
    this.#thumbnails.want([...this.#cells.map(({ place }) => place), ...this.#chosen]);
  }

  // The selected point, those that have a picture already, so that panning changes nothing, and others.
  #pointsInView() {
    const { points, grouping, matches, selected, viewport } = this.#state;
    const placement = new Placement(SIDE, viewport.size);
    const offer = (i) => {
      if (grouping.isShown(i) && (!matches || matches[i])) placement.offer(i, viewport.toPixels(points.place(i)));
    };
    if (points.has(selected)) offer(selected);
    this.#chosen.forEach(offer);
    points.grid.visit(viewport.box(), offer);
    return placement.ids;
  }

  #cellsInView() {
    const { points, grouping, viewport } = this.#state;
    const isShown = (i) => grouping.isShown(i);
    const distanceToData = ([x, y], most) => {
      const nearest = points.grid.nearest([x, y], most, isShown);
      return nearest === null ? null : Math.hypot(points.x[nearest] - x, points.y[nearest] - y);
    };
    const distances = { near: LIMITS.near * points.spacing, far: LIMITS.between * points.spacing };
    const { side, cells } = latticeCells(viewport, distances, distanceToData);
    this.#cellSide = side;
    return cells;
  }

  // ---- Painting ----

  #paint() {
    if (!this.#state.viewport) return;
    this.#paintPictures();
    this.#paintLattice();
    this.#placeContours();
  }

  // Each in a frame of its group's colour.
  #paintPictures() {
    const { points, grouping, viewport } = this.#state;
    const context = blank(this.#pictures);
    const arrived = this.#arrived();
    const paint = (left, top, inset) => [left + inset, top + inset, SIDE - 2 * inset, SIDE - 2 * inset];
    for (const i of arrived) {
      const [px, py] = viewport.toPixels(points.place(i));
      const [left, top] = [Math.round(px - SIDE / 2), Math.round(py - SIDE / 2)];
      context.fillStyle = this.#palette.of(grouping, i);
      context.fillRect(...paint(left, top, GAP));
      context.drawImage(this.#thumbnails.get(i), ...paint(left, top, GAP + FRAME));
    }
    this.#root.dataset.pictures = arrived.join(" "); // so that a test need not look at pixels
  }

  #paintLattice() {
    const { viewport } = this.#state;
    const context = blank(this.#lattice);
    const half = (this.#cellSide * viewport.scale) / 2;
    const arrived = this.#cells.filter(({ place }) => this.#thumbnails.has(place));
    for (const { place, opacity } of arrived) {
      const [px, py] = viewport.toPixels(place);
      // To whole pixels, edge to edge with the neighbours.
      const [left, top, right, bottom] = [px - half, py - half, px + half, py + half].map(Math.round);
      context.globalAlpha = opacity;
      context.drawImage(this.#thumbnails.get(place), left, top, right - left, bottom - top);
    }
    this.#root.dataset.cells = arrived.length;
  }

  // The lines are in map units: the view only moves them.
  #placeContours() {
    this.#contours.toggleAttribute("hidden", !this.#isOn.contours);
    if (!this.#isOn.contours) return;
    const { points, viewport } = this.#state;
    if (!this.#lines) {
      this.#lines = densityLines(points.x, points.y, points.bounds).map((d) => makeSvg("path", { d }));
      this.#contours.replaceChildren(...this.#lines);
    }
    const [x, y] = viewport.toPixels([0, 0]);
    const transform = `matrix(${viewport.scale} 0 0 ${-viewport.scale} ${x} ${y})`;
    for (const line of this.#lines) line.setAttribute("transform", transform);
  }
}
