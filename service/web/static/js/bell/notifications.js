// The bell's notifications for one person in one organization: read through the API, hurried along by broadcasts.
import { api } from '../api.js';
import { newestFirst } from '../order.js';
import { Store } from '../store.js';
import { supabase } from '../supabase.js';
import { markRead, merge } from './list.js';

const PAGE = 20;
const GAP_PAGE = 100;
const MOST_GAP_PAGES = 10; // beyond, what is shown starts anew
const REMEMBERED_RECEIPTS = 1000;
const BETWEEN_COUNTS = 500; // milliseconds

/**
 * status: loading, ready, failed (`problem`). next: cursor of the next older page, null at the end.
 * unread: how many are unread, capped: that or more; null until known.
 */
const EMPTY = { status: 'loading', items: [], next: null, unread: null, capped: false, loadingMore: false, problem: null };

export class Notifications extends Store {
  #newest = null; // cursor of the newest row that was *read*: a broadcast never moves it, since the one before may be lost
  #loaded = false; // once the first page was read, whatever is new is news
  #receipts = new Map();
  #running = null;
  #again = false;
  #queued = false;
  #counting = null;
  #arrived;
  #ended = false;

  /** `arrived` is called with the rows that came since the first load, newest first. */
  constructor(organizationId, userId, arrived) {
    super(EMPTY);
    this.organizationId = organizationId;
    this.userId = userId;
    this.#arrived = arrived;
  }

  /** Nothing that is still under way changes anything any more. */
  end() {
    this.#ended = true;
    clearTimeout(this.#counting);
  }

  set(changes) {
    if (!this.#ended) super.set(changes);
  }

  /** Reads what is newer than the last read; with `again`, also looks whether what is shown has changed. */
  async catchUp({ again = false } = {}) {
    this.#again ||= again;
    if (this.#running) {
      this.#queued = true;
      return this.#running;
    }
    this.#running = this.#read().finally(() => {
      this.#running = null;
      if (!this.#queued || this.#ended) return;
      this.#queued = false;
      this.catchUp();
    });
    return this.#running;
  }

  async #read() {
    const again = this.#again;
    this.#again = false;
    try {
      if (this.#newest === null) await this.#load();
      else {
        await this.#readNewer();
        if (again) await this.#readShown();
      }
      await this.#count();
      this.set({ status: 'ready', problem: null });
    } catch (problem) {
      this.#again ||= again;
      this.set(this.#loaded ? { problem } : { status: 'failed', problem });
    }
  }

  async #load() {
    const page = await api(`/api/notifications?limit=${PAGE}`);
    this.#newest = page.newest;
    if (this.#loaded) this.#take(page.items); // there was none yet, or a gap too wide
    this.#loaded = true;
    this.set({ items: merge(this.state.items, page.items, this.#receipts), next: page.next, status: 'ready' });
  }

  async #readNewer() {
    const after = `after=${encodeURIComponent(this.#newest)}`;
    const rows = [];
    let newest = null;
    let before = '';
    for (let pages = 0; pages < MOST_GAP_PAGES; pages++) {
      const page = await api(`/api/notifications?limit=${GAP_PAGE}&${after}${before}`);
      newest ??= page.newest;
      rows.push(...page.items);
      if (!page.next) {
        this.#newest = newest ?? this.#newest;
        this.#take(rows);
        return;
      }
      before = `&before=${encodeURIComponent(page.next)}`;
    }
    this.set({ items: [], next: null });
    await this.#load();
  }

  /** The newest rows once more: receipts and incidents whose broadcasts may have been lost. */
  async #readShown() {
    const limit = Math.min(GAP_PAGE, Math.max(PAGE, this.state.items.length));
    const page = await api(`/api/notifications?limit=${limit}`);
    const [newest] = this.state.items;
    this.#take(page.items.filter((row) => !newest || newestFirst(row, newest) < 0)); // came in between
    this.set({ items: merge(this.state.items, page.items, this.#receipts) });
  }

  /** Takes in rows, and tells of those that were not there before. */
  #take(rows) {
    const known = new Set(this.state.items.map(({ id }) => id));
    const fresh = rows.filter(({ id }) => !known.has(id));
    if (rows.length) this.set({ items: merge(this.state.items, rows, this.#receipts) });
    const unread = fresh.filter((row) => !row.read_at && !this.#receipts.has(row.id));
    if (unread.length && !this.#ended) this.#arrived(unread);
    return unread.length;
  }

  /** A broadcast notification. */
  receive(row) {
    if (row.organization_id !== this.organizationId || !row.id || !row.created_at) return;
    if (!this.#loaded) {
      // Before the first page: it will be in it, or newer; either way nobody has to be told twice.
      this.set({ items: merge(this.state.items, [row], this.#receipts) });
      return;
    }
    const more = this.#take([row]);
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

  /** The next older page. */
  async more() {
    if (!this.state.next || this.state.loadingMore) return;
    this.set({ loadingMore: true });
    try {
      const page = await api(`/api/notifications?limit=${PAGE}&before=${encodeURIComponent(this.state.next)}`);
      this.set({ items: merge(this.state.items, page.items, this.#receipts), next: page.next, problem: null });
    } catch (problem) {
      this.set({ problem });
    } finally {
      this.set({ loadingMore: false });
    }
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
    const { error } = await supabase
      .from('receipts')
      .upsert(rows, { onConflict: 'notification_id,user_id', ignoreDuplicates: true });
    if (error) throw error;
  }

  #remember(ids, at) {
    for (const id of ids) this.#receipts.set(id, at);
    for (const id of this.#receipts.keys()) {
      if (this.#receipts.size <= REMEMBERED_RECEIPTS) break;
      this.#receipts.delete(id);
    }
  }

  async #count() {
    const { count, capped } = await api('/api/notifications/unread-count');
    const shown = this.state.items.filter((item) => !item.read_at).length;
    this.set({ unread: count, capped });
    // Everything is loaded, and yet the numbers differ: a receipt was lost on the way.
    if (this.state.next === null && !capped && shown > count) await this.#readShown();
  }

  #countSoon() {
    this.#counting ??= setTimeout(() => {
      this.#counting = null;
      if (!this.#ended) this.#count().catch(() => {});
    }, BETWEEN_COUNTS);
  }
}
