// Notifications as a list: kept by id, newest first, whatever comes twice, late or out of order. No side effects.
import { newestFirst, together } from '../core/rows.js';

/** @typedef {import('../types.d.ts').Notification} Notification */

/**
 * The list with the rows taken in. A row that is known already is replaced, but what has been read stays read and what
 * has an incident keeps it: a row that was sent before that must not undo it. `readAt` holds receipts that came before
 * their notifications, by id.
 * @param {Notification[]} items
 * @param {Notification[]} rows
 * @param {Map<string, string>} readAt
 * @returns {Notification[]}
 */
export function merge(items, rows, readAt = new Map()) {
  return together(items, rows, newestFirst, (row, known) => ({
    ...known,
    ...row,
    read_at: row.read_at ?? known?.read_at ?? readAt.get(row.id) ?? null,
    incident_id: row.incident_id ?? known?.incident_id ?? null,
  }));
}

/**
 * One group for each PagerDuty incident, where its newest notification stands; those without one stand alone.
 * A group is {id, latest, older, unread}, `unread` being the ids that are not read.
 */
export function group(items) {
  const groups = new Map();
  for (const item of items) {
    const id = item.pagerduty_incident_id ? `incident ${item.pagerduty_incident_id}` : item.id;
    const found = groups.get(id);
    if (found) found.older.push(item);
    else groups.set(id, { id, latest: item, older: [], unread: [] });
    if (!item.read_at) groups.get(id).unread.push(item.id);
  }
  return [...groups.values()];
}

/** The rows with the ids marked as read; the same list if none of them is in it unread. */
export function markRead(items, ids, at) {
  const wanted = new Set(ids);
  let changed = false;
  const marked = items.map((item) => {
    if (item.read_at || !wanted.has(item.id)) return item;
    changed = true;
    return { ...item, read_at: at };
  });
  return changed ? marked : items;
}

/** Where a notification leads: to its form, which knows whether there is an incident already. */
export function addressOf(notification) {
  return `/incidents/new?notification=${encodeURIComponent(notification.id)}`;
}
