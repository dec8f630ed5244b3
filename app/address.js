// What the page shows, kept in the address bar, so that a link brings it back: `?model=emoji&tab=sample&sample.seed=7`.
// A page that is opened or gone back to with an address that asks for nothing begins with the landing (app/landing.py),
// which `style.css` shows only there.
// `app/address.py` reads it back on the server, and defines DEFAULT_TAB before this; widgets recall their own values.

{
  const COPIED_MS = 2000;
  const TAB = "#tabs > .tab-wrapper [role=tab]";
  const shown = new URLSearchParams(location.search);
  const opened = new URLSearchParams(location.search);

  const address = () => `${location.pathname}${shown.size ? `?${shown}` : ""}${location.hash}`;
  const tabInAddress = () => new URLSearchParams(location.search).get("tab");
  const openTab = () => tabInAddress() ?? DEFAULT_TAB;
  // Keys that begin with two underscores are Gradio's and the Hub's, such as the theme's.
  const asksForNothing = () => [...new URLSearchParams(location.search).keys()].every((key) => key.startsWith("__"));
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
    /** Puts a value in the address; null, undefined and "" take it out. */
    remember(key, value) {
      if (value === null || value === undefined || value === "") shown.delete(key);
      else shown.set(key, value);
      replace();
    },

    /** Takes these out of the address. */
    forget(keys) {
      for (const key of keys) shown.delete(key);
      replace();
    },

    /** Puts the open tab in the address, as a page of its own: the browser's Back goes to the tab before. */
    visit(tab) {
      shown.set("tab", tab);
      if (openTab() !== tab) push();
    },

    /** Leaves the landing for a tab, also for the one below it: the browser's Back goes to the landing. */
    enter(tab) {
      shown.set("tab", tab);
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

    /** The number that the address held under this key when the page was opened, once; or null. */
    recall(key) {
      const text = opened.get(key);
      opened.delete(key);
      return text === null || text.trim() === "" || !Number.isFinite(Number(text)) ? null : Number(text);
    },
  };

  // The tab is the page that was gone back to; all else is as it is now. So is the model, whose landing alone there is.
  window.addEventListener("popstate", () => {
    const tab = tabInAddress();
    if (tab === null) shown.delete("tab");
    else shown.set("tab", tab);
    if (asksForNothing() && !shown.has("model")) showLanding();
    else replace();
    document.querySelector(`${TAB}[data-tab-id="${CSS.escape(openTab())}"]`)?.click();
  });

  // The tab that is open already tells Gradio nothing.
  document.addEventListener("click", ({ target, isTrusted }) => {
    const tab = isTrusted && target.closest(TAB);
    if (tab) window.latentscape.enter(tab.dataset.tabId);
  });

  showLanding();
}
