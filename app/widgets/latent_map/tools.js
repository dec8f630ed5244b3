// The tools that draw on the map: a path to walk, groups of points to compare.

import { LIMITS } from "../../web/limits.js";
import { extentOf, isInside, thinOut } from "./geometry.js";
import { groupOf, groupsIn, outlineOf, textOfGroups } from "./group_text.js";
import { isClick } from "./input.js";

const STROKE_STEP = 3; // CSS pixels between two corners of a line drawn by hand

export class Tools {
  tool = "walk"; // or "path" or "lasso"
  stroke = null; // corners of the line that is being drawn, in map coordinates
  path = []; // corners of the finished line
  isPathByHand = false; // else corner by corner
  groups = { a: null, b: null }; // {rows, outline, middle}; the outline is empty where the legend chose
  #view;
  #modes;
  #bar;
  #words;
  #groupButtons;
  #fromButton;
  #state;
  #on;

  /**
   * Calls `onStart()` when a person turns to drawing, `onChange()` when what is drawn looks different, `onPath(path)`,
   * `onGroups({ a, b, point })`, and `onClear()` when a person is done with what was drawn.
   */
  constructor({ find, state, ...on }) {
    this.#view = find("-view");
    this.#modes = find("-modes");
    this.#bar = find("-drawing");
    this.#words = find("-drawn");
    this.#groupButtons = find("-groups");
    this.#fromButton = find("-from");
    this.#state = state;
    this.#on = on;
    this.#modes.addEventListener("click", ({ target }) => target.dataset.tool && this.choose(target.dataset.tool));
    this.#groupButtons.addEventListener("click", ({ target }) => {
      if (state.viewport && target.dataset.group) this.#takeShown(target.dataset.group);
    });
    this.#fromButton.addEventListener("click", () => {
      this.#fromButton.setAttribute("aria-pressed", !this.#isFromPressed);
      this.#sendGroups();
    });
    for (const element of [this.#bar, this.#modes]) {
      element.addEventListener("keydown", (event) => event.key === "Escape" && this.choose("walk"));
    }
    find("-clear").addEventListener("click", () => {
      const hadDrawing = this.#hasDrawing;
      this.clear();
      if (hadDrawing) on.onClear();
    });
  }

  get isDrawing() {
    return this.tool !== "walk";
  }

  get #hasDrawing() {
    return this.path.length > 0 || this.groups.a !== null;
  }

  get #isFromPressed() {
    return this.#fromButton.getAttribute("aria-pressed") === "true";
  }

  choose(tool) {
    this.stroke = null;
    this.tool = tool;
    this.#on.onStart();
    for (const button of this.#modes.children) button.setAttribute("aria-pressed", button.dataset.tool === tool);
    this.#view.classList.toggle("is-drawing", this.isDrawing);
    this.#change();
  }

  /** Forgets what was drawn; the tool stays. */
  clear() {
    [this.stroke, this.path, this.groups] = [null, [], { a: null, b: null }];
    this.#change();
  }

  /** Another point was selected: the direction may be from it. */
  followSelection() {
    this.#change();
    if (this.groups.b && this.#isFromPressed) this.#sendGroups();
  }

  #change() {
    this.#bar.hidden = !this.isDrawing && !this.#hasDrawing;
    this.#groupButtons.hidden = this.tool !== "lasso" && !this.groups.a;
    this.#fromButton.hidden = !this.groups.b || this.#state.selected === null;
    const isAboutPath = this.tool === "path" || (!this.isDrawing && this.path.length > 0);
    this.#words.textContent = isAboutPath ? pathWords(this.path) : groupWords(this.groups);
    this.#on.onChange();
  }

  // ---- Strokes ----

  beginStroke(place) {
    this.stroke = [this.#state.viewport.toMap(place)];
    this.#on.onStart();
    this.#on.onChange();
  }

  extendStroke([px, py]) {
    const [lastX, lastY] = this.#state.viewport.toPixels(this.stroke.at(-1));
    if (Math.hypot(px - lastX, py - lastY) < STROKE_STEP) return;
    this.stroke.push(this.#state.viewport.toMap([px, py]));
    this.#on.onChange();
  }

  cancelStroke() {
    this.stroke = null;
    this.#on.onChange();
  }

  endStroke() {
    const corners = thinOut(this.stroke, LIMITS.pathCorners);
    const isPlace = isClick(extentOf(corners) * this.#state.viewport.scale);
    this.stroke = null;
    if (this.tool === "path" && isPlace) this.addCorner(corners[0]);
    else if (this.tool === "path") this.#takePath(corners, true);
    else if (!isPlace) this.#takeLasso(corners);
    this.#on.onChange();
  }

  // ---- The path ----

  /** Goes on with a path that is made corner by corner, or begins one. */
  addCorner([x, y]) {
    const before = this.isPathByHand || this.path.length >= LIMITS.pathCorners ? [] : this.path;
    const [lastX, lastY] = before.at(-1) ?? [];
    this.#takePath(lastX === x && lastY === y ? before : [...before, [x, y]], false);
  }

  /** Takes a line that was drawn before; without corners, none. */
  bringBack(path, isByHand) {
    if (path.length) this.#takePath(path, isByHand);
    else if (this.path.length) {
      this.clear();
      this.#on.onClear();
    }
  }

  /** The groups as a text for the address; null for none. */
  get groupsText() {
    return textOfGroups(this.groups, this.#state.points, this.#isFromPressed);
  }

  /** Takes the groups that such a text means; where it means none, drops those that there are. */
  bringBackGroups(text) {
    const found = groupsIn(text, this.#state.points);
    if (found) {
      const { a, b, isFromPoint } = found;
      [this.path, this.groups] = [[], { a, b }];
      this.#fromButton.setAttribute("aria-pressed", isFromPoint);
      this.#sendGroups();
    } else if (this.groups.a) {
      this.clear();
      this.#on.onClear();
    }
  }

  // A path and groups take each other's place, as their results do.
  #takePath(path, isByHand) {
    [this.path, this.isPathByHand, this.groups] = [path, isByHand, { a: null, b: null }];
    this.#change();
    if (path.length > 1) this.#on.onPath(path);
  }

  // ---- Groups ----

  #takeLasso(line) {
    const { points } = this.#state;
    const outline = outlineOf(line);
    const rows = this.#shownRows().filter((i) => isInside(points.place(i), outline));
    this.#takeGroup(this.groups.a && !this.groups.b ? "b" : "a", rows, outline);
  }

  #takeShown(name) {
    this.#takeGroup(this.groups.a ? name : "a", this.#shownRows(), []); // the first is always A
  }

  // What is hidden, or dimmed by a search, is not meant.
  #shownRows() {
    const { points, grouping, matches } = this.#state;
    const rows = [];
    for (let i = 0; i < points.count; i++) if (grouping.isShown(i) && (!matches || matches[i])) rows.push(i);
    return rows;
  }

  #takeGroup(name, rows, outline) {
    if (!rows.length) {
      this.#words.textContent = "There is no point in it. Draw around some points.";
      return;
    }
    const { points } = this.#state;
    const group = groupOf(rows, outline, points);
    this.path = [];
    // A new lasso after two begins again; a group from the legend replaces its namesake.
    if (name === "a") this.groups = { a: group, b: outline.length ? null : this.groups.b };
    else this.groups = { ...this.groups, b: group };
    this.#sendGroups();
  }

  #sendGroups() {
    this.#change();
    const { a, b } = this.groups;
    const isFromPoint = this.#isFromPressed && !this.#fromButton.hidden;
    this.#on.onGroups({ a: a.rows, b: b?.rows ?? [], point: isFromPoint ? this.#state.selected : null });
  }
}

function pathWords({ length }) {
  if (length > 1) return "The pictures along the path are below the map.";
  if (length) return "Add a second place: click it, or go to a point with the arrow keys and press Enter.";
  return "Draw a line over the map; or click places, or go to points with the arrow keys and press Enter.";
}

function groupWords({ a, b }) {
  const size = ({ rows }) => `${rows.length.toLocaleString()} points`;
  if (b) return `A: ${size(a)}, B: ${size(b)}. The direction from A to B is below the map.`;
  if (a) return `A: ${size(a)}. Gather a second group for the direction from A to B.`;
  return "Draw around points; or choose them in the legend or by searching, and take what is shown.";
}
