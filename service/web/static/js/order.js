// The order of rows, as the API gives them.

/** Sorts ISO 8601 times to the microsecond, which Date alone cannot. */
function momentOf(time) {
  const fraction = /\.(\d+)/.exec(time)?.[1] ?? '';
  return `${String(Date.parse(time)).padStart(16, '0')}${fraction.padEnd(6, '0').slice(3, 6)}`;
}

/** Orders rows as the API does: by created_at, then id, the newest first. */
export function newestFirst(one, other) {
  const [a, b] = [momentOf(one.created_at), momentOf(other.created_at)];
  if (a !== b) return a < b ? 1 : -1;
  return one.id < other.id ? 1 : one.id > other.id ? -1 : 0;
}
