// Rows as the API gives them: their order, and what becomes of one that comes twice, late or out of order. No side effects.

/**
 * An ISO 8601 time as text that sorts to the microsecond, which Date alone cannot.
 * @param {string} time
 */
function momentOf(time) {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? '';
  return `${String(Date.parse(time)).padStart(16, '0')}${fraction.padEnd(6, '0').slice(3, 6)}`;
}

/**
 * Orders rows as the API does: by that time, then by id, the newest first.
 * @template {string} Field
 * @param {Field} field
 * @returns {(one: { id: string } & Record<Field, string>, other: { id: string } & Record<Field, string>) => number}
 */
export function newestBy(field) {
  return (one, other) => {
    const [a, b] = [momentOf(one[field]), momentOf(other[field])];
    if (a !== b) return a < b ? 1 : -1;
    return one.id < other.id ? 1 : one.id > other.id ? -1 : 0;
  };
}

export const newestFirst = newestBy('created_at');

/** @type {typeof newestFirst} */
export const oldestFirst = (one, other) => newestFirst(other, one);

/**
 * The items with the rows taken in, by id and in order. `combine` makes one of a row and the item that is known already.
 * @template {{ id: string }} Row
 * @param {Row[]} items
 * @param {Row[]} rows
 * @param {(one: Row, other: Row) => number} order
 * @param {(row: Row, known: Row | undefined) => Row} combine
 * @returns {Row[]}
 */
export function together(items, rows, order, combine = (row, known) => ({ ...known, ...row })) {
  const byId = new Map(items.map((item) => [item.id, item]));
  for (const row of rows) byId.set(row.id, combine(row, byId.get(row.id)));
  return [...byId.values()].sort(order);
}

/**
 * Of what is known and a row of the same thing, the newer one: answers and broadcasts may overtake each other.
 * @template {{ updated_at: string }} Row
 * @param {Row | null} known
 * @param {Row} row
 * @returns {Row}
 */
export function newer(known, row) {
  if (known && momentOf(row.updated_at) < momentOf(known.updated_at)) return known;
  return { ...known, ...row };
}
