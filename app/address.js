// What the page shows, kept in the address bar, so that a link brings it back: `?model=emoji&tab=sample&sample.seed=7`.
// `app/address.py` reads it back on the server, and defines DEFAULT_TAB before this; widgets recall their own values.

{
  const COPIED_MS = 2000;
  const shown = new URLSearchParams(location.search);
  const opened = new URLSearchParams(location.search);

  const address = () => `${location.pathname}${shown.size ? `?${shown}` : ""}${location.hash}`;
  const openTab = () => new URLSearchParams(location.search).get("tab") ?? DEFAULT_TAB;

  window.latentscape = {
    /** Puts a value in the address; null, undefined and "" take it out. */
    remember(key, value) {
      if (value === null || value === undefined || value === "") shown.delete(key);
      else shown.set(key, value);
      history.replaceState(history.state, "", address());
    },

    /** Takes these out of the address. */
    forget(keys) {
      for (const key of keys) shown.delete(key);
      history.replaceState(history.state, "", address());
    },

    /** Puts the open tab in the address, as a page of its own: the browser's Back goes to the tab before. */
    visit(tab) {
      shown.set("tab", tab);
      if (openTab() !== tab) history.pushState(null, "", address());
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

  // The tab is the page that was gone back to; all else is as it is now.
  window.addEventListener("popstate", () => {
    const tab = openTab();
    shown.set("tab", tab);
    history.replaceState(history.state, "", address());
    document.querySelector(`#tabs > .tab-wrapper [role=tab][data-tab-id="${CSS.escape(tab)}"]`)?.click();
  });
}
