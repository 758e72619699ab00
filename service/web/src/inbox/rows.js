// Notifications as a list: kept by id, the loudest last change first, whatever comes twice, late or out of order. No side effects.
import { together } from '../core/rows.js';

/** @typedef {import('../types.d.ts').Notification} Notification */

const LATE = 120; // seconds from a happening to its arrival that are worth a word

/**
 * The order of lists.
 * @param {{ loud_seq: number }} one
 * @param {{ loud_seq: number }} other
 */
export const loudestFirst = (one, other) => other.loud_seq - one.loud_seq;

/**
 * The list with the rows taken in. Of a row that is known already the later one holds, and what this person did with it
 * as long as nothing has rung since: a broadcast (it says whether it is `loud`) is nobody's and knows nothing of that.
 * What is done or snoozed is not in the list.
 * @param {Notification[]} items
 * @param {Notification[]} rows
 * @returns {Notification[]}
 */
export function merge(items, rows) {
  return together(items, rows, loudestFirst, (row, known) => {
    const newest = known && known.seq > row.seq ? known : row;
    const told = 'loud' in row ? known : row;
    const { unread, done, snoozed_until } = told?.loud_seq === newest.loud_seq ? told : mine(newest, known);
    return { ...newest, cursor: newest.cursor ?? known?.cursor, unread, done, snoozed_until };
  }).filter((row) => !row.done && !row.snoozed_until);
}

/** What is so where nobody has said otherwise. */
function mine(row, known) {
  if (known?.loud_seq === row.loud_seq) return known;
  return { unread: !row.is_quiet, done: false, snoozed_until: null };
}

/**
 * The rows with what this person did, here or in another tab, as the receipts say; the same list if they change nothing.
 * @param {Notification[]} items
 * @param {{ id: string, seq: number, unread: boolean, done: boolean, snoozed_until: string | null }[]} receipts
 */
export function withReceipts(items, receipts) {
  const byId = new Map(receipts.map((receipt) => [receipt.id, receipt]));
  const changed = items.map((item) => {
    const receipt = byId.get(item.id);
    if (!receipt || receipt.seq !== item.loud_seq) return item;
    const { unread, done, snoozed_until } = receipt;
    return unread === item.unread && !done && !snoozed_until ? item : { ...item, unread, done, snoozed_until };
  });
  return changed.every((item, place) => item === items[place]) ? items : changed.filter((item) => !item.done && !item.snoozed_until);
}

/** What an action makes of what this person did with a row. */
export function afterAction({ unread, done, snoozed_until: until }, action, when) {
  switch (action) {
    case 'read':
      return { unread: false, done, snoozed_until: until };
    case 'unread':
      return { unread: true, done: false, snoozed_until: null };
    case 'done':
      return { unread: false, done: true, snoozed_until: null };
    case 'snooze':
      return { unread: false, done: false, snoozed_until: when };
    default:
      return { unread, done: false, snoozed_until: null };
  }
}

/**
 * Where rows stand at this moment: what comes or moves up later waits until somebody asks for it, so that nothing moves
 * under a finger.
 * @param {{ id: string, loud_seq: number }[]} items
 */
export function placesOf(items) {
  return { newest: Math.max(0, ...items.map((item) => item.loud_seq)), by: new Map(items.map((item) => [item.id, item.loud_seq])) };
}

/**
 * The rows in their places, as they are now, and how many wait: those that have rung since.
 * @template {{ id: string, loud_seq: number }} Row
 * @param {Row[]} items
 * @param {ReturnType<typeof placesOf>} places
 * @returns {{ rows: Row[], waiting: number }}
 */
export function inPlaces(items, places) {
  const placeOf = (/** @type {Row} */ item) => places.by.get(item.id) ?? item.loud_seq;
  return {
    rows: items.filter((item) => placeOf(item) <= places.newest).sort((one, other) => placeOf(other) - placeOf(one)),
    waiting: items.filter((item) => item.loud_seq > places.newest).length,
  };
}

/** Whether it arrived so long after it happened that the two times must not be taken for one. */
export function isLate({ occurred_at: occurred, loud_at: arrived }) {
  return Date.parse(arrived) - Date.parse(occurred ?? arrived) > LATE * 1000;
}

/** Where a notification leads: to its form, which knows whether there is an incident already. */
export function addressOf(notification) {
  return `/incidents/new?notification=${encodeURIComponent(notification.id)}`;
}
