// The newest request wins, in the two forms that it takes.

/**
 * For work that others may overtake: `const isNewest = begin()`, and after each `await`, stop unless `isNewest()`.
 * `drop()` overtakes it without beginning anything.
 */
export function newest() {
  let count = 0;
  return {
    begin() {
      const mine = ++count;
      return () => mine === count;
    },
    drop() {
      count++;
    },
  };
}

/**
 * For what follows a pointer: a function that runs `task` once at a time. Of the calls that come meanwhile, only the
 * last is run, afterwards. Its promise resolves when nothing is left to run.
 */
export function oneAtATime(task) {
  let waiting = null;
  let running = null;

  async function drain() {
    try {
      while (waiting) {
        const values = waiting;
        waiting = null;
        await task(...values);
      }
    } finally {
      running = null;
    }
  }

  return (...values) => {
    waiting = values;
    running ??= drain();
    return running;
  };
}
