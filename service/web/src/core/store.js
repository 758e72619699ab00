// A value that components can watch.
import { useEffect, useState } from './html.js';

/** @template State */
export class Store {
  /** @type {Set<(state: State) => void>} */
  #watchers = new Set();

  /** @param {State} state */
  constructor(state) {
    this.state = state;
  }

  /**
   * Changes some fields and tells everybody who watches.
   * @param {Partial<State>} changes
   */
  set(changes) {
    this.state = { ...this.state, ...changes };
    for (const watcher of [...this.#watchers]) watcher(this.state);
  }

  /**
   * Calls back after every change, until the returned function is called.
   * @param {(state: State) => void} watcher
   * @returns {() => void}
   */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => {
      this.#watchers.delete(watcher);
    };
  }
}

/**
 * The store's state, kept up to date.
 * @template State
 * @param {Store<State>} store
 */
export function useStore(store) {
  const [, redraw] = useState({});
  useEffect(() => {
    redraw({});
    return store.watch(() => redraw({}));
  }, [store]);
  return store.state;
}
