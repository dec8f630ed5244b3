const LONGEST_MS = 3_000; // that a busy page may put it off

/** Resolves when the page has nothing else to do, or after some seconds. */
export const idle = () =>
  new Promise((resolve) => {
    if (window.requestIdleCallback) requestIdleCallback(resolve, { timeout: LONGEST_MS });
    else setTimeout(resolve, LONGEST_MS); // Safari
  });
