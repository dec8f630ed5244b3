// What people do over the map with pointer, wheel and keys, told as what it means.

const TAP_SLOP = 5; // CSS pixels that a pointer may shake in a click
const HIT_RADIUS = 7; // CSS pixels around the pointer in which a point is hit
const TOUCH_RADIUS = 18; // and around a finger
const LEAST_SPREAD = 10; // CSS pixels between two fingers, so that no pinch is endless
const WHEEL_LINE = 18; // CSS pixels, where a wheel counts in lines
const WHEEL_MOST = 120; // CSS pixels that one event of the wheel counts for
const WHEEL_STRETCH = 0.003; // for each, of the logarithm of the scale

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const ZOOM_KEYS = { "+": "in", "=": "in", "-": "out", 0: "reset" };

/** Whether a line of this length was meant as a click. */
export const isClick = (pixels) => pixels < TAP_SLOP;

/**
 * Calls, for pointers over `view`: `onPress()`; `onHover(place, radius, isFinger)`; `onLeave()`; `onTap(place, radius)`;
 * and `onDrag(from, to, stretch)`: what was at one place of the view is to come to another, so many times larger. A mouse
 * drags the map; a finger hovers, and two drag it. While `tools` draw, one pointer is theirs. Nothing is called unless
 * `isReady()`.
 */
export class Pointers {
  #view;
  #tools;
  #isReady;
  #on;
  #down = new Map(); // pointers that are down: id -> place
  #hasMoved = false;
  #hasDragged = false; // since the first of them came down

  constructor(view, { tools, isReady, ...on }) {
    this.#view = view;
    this.#tools = tools;
    this.#isReady = isReady;
    this.#on = on;
    view.addEventListener("pointerdown", (event) => this.#press(event));
    view.addEventListener("pointermove", (event) => this.#move(event));
    view.addEventListener("pointerup", (event) => this.#release(event, false));
    view.addEventListener("pointercancel", (event) => this.#release(event, true));
    view.addEventListener("pointerleave", (event) => this.#leave(event));
  }

  #press(event) {
    if (!this.#isReady() || event.button !== 0) return;
    this.#on.onPress();
    if (!this.#down.size) [this.#hasMoved, this.#hasDragged] = [false, false];
    const place = placeOf(event, this.#view);
    this.#down.set(event.pointerId, place);
    this.#view.setPointerCapture(event.pointerId);
    if (this.#down.size > 1) this.#tools.cancelStroke();
    else if (this.#tools.isDrawing) this.#tools.beginStroke(place);
    else if (isFinger(event)) this.#on.onHover(place, TOUCH_RADIUS, true);
  }

  #move(event) {
    if (!this.#isReady()) return;
    const place = placeOf(event, this.#view);
    const before = this.#down.get(event.pointerId);
    if (!before) {
      if (!this.#down.size && !isFinger(event)) this.#on.onHover(place, HIT_RADIUS, false);
    } else if (this.#tools.stroke) {
      this.#down.set(event.pointerId, place);
      this.#tools.extendStroke(place);
    } else if (this.#down.size > 1 || (!this.#tools.isDrawing && !isFinger(event))) {
      this.#drag(event.pointerId, before, place);
    } else if (!this.#tools.isDrawing && !this.#hasDragged) {
      this.#follow(before, place);
    }
  }

  // One finger, unless it is the last of two.
  #follow(pressed, place) {
    if (!this.#hasMoved && isClick(spread(pressed, place))) return;
    this.#hasMoved = true;
    this.#on.onHover(place, TOUCH_RADIUS, true);
  }

  #drag(id, before, place) {
    const [, other] = [...this.#down].find(([otherId]) => otherId !== id) ?? [];
    if (!other && !this.#hasMoved && isClick(spread(before, place))) return;
    this.#hasMoved = this.#hasDragged = true;
    this.#view.classList.add("is-moving");
    this.#down.set(id, place);
    if (!other) this.#on.onDrag(before, place, 1);
    else this.#on.onDrag(middle(before, other), middle(place, other), span(place, other) / span(before, other));
  }

  #release(event, isCancelled) {
    const place = this.#down.get(event.pointerId);
    if (!this.#down.delete(event.pointerId) || this.#down.size) return;
    this.#view.classList.remove("is-moving");
    if (!this.#isReady()) return;
    if (this.#tools.stroke && isCancelled) this.#tools.cancelStroke();
    else if (this.#tools.stroke) this.#tools.endStroke();
    else if (!this.#hasMoved && !isCancelled && !this.#tools.isDrawing) {
      this.#on.onTap(place, isFinger(event) ? TOUCH_RADIUS : HIT_RADIUS);
    }
  }

  #leave(event) {
    // A finger has left as soon as it has tapped.
    if (!isFinger(event) && !this.#down.size) this.#on.onLeave();
  }
}

/** Calls `onZoom(stretch, place)`, which says whether it could; where it could not, the page scrolls. */
export function listenToWheel(view, isReady, onZoom) {
  const listener = (event) => {
    if (!isReady()) return;
    const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_LINE : 1);
    const stretch = Math.exp(-Math.max(-WHEEL_MOST, Math.min(WHEEL_MOST, pixels)) * WHEEL_STRETCH);
    if (onZoom(stretch, placeOf(event, view))) event.preventDefault();
  };
  view.addEventListener("wheel", listener, { passive: false });
}

/**
 * Calls `onArrow([dx, dy])`, `onZoom("in" | "out" | "reset")`, `onEnter(key)` for Enter and space, and `onEscape()`; the
 * last two say whether they had something to do.
 */
export function listenToKeys(view, isReady, { onArrow, onZoom, onEnter, onEscape }) {
  const isUsed = (key) => {
    if (key in ARROWS) onArrow(ARROWS[key]);
    else if (key in ZOOM_KEYS) onZoom(ZOOM_KEYS[key]);
    else if (key === "Enter" || key === " ") return onEnter(key);
    else return key === "Escape" && onEscape();
    return true;
  };
  view.addEventListener("keydown", (event) => {
    if (!isReady() || event.ctrlKey || event.metaKey || event.altKey) return;
    if (isUsed(event.key)) event.preventDefault();
  });
}

function placeOf({ clientX, clientY }, view) {
  const box = view.getBoundingClientRect();
  return [clientX - box.left, clientY - box.top];
}

const isFinger = ({ pointerType }) => pointerType === "touch";
const spread = ([ax, ay], [bx, by]) => Math.hypot(ax - bx, ay - by);
const span = (a, b) => Math.max(LEAST_SPREAD, spread(a, b));
const middle = ([ax, ay], [bx, by]) => [(ax + bx) / 2, (ay + by) / 2];
