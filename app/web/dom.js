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
