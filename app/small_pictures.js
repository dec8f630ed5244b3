// In the head of the page: an input's picture fills its box, and one of few pixels shows them crisp.

const SMALL = 128; // pixels a side, at most

document.addEventListener(
  "load",
  ({ target }) => {
    if (!target.matches?.(".picture-input img")) return;
    target.classList.toggle("is-small", Math.max(target.naturalWidth, target.naturalHeight) <= SMALL);
  },
  { capture: true },
);
