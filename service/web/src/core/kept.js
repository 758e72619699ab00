// The list that one left for one of its rows: as long as one may come back, it is as it was.
import { session } from './session.js';

/** @type {{ key: string, list: any } | null} */
let kept = null;

const keyOf = (key) => `${session.state.user?.id} ${key}`;

/** The list that was kept under that key, which is the caller's from now on; null if there is none. */
export function takeKept(key) {
  if (kept?.key !== keyOf(key)) return null;
  const { list } = kept;
  kept = null;
  return list;
}

/** Keeps a list, in the place of the one before. */
export function keep(key, list) {
  kept?.list.end();
  kept = { key: keyOf(key), list };
}
