// The newest request wins, in the two forms that it takes.

/**
 * For work that others may overtake: `const isNewest = begin()`, and after each `await`, stop unless `isNewest()`; what it
 * fetches with `isNewest.signal` is given up then. `drop()` overtakes it without starting anything.
 */
export function newest() {
  let current = null; // the AbortController of the newest
  function overtake(next) {
    current?.abort();
    current = next;
  }
  return {
    begin() {
      const mine = new AbortController();
      overtake(mine);
      return Object.assign(() => mine === current, { signal: mine.signal });
    },
    drop() {
      overtake(null);
    },
  };
}

/**
 * For what follows a pointer: a function that runs an async `task` once at a time. Of the calls that come meanwhile,
 * only the last is run, afterwards. Its promise settles when nothing is left to run; it rejects with the first error.
 */
export function oneAtATime(task) {
  let waiting = null;
  let running = null;

  async function drain() {
    const errors = [];
    while (waiting) {
      const values = waiting;
      waiting = null;
      await task(...values).catch((error) => errors.push(error));
    }
    running = null;
    if (errors.length) throw errors[0];
  }

  return (...values) => {
    waiting = values;
    running ??= drain();
    return running;
  };
}
