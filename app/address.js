// What the page shows, kept in the address bar, so that a link brings it back: `?model=emoji&tab=sample&sample.seed=7`.
// A page that is opened or gone back to with an address that asks for nothing begins with the landing (app/landing.py),
// which `style.css` shows only there.
// `app/address.py` reads it back on the server, and defines TABS before this, the tabs' ids by their titles; widgets recall
// their own values.
//
// Back goes to the tab before and changes nothing else; within a tab it undoes the last move. A move is what a gesture of
// a hand changes: the first change of the address after it makes an entry of the history, and what follows from that
// changes this entry.

{
  const COPIED_MS = 2000;
  const SAME_MOVE_MS = 1000; // in which changes of one value in one place are one move: a number is typed
  const GUIDE = "guide"; // the one key of what stands above the tabs
  const [DEFAULT_TAB] = Object.values(TABS);
  const TAB = "#tabs > .tab-wrapper [role=tab]";
  const shown = new URLSearchParams(location.search);
  const opened = new URLSearchParams(location.search);
  const widgets = new Map(); // key -> function that brings a widget's value back
  let isRestored = false; // whether the server has brought back what the page was opened with
  let isTouched = false; // whether a hand has done something that the address does not know yet
  let touched = null; // the element that a hand touched last
  let lastMove = { key: null, at: 0, where: null };
  let undone = {}; // values to be brought back by the server, by key

  const address = () => `${location.pathname}${shown.size ? `?${shown}` : ""}${location.hash}`;
  const tabInAddress = () => new URLSearchParams(location.search).get("tab");
  const openTab = () => tabInAddress() ?? DEFAULT_TAB;
  // Keys that begin with two underscores are Gradio's and the Hub's, such as the theme's.
  const asksForNothing = () => [...new URLSearchParams(location.search).keys()].every((key) => key.startsWith("__"));
  const isOnLanding = () => document.documentElement.classList.contains("is-landing");
  const showLanding = () => document.documentElement.classList.toggle("is-landing", asksForNothing());

  // What is taken out of the address does not bring the landing back over what a person looks at.
  function leaveLanding() {
    if (!asksForNothing()) showLanding();
  }

  function replace() {
    history.replaceState(history.state, "", address());
    leaveLanding();
  }

  function push() {
    history.pushState(null, "", address());
    leaveLanding();
  }

  window.latentscape = {
    /**
     * Puts a value in the address; null, undefined and "" take it out. It is a move if a hand did it, unless `isMove`
     * says that it never is.
     */
    remember(key, value, isMove = key !== "model") {
      const text = value === null || value === undefined || value === "" ? null : String(value);
      if (shown.get(key) === text) return;
      if (text === null && !isRestored && opened.has(key)) return; // the page is built, and says what it has at first
      put(key, text);
      if (isOnLanding() && !isTouched) return; // what comes late does not close it
      const move = { key, at: performance.now(), where: touched };
      const isSame = key === lastMove.key && touched === lastMove.where && move.at - lastMove.at <= SAME_MOVE_MS;
      const isNew = isTouched && isMove && !isSame;
      if (isMove) lastMove = move;
      isTouched = false;
      if (isNew) push();
      else replace();
    },

    /** Once what the page was opened with is brought back, takes these out of the address, which could not be. */
    forget(keys) {
      isRestored = true;
      for (const key of keys) shown.delete(key);
      replace();
    },

    /** Puts the open tab in the address, as a page of its own: the browser's Back goes to the tab before. */
    visit(tab) {
      shown.set("tab", tab);
      isTouched = false;
      if (openTab() !== tab) push();
    },

    /** Leaves the landing for a tab, also for the one below it: the browser's Back goes to the landing. */
    enter(tab) {
      shown.set("tab", tab);
      isTouched = false;
      if (asksForNothing()) push();
    },

    /** Copies the address, and says so on the button for a moment; without leave for that, shows it to be copied. */
    async copyLink(button) {
      const words = button.textContent;
      try {
        await navigator.clipboard.writeText(location.href);
        button.textContent = "Link copied";
      } catch {
        window.prompt("The link to this view:", location.href);
      }
      setTimeout(() => {
        button.textContent = words;
      }, COPIED_MS);
    },

    /**
     * What the address held under this key when the page was opened, once; or null. From then on, `bringBack(text)` is
     * called when Back undoes a move: with what the value was, or null.
     */
    recall(key, bringBack) {
      widgets.set(key, bringBack);
      const text = opened.get(key);
      opened.delete(key);
      return text;
    },

    /** Whether there is a value under this key. */
    holds: (key) => shown.has(key),

    /** What the server is to bring back, once. */
    undone() {
      const values = undone;
      undone = {};
      return values;
    },
  };

  function put(key, text) {
    if (text === null) shown.delete(key);
    else shown.set(key, text);
  }

  /** Brings back what the entry that was gone back to holds under these keys. */
  function undo(isMeant) {
    const before = new URLSearchParams(location.search);
    for (const key of new Set([...shown.keys(), ...before.keys()])) {
      const text = before.get(key);
      if (!isMeant(key) || text === shown.get(key)) continue;
      put(key, text);
      if (widgets.has(key)) widgets.get(key)(text);
      else undone[key] = text;
    }
    if (Object.keys(undone).length) document.querySelector("#undo").click();
  }

  // The model is as it is now, and its landing alone there is.
  window.addEventListener("popstate", () => {
    const [left, wasOnLanding] = [shown.get("tab") ?? DEFAULT_TAB, isOnLanding()];
    const isOfModel = new URLSearchParams(location.search).get("model") === shown.get("model");
    isTouched = false;
    put("tab", tabInAddress());
    undo((key) => key === GUIDE || (isOfModel && !asksForNothing() && !wasOnLanding && isOf(key, left, openTab())));
    if (asksForNothing() && !shown.has("model")) showLanding();
    else replace();
    if (openTab() !== left) document.querySelector(`${TAB}[data-tab-id="${CSS.escape(openTab())}"]`)?.click();
  });

  const isOf = (key, left, tab) => left === tab && key.startsWith(`${tab}.`);

  for (const gesture of ["pointerdown", "keydown", "drop", "paste"]) {
    const touch = ({ isTrusted, target }) => {
      if (isTrusted) [isTouched, touched] = [true, target];
    };
    window.addEventListener(gesture, touch, { capture: true });
  }

  // The tab that is open already tells Gradio nothing.
  document.addEventListener("click", ({ target, isTrusted }) => {
    const tab = isTrusted && target.closest(TAB);
    if (tab) window.latentscape.enter(tab.dataset.tabId);
  });

  // A person types a tab's title.
  const typed = shown.get("tab")?.toLowerCase();
  if (Object.hasOwn(TABS, typed) && TABS[typed] !== shown.get("tab")) {
    shown.set("tab", TABS[typed]);
    replace();
  }
  showLanding();
}
