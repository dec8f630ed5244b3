const SVG = "http://www.w3.org/2000/svg";

/** An element with these properties and children; attributes that are no properties go under `attributes`. */
export function make(tag, { attributes = {}, ...properties } = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  Object.assign(node, properties).append(...children);
  return node;
}

/** An SVG element with these attributes and children. */
export function makeSvg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Shows a sentence in an element that is there for it; an empty one hides it. */
export function say(message, sentence) {
  message.textContent = sentence;
  message.hidden = !sentence;
}

/**
 * For a widget whose message stands in the place of its `body`: `showMessage(state, sentence)`, and `showBody()`, which
 * takes the message away. `state` goes into the `data-state` of `root`; in the state "empty", the sentence follows the
 * prop `empty_text`.
 */
export function placing({ root, message, body }, { props, watch }) {
  function showMessage(state, sentence) {
    root.dataset.state = state;
    say(message, sentence);
    body.hidden = true;
  }

  function showBody() {
    say(message, "");
    body.hidden = false;
  }

  watch("empty_text", () => {
    if (root.dataset.state === "empty") say(message, props.empty_text);
  });
  return { showMessage, showBody };
}

/** Makes one of some tiles the one that Tab stops at: the arrow keys move among them. */
export function setReachable(tiles, place) {
  [...tiles].forEach((tile, k) => {
    tile.tabIndex = k === place ? 0 : -1;
  });
}

/**
 * Moves the focus among tiles, laid out in so many columns, as an arrow key, Home or End asks; and makes the one that gets
 * it the one that Tab stops at. Returns it; null for another key, or at an edge.
 */
export function followKey(event, tiles, columns) {
  const place = tiles.indexOf(event.target);
  const next = {
    ArrowLeft: place - 1,
    ArrowRight: place + 1,
    ArrowUp: place - columns,
    ArrowDown: place + columns,
    Home: 0,
    End: tiles.length - 1,
  }[event.key];
  if (!tiles[next]) return null;
  event.preventDefault();
  setReachable(tiles, next);
  tiles[next].focus();
  return tiles[next];
}

/**
 * `tell(event, data)` for a widget's `trigger`. Of one kind of event, every one is told in one object, with the newest
 * data: app/kit/events.py has the reason.
 */
export function telling(trigger) {
  const payloads = {};
  return (event, data) => {
    payloads[event] ??= {};
    const payload = payloads[event];
    for (const name of Object.keys(payload)) delete payload[name];
    trigger(event, Object.assign(payload, data));
  };
}

/** Calls back once, when an element first comes into view. */
export function onFirstSight(element, onSight) {
  const observer = new IntersectionObserver((seen) => {
    if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
    observer.disconnect();
    onSight();
  });
  observer.observe(element);
}

/**
 * Calls back whenever an element gets a size or another one: what is not shown has none. `isOpened` is whether it was
 * not shown before, as when its tab is opened. Ends when the element has left the page; then `onGone` is called.
 */
export function onSeen(element, onSize, onGone = () => {}) {
  let wasSeen = false;
  const observer = new ResizeObserver(() => {
    if (element.isConnected) {
      const isSeen = element.offsetParent !== null;
      if (isSeen) onSize({ isOpened: !wasSeen });
      wasSeen = isSeen;
      return;
    }
    observer.disconnect();
    onGone();
  });
  observer.observe(element);
}
