// The bell's notifications for one person in one organization: read through the API, hurried along by broadcasts.
import { api, readPage } from '../core/api.js';
import { List } from '../core/list.js';
import { newestFirst } from '../core/rows.js';
import { supabase } from '../core/supabase.js';
import { markRead, merge } from './rows.js';

const PAGE = 20;
const MOST = 100; // what one request may ask for
const REMEMBERED_RECEIPTS = 1000;
const BETWEEN_COUNTS = 500; // milliseconds

/** @typedef {import('../types.d.ts').Notification} Notification */
/** @typedef {import('../core/list.js').ListState<Notification, string> & { unread: number | null, capped: boolean }} NotificationsState */

/**
 * Its state also holds `unread`: how many are, null until known; `capped`: that or more.
 * @extends {List<Notification, string, NotificationsState>}
 */
export class Notifications extends List {
  #again = false;
  #receipts = new Map();
  /** @type {any} */
  #counting = null;
  #arrived;

  /** `arrived` is called with the rows that came since the first load, newest first. */
  constructor(organizationId, userId, arrived) {
    super(
      {
        ask: (request) => readPage('/api/notifications', request),
        page: PAGE,
        most: MOST,
        merge: (items, rows) => merge(items, rows, this.#receipts),
      },
      { unread: null, capped: false },
    );
    this.organizationId = organizationId;
    this.userId = userId;
    this.#arrived = arrived;
  }

  end() {
    super.end();
    clearTimeout(this.#counting);
  }

  /** Reads what is newer than the last read; with `again`, also looks whether what is shown has changed. */
  catchUp({ again = false } = {}) {
    this.#again ||= again;
    return this.refresh();
  }

  async sync() {
    const { loaded } = this.state;
    const again = this.#again && loaded;
    this.#again = false;
    try {
      if (again) await this.again();
      else await this.newer();
      if (loaded && !again) await this.#count();
      else if (!loaded) await this.#countShown(this.state.next);
    } catch (problem) {
      this.#again ||= again;
      throw problem;
    }
  }

  /**
   * What is shown once more, and with it what is newer: receipts and incidents whose broadcasts may have been lost.
   * None that is known goes. Nothing is counted where nothing has changed: every 30 seconds it is in any case.
   */
  async again() {
    const { items, next } = await this.readShown();
    const [newest] = this.state.items;
    const before = JSON.stringify(this.state.items);
    this.take(items.filter((row) => !newest || newestFirst(row, newest) < 0)); // came in between
    this.set({ items: this.merge(this.state.items, items) });
    if (next !== null && !items.some(({ cursor }) => cursor === this.newestRead)) await this.newer(); // more than a page came
    if (JSON.stringify(this.state.items) !== before || this.state.unread === null) await this.#countShown(next);
  }

  /** Takes in rows, tells of those that were not there before, and answers how many of these are unread. */
  take(rows) {
    const known = new Set(this.state.items.map(({ id }) => id));
    super.take(rows);
    const unread = rows.filter((row) => !known.has(row.id) && !row.read_at && !this.#receipts.has(row.id));
    if (unread.length && !this.ended) this.#arrived(unread);
    return unread.length;
  }

  /** A broadcast notification. */
  receive(row) {
    if (row.organization_id !== this.organizationId || !row.id || !row.created_at) return;
    if (!this.state.loaded) {
      // Before the first page: it will be in it, or newer; either way nobody has to be told twice.
      super.take([row]);
      return;
    }
    const more = this.take([row]);
    if (more && this.state.unread !== null && !this.state.capped) this.set({ unread: this.state.unread + more });
    this.#countSoon();
  }

  /** A broadcast receipt: this person read something, here or in another tab. */
  receipt({ notification_ids: ids, read_at: at }) {
    if (!ids) {
      this.catchUp({ again: true });
      return;
    }
    this.#remember(ids, at);
    this.set({ items: markRead(this.state.items, ids, at) });
    this.#countSoon();
  }

  /** A broadcast incident: its notifications now lead to it. */
  incident({ id, organization_id: organizationId, pagerduty_incident_id: pagerdutyId }) {
    if (organizationId !== this.organizationId || !pagerdutyId) return;
    if (!this.state.items.some((item) => item.pagerduty_incident_id === pagerdutyId && !item.incident_id)) return;
    this.set({
      items: this.state.items.map((item) => (item.pagerduty_incident_id === pagerdutyId ? { ...item, incident_id: id } : item)),
    });
  }

  /** Marks these as read, at once here and then for good. Throws Problem. */
  async read(ids) {
    await this.#markAndSave(this.#unreadOf(ids), () => this.#saveReceipts(ids));
  }

  /** Marks all as read up to the newest that is shown: nobody has seen what comes while this is under way. */
  async readAll() {
    const until = this.state.items[0]?.created_at;
    if (!until) return;
    const save = () => api('/api/notifications/read-all', { method: 'POST', body: { until } });
    await this.#markAndSave(this.#unreadOf(this.state.items.map(({ id }) => id)), save, { unread: 0, capped: false });
  }

  #unreadOf(ids) {
    const wanted = new Set(ids);
    return this.state.items.filter((item) => !item.read_at && wanted.has(item.id)).map(({ id }) => id);
  }

  async #markAndSave(ids, save, counts) {
    const at = new Date().toISOString();
    const { unread, capped } = this.state;
    this.#remember(ids, at);
    this.set({
      items: markRead(this.state.items, ids, at),
      ...(counts ?? (unread !== null && !capped && { unread: Math.max(0, unread - ids.length) })),
    });
    try {
      await save();
    } catch (problem) {
      const undone = new Set(ids);
      for (const id of ids) this.#receipts.delete(id);
      this.set({ items: this.state.items.map((item) => (undone.has(item.id) ? { ...item, read_at: null } : item)) });
      this.catchUp({ again: true });
      throw problem;
    }
    this.#countSoon();
  }

  async #saveReceipts(ids) {
    if (ids.length === 1) {
      await api(`/api/notifications/${ids[0]}/read`, { method: 'POST', body: {}, keepalive: true });
      return;
    }
    const rows = ids.map((id) => ({ notification_id: id }));
    const { error } = await supabase.from('receipts').upsert(rows, { onConflict: 'notification_id,user_id', ignoreDuplicates: true });
    if (error) throw error;
  }

  #remember(ids, at) {
    for (const id of ids) this.#receipts.set(id, at);
    for (const id of this.#receipts.keys()) {
      if (this.#receipts.size <= REMEMBERED_RECEIPTS) break;
      this.#receipts.delete(id);
    }
  }

  /** `next` is that of the page that was just read: where there is no other, all that are unread are shown. */
  async #countShown(next) {
    if (next === null) this.set({ unread: this.state.items.filter((item) => !item.read_at).length, capped: false });
    else await this.#count();
  }

  async #count() {
    const { count, capped } = await api('/api/notifications/unread-count');
    const shown = this.state.items.filter((item) => !item.read_at).length;
    this.set({ unread: count, capped });
    // Everything is loaded, and yet the numbers differ: a receipt was lost on the way.
    if (this.state.next === null && !capped && shown > count) await this.again();
  }

  #countSoon() {
    this.#counting ??= setTimeout(() => {
      this.#counting = null;
      if (!this.ended) this.#count().catch(() => {});
    }, BETWEEN_COUNTS);
  }
}
