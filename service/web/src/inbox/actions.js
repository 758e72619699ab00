// What one does with notifications, from wherever they are shown: each says what it did, and can be undone.
import { api } from '../core/api.js';
import { navigate } from '../core/router.js';
import { count, shorten } from '../core/text.js';
import { toast } from '../ui/toast.js';
import { current } from './current.js';
import { morning } from './words.js';

/** @typedef {import('../types.d.ts').Notification} Notification */

const HOUR = 3600_000;

/** How long one may put something off: [name, until when]. */
export const SNOOZES = /** @type {[string, () => number][]} */ ([
  ['1 hour', () => Date.now() + HOUR],
  ['4 hours', () => Date.now() + 4 * HOUR],
  ['Tomorrow at 9', () => morning(Date.now())],
]);

/**
 * @param {Notification[]} items
 * @param {string} action
 * @param {string} [until]
 */
async function mark(items, action, until) {
  try {
    await current.state.notifications?.mark(items, action, until);
    return true;
  } catch (problem) {
    toast(`That could not be saved: ${problem.message}`, 'bad');
    return false;
  }
}

const named = (items) => (items.length === 1 ? `"${shorten(items[0].title, 60)}"` : count(items.length, 'alert'));

/** Back to what they were: in the inbox, and unread if they were. */
async function putBack(items) {
  const was = items.filter((item) => !item.done && !item.snoozed_until);
  if (!(await mark(was, 'undo'))) return;
  const unread = was.filter((item) => item.unread);
  if (unread.length) await mark(unread, 'unread');
}

/** @param {Notification[]} items */
export async function done(items) {
  if (await mark(items, 'done')) toast(`Done: ${named(items)}`, 'good', { name: 'Undo', run: () => putBack(items) });
}

/** @param {Notification[]} items */
export async function snooze(items, [name, until] = SNOOZES[0]) {
  const when = new Date(until()).toISOString();
  if (await mark(items, 'snooze', when)) {
    toast(`Snoozed (${name.toLowerCase()}): ${named(items)}`, 'good', { name: 'Undo', run: () => putBack(items) });
  }
}

/** From "done" or "snoozed" into the inbox. */
export async function backToInbox(items) {
  if (await mark(items, 'undo')) toast(`Back in the inbox: ${named(items)}`);
}

/** @param {Notification[]} items */
export const read = (items) => mark(items, 'read');
/** @param {Notification[]} items */
export const unread = (items) => mark(items, 'unread');

export async function readAll() {
  const { notifications } = current.state;
  const were = (notifications?.state.items ?? []).filter((item) => item.unread);
  try {
    await notifications?.readAll();
    toast('All are read.', 'good', { name: 'Undo', run: () => unread(were) });
  } catch (problem) {
    toast(`They could not be marked as read: ${problem.message}`, 'bad');
  }
}

/** Makes an incident of it as it is prefilled, and says where it is. */
export async function createIncident(item) {
  try {
    const made = await api('/api/incidents', { method: 'POST', body: { notification_id: item.id } });
    toast(`Incident created: "${shorten(made.title, 60)}"`, 'good', { name: 'Open it', run: () => navigate(`/incidents/${made.id}`) });
    current.state.notifications?.incident(made);
    if (item.unread) await read([item]);
  } catch (problem) {
    const there = problem.body?.incident_id;
    toast(problem.message, 'bad', there ? { name: 'Open it', run: () => navigate(`/incidents/${there}`) } : null);
  }
}
