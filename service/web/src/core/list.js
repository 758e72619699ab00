// A list that is read page by page, by keyset: the one machine behind the bell, the incidents, a timeline, the activity.
import { Store } from './store.js';
import { oneAtATime } from './turns.js';

/**
 * What is asked for: at most `limit` rows, from a cursor on. `signal` aborts when nobody wants the answer any more.
 * @template Cursor
 * @typedef {{ limit: number, before?: Cursor, after?: Cursor, signal: AbortSignal }} Request
 */
/**
 * `next` is the cursor of the next page, null at the end.
 * @template Row, Cursor
 * @typedef {{ items: Row[], next: Cursor | null }} Page
 */
/**
 * loaded: the first page was read. problem: what the last read threw, null if nothing.
 * @template Row, Cursor
 * @typedef {{ items: Row[], loaded: boolean, next: Cursor | null, loadingMore: boolean, problem: any }} ListState
 */

/**
 * @template {{ id: string }} Row
 * @template Cursor
 * @template {ListState<Row, Cursor>} [State=ListState<Row, Cursor>]
 * @extends {Store<State>}
 */
export class List extends Store {
  /** @type {Cursor | undefined} where the last page of a list that grows at its end began */
  #lastPage;
  #aim = new AbortController();
  #outdated = false; // what is shown answers the question before
  #ended = false;

  /**
   * `ask` answers a page, or throws. `page` is how many rows are asked for, `most` how many one request may ask for.
   * `merge` takes rows in among the items, in order.
   * @param {object} options
   * @param {(request: Request<Cursor>) => Promise<Page<Row, Cursor>>} options.ask
   * @param {number} options.page
   * @param {number} [options.most]
   * @param {(items: Row[], rows: Row[]) => Row[]} options.merge
   * @param {Partial<State>} [more] what else the state holds at first
   */
  constructor({ ask, page, most = page, merge }, more = {}) {
    super(/** @type {any} */ ({ items: [], loaded: false, next: null, loadingMore: false, problem: null, ...more }));
    this.ask = ask;
    this.page = page;
    this.most = most;
    this.merge = merge;
    /** Reads what may have changed. What a read throws becomes `problem`. */
    this.refresh = oneAtATime(() => this.#attempt());
  }

  /** @param {Partial<State>} changes */
  set(changes) {
    if (!this.#ended) super.set(changes);
  }

  /** Nothing that is still under way changes anything any more. */
  end() {
    this.#ended = true;
    this.#aim.abort();
  }

  get ended() {
    return this.#ended;
  }

  /** From now on `ask` answers another question: what is shown stays until the first answer to it. */
  change() {
    this.#aim.abort();
    this.#aim = new AbortController();
    this.#outdated = true;
    this.set(/** @type {Partial<State>} */ ({ next: null }));
    return this.refresh();
  }

  /** What a refresh reads; a list that grows otherwise says so here. */
  async sync() {
    await this.again();
  }

  async #attempt() {
    if (this.#ended) return;
    const { signal } = this.#aim;
    try {
      await this.sync();
      if (!signal.aborted) this.set(/** @type {Partial<State>} */ ({ problem: null }));
    } catch (problem) {
      if (!signal.aborted) this.set(/** @type {Partial<State>} */ ({ problem }));
    }
  }

  /**
   * A page; throws what `ask` throws, also where nobody wants the answer any more.
   * @param {Omit<Request<Cursor>, 'signal'>} request
   */
  async #read(request) {
    const { signal } = this.#aim;
    const page = await this.ask({ ...request, signal });
    signal.throwIfAborted();
    return page;
  }

  /** @param {Partial<ListState<Row, Cursor>>} changes */
  #show(changes) {
    this.set(/** @type {Partial<State>} */ ({ loaded: true, ...changes }));
  }

  /** As many rows as are shown, as far as one request goes. */
  readShown() {
    const shown = this.#outdated ? 0 : this.state.items.length;
    return this.#read({ limit: Math.min(this.most, Math.max(this.page, shown)) });
  }

  /** Reads what is shown once more: the answer takes the place of what it covers. */
  async again() {
    const { items, next } = await this.readShown();
    const known = new Set(items.map(({ id }) => id));
    const rest = this.#outdated ? [] : this.state.items.slice(items.length).filter(({ id }) => !known.has(id));
    this.#outdated = false;
    if (next !== null && rest.length) this.#show({ items: [...items, ...rest] });
    else this.#show({ items, next });
  }

  /** Reads the first page; what was there already stays. */
  async first() {
    const { items, next } = await this.#read({ limit: this.page });
    if (this.state.loaded) this.take(items); // a gap too wide
    this.#show({ items: this.merge(this.state.items, items), next });
  }

  /**
   * Reads on to the end of a list whose pages go from old to new. The last page is read again each time: rows are
   * written side by side, so that one may become visible after a later one did.
   */
  async onward() {
    const rows = [];
    for (;;) {
      const page = await this.#read({ limit: this.page, after: this.#lastPage });
      rows.push(...page.items);
      if (page.next === null) break;
      this.#lastPage = page.next;
    }
    this.#show({ items: this.merge(this.state.items, rows) });
  }

  /** The next older page. */
  async more() {
    const { next, loadingMore } = this.state;
    if (next === null || loadingMore) return;
    const { signal } = this.#aim;
    this.#show({ loadingMore: true });
    try {
      const page = await this.#read({ limit: this.page, before: next });
      this.#show({ items: this.merge(this.state.items, page.items), next: page.next, problem: null });
    } catch (problem) {
      if (!signal.aborted) this.#show({ problem });
    } finally {
      this.#show({ loadingMore: false });
    }
  }

  /**
   * Takes in rows that came in another way.
   * @param {Row[]} rows
   */
  take(rows) {
    if (rows.length) this.set(/** @type {Partial<State>} */ ({ items: this.merge(this.state.items, rows) }));
  }
}
