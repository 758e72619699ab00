// A value that components can watch.
import { useEffect, useState } from './html.js';

export class Store {
  #watchers = new Set();

  constructor(state) {
    this.state = state;
  }

  /** Changes some fields and tells everybody who watches. */
  set(changes) {
    this.state = { ...this.state, ...changes };
    for (const watcher of [...this.#watchers]) watcher(this.state);
  }

  /** Calls back after every change, until the returned function is called. */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** The store's state, kept up to date. */
export function useStore(store) {
  const [, redraw] = useState({});
  useEffect(() => {
    redraw({});
    return store.watch(() => redraw({}));
  }, [store]);
  return store.state;
}
