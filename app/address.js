"use strict";
// What the page shows, kept in the address bar, so that a link brings it back: `?model=emoji&tab=sample&seed=7`.
// `app/address.py` reads the model, the tab and the numbers back on the server; the widgets recall their own places.

window.latentscape = {
  /** Puts a value in the address; null, undefined and "" take it out. */
  remember(key, value) {
    const url = new URL(location.href);
    if (value === null || value === undefined || value === "") url.searchParams.delete(key);
    else url.searchParams.set(key, value);
    if (url.href !== location.href) history.replaceState(history.state, "", url);
  },

  /** The number that the address held under this key when the page was opened, once; or null. */
  recall(key) {
    const text = opened.get(key);
    opened.delete(key);
    return text === null || text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text);
  },
};

const opened = new URLSearchParams(location.search);
