// What a query finds, page by page. Left for one of its rows, a list waits as it was until one comes back to it, or leaves
// another.
import { readPage } from './api.js';
import { useEffect, useState } from './html.js';
import { List } from './list.js';
import { together } from './rows.js';
import { session } from './session.js';

/** @typedef {{ address: string, page: number, most: number, order: (one: any, other: any) => number }} Kind */

/** @extends {List<any, string>} */
class Found extends List {
  /** @param {Kind} kind */
  constructor({ address, page, most, order }) {
    super({
      ask: (request) => readPage(address, request, this.query ?? ''),
      page,
      most,
      merge: (items, rows) => together(items, rows, order),
    });
    /** @type {string | null} */
    this.query = null;
  }

  /**
   * Reads what a query finds; what is shown stays until that is there. Null: nothing is looked for.
   * @param {string | null} query
   */
  find(query) {
    const isKnown = query === this.query && this.state.loaded;
    this.query = query;
    if (query === null) return;
    if (isKnown) this.refresh();
    else this.change();
  }
}

/** @type {{ key: string, list: Found } | null} */
let left = null;

/**
 * The list of a query in an organization: as it was left, if one comes back to it.
 * @param {Kind} kind what is looked for, and where
 * @param {string} organizationId
 * @param {string | null} query null: nothing is looked for
 */
export function useFound(kind, organizationId, query) {
  const keyOf = (asked) => `${session.state.user?.id} ${organizationId} ${kind.address} ${asked}`;
  const [list] = useState(() => take(keyOf(query)) ?? new Found(kind));
  useEffect(() => list.find(query), [query]);
  useEffect(
    () => () => {
      if (list.query === null) list.end();
      else leave(keyOf(list.query), list);
    },
    [],
  );
  return list;
}

function take(key) {
  if (!left || left.key !== key) return null;
  const { list } = left;
  left = null;
  return list;
}

function leave(key, list) {
  left?.list.end();
  left = { key, list };
}
