/** The entries used last, so many of them: the one used longest ago makes room for a new one, and `drop` is told. */
export class Cache {
  #entries = new Map(); // the oldest first
  #limit;
  #drop;

  constructor(limit, drop = () => {}) {
    this.#limit = limit;
    this.#drop = drop;
  }

  has(key) {
    return this.#entries.has(key);
  }

  get(key) {
    const entry = this.#entries.get(key);
    if (this.#entries.delete(key)) this.#entries.set(key, entry); // now the youngest
    return entry;
  }

  set(key, entry) {
    this.#entries.set(key, entry);
    if (this.#entries.size <= this.#limit) return;
    const [[oldest, dropped]] = this.#entries;
    this.#entries.delete(oldest);
    this.#drop(dropped);
  }

  clear() {
    for (const entry of this.#entries.values()) this.#drop(entry);
    this.#entries.clear();
  }
}
