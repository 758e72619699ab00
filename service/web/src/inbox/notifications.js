// The bell's notifications for one person in one organization: read through the API, hurried along by broadcasts.
import { api, readPage } from '../core/api.js';
import { List } from '../core/list.js';
import { afterAction, merge, withReceipts } from './rows.js';

const PAGE = 20;
const MOST = 100; // what one request may ask for
const MOST_CHANGES = 10; // requests in a row; beyond, what is shown starts anew
const BETWEEN_COUNTS = 500; // milliseconds

/** @typedef {import('../types.d.ts').Notification} Notification */
/** @typedef {import('../core/list.js').ListState<Notification, string> & { unread: number | null, capped: boolean }} NotificationsState */

/**
 * Its state also holds `unread`: how many are, null until known; `capped`: that or more.
 * @extends {List<Notification, string, NotificationsState>}
 */
export class Notifications extends List {
  #again = false;
  #recount = false;
  /** @type {number} up to which change all was *read*: a broadcast never moves it, since the one before may be lost */
  #seq = 0;
  #answered = 0;
  /** @type {any} */
  #counting = null;
  #arrived;
  /** @type {Map<string, { receipt: any, saved: Promise<void> }>} by id, what this person did that is not saved yet */
  #underWay = new Map();
  #isReading = false;

  /** `arrived` is called with the rows that have rung since the first load, the loudest last change first. */
  constructor(organizationId, userId, arrived) {
    super(
      {
        ask: async (request) => {
          const page = await readPage('/api/notifications', request);
          this.#answered = page.newest_seq;
          return page;
        },
        page: PAGE,
        most: MOST,
        merge,
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

  /** Whatever comes in says what was so before this person did what is still under way. */
  set(changes) {
    const mine = [...this.#underWay.values()].map(({ receipt }) => receipt);
    super.set(changes.items && mine.length ? { ...changes, items: withReceipts(changes.items, mine) } : changes);
  }

  /** Reads what has changed since the last read; with `again`, also what is shown, once more. Counts at least if it did. */
  catchUp({ again = false, count = true } = {}) {
    this.#again ||= again;
    this.#recount ||= count;
    return this.refresh();
  }

  async sync() {
    this.#isReading = true;
    try {
      await this.#sync();
    } finally {
      this.#isReading = false;
    }
  }

  async #sync() {
    if (!this.state.loaded) {
      this.#again = this.#recount = false;
      await this.first();
      this.#seq = this.#answered;
      await this.#countShown();
      return;
    }
    const [again, recount] = [this.#again, this.#recount];
    this.#again = this.#recount = false;
    try {
      const changed = await this.#readChanges();
      if (again) await this.again();
      if (changed || again || recount) await this.#count();
    } catch (problem) {
      this.#again ||= again;
      this.#recount = true;
      throw problem;
    }
  }

  /** What changed since, in the order of the changes: none is missed, however many broadcasts were lost. Answers if any did. */
  async #readChanges() {
    let changed = false;
    for (let requests = 0; requests < MOST_CHANGES; requests++) {
      const { items, next, newest_seq: newest } = await api(`/api/notifications?changed_since=${this.#seq}&limit=${MOST}`);
      if (this.ended) return changed;
      this.take(items);
      changed ||= items.length > 0;
      this.#seq = next === null ? newest : Number(next);
      if (next === null) return changed;
    }
    this.set({ items: [], next: null });
    await this.first();
    this.#seq = this.#answered;
    return true;
  }

  /** What is shown once more, as far as one request goes: receipts whose broadcasts may have been lost. */
  async again() {
    const { items, next } = await this.readShown();
    const answered = new Set(items.map(({ id }) => id));
    const bottom = next === null ? 0 : /** @type {Notification} */ (items.at(-1)).loud_seq;
    // What the answer covers and lacks has left the inbox, unless it came after the answer was made.
    const kept = this.state.items.filter((item) => answered.has(item.id) || item.loud_seq < bottom || item.seq > this.#answered);
    this.set({ items: merge(kept, items) });
  }

  /** Takes in rows, tells of those that have rung, and answers how many became unread. */
  take(rows) {
    const known = new Map(this.state.items.map((item) => [item.id, item]));
    const bottom = this.state.next === null ? 0 : (this.state.items.at(-1)?.loud_seq ?? 0);
    super.take(rows.filter(({ id, loud_seq: seq }) => known.has(id) || seq > bottom)); // below is what was not read yet
    const ids = new Set(rows.map(({ id }) => id));
    const rang = this.state.items.filter(
      (item) => ids.has(item.id) && item.unread && item.loud_seq > (known.get(item.id)?.loud_seq ?? 0) && !item.is_quiet,
    );
    if (rang.length && !this.ended) this.#arrived(rang);
    return rang.filter(({ id }) => !known.get(id)?.unread).length;
  }

  /** A broadcast notification. */
  receive(row) {
    if (row.organization_id !== this.organizationId || !row.id || typeof row.seq !== 'number') return;
    if (!this.state.loaded) return; // it will be in the first page, or has changed since
    const isKnown = this.state.items.some(({ id }) => id === row.id);
    if (!isKnown && !row.loud) return; // what this person did with it is not known here: reading tells
    const more = this.take([row]);
    if (more && this.state.unread !== null && !this.state.capped) this.set({ unread: this.state.unread + more });
    this.#countSoon();
  }

  /** A broadcast receipt: this person did something, here or in another tab. */
  receipt({ organization_id: organizationId, notifications }) {
    if (organizationId !== this.organizationId) return;
    const known = new Set(this.state.items.map(({ id }) => id));
    if (!notifications || notifications.some(({ id, done, snoozed_until: until }) => !known.has(id) && !done && !until)) {
      this.catchUp({ again: true });
      return;
    }
    this.set({ items: withReceipts(this.state.items, notifications) });
    this.#countSoon();
  }

  /** A broadcast incident: its notification now leads to it. */
  incident({ id, organization_id: organizationId, pagerduty_incident_id: pagerdutyId }) {
    if (organizationId !== this.organizationId || !pagerdutyId) return;
    if (!this.state.items.some((item) => item.pagerduty_incident_id === pagerdutyId && !item.incident_id)) return;
    this.set({
      items: this.state.items.map((item) => (item.pagerduty_incident_id === pagerdutyId ? { ...item, incident_id: id } : item)),
    });
  }

  /**
   * Does something with some of them, as they were seen: read, unread, done, undo, snooze (`until` an ISO 8601 time). At
   * once here, then for good. Throws Problem.
   * @param {Notification[]} items
   * @param {string} action
   * @param {string | undefined} [until]
   */
  async mark(items, action, until) {
    const ids = items.map(({ id }) => id);
    const body = { ids, up_to: Math.max(...items.map((item) => item.loud_seq)), ...(until && { until }) };
    const marked = items.map((item) => ({ id: item.id, seq: item.loud_seq, ...afterAction(item, action, until) }));
    await this.#markAndSave(marked, async () => {
      const answer = await api(`/api/notifications/${action}`, { method: 'POST', body, keepalive: true });
      // What comes back is no news, and does not ring. What is older than all that was read stays where it is.
      const bottom = this.state.next === null ? 0 : (this.state.items.at(-1)?.loud_seq ?? 0);
      this.set({
        items: merge(
          this.state.items,
          answer.items.filter((item) => item.loud_seq >= bottom),
        ),
      });
    });
  }

  /** Marks all as read up to the newest that is shown: nobody has seen what comes while this is under way. */
  async readAll() {
    const newest = this.state.items[0]?.loud_seq;
    if (!newest) return;
    const save = () => api('/api/notifications/read-all', { method: 'POST', body: { up_to: newest } });
    const all = this.state.items.map((item) => ({ id: item.id, seq: item.loud_seq, ...afterAction(item, 'read', null) }));
    await this.#markAndSave(all, save, { unread: 0, capped: false });
  }

  async #markAndSave(marked, save, counts) {
    const before = this.state.items;
    const { unread, capped } = this.state;
    const items = withReceipts(before, marked);
    const fewer = before.filter((item) => item.unread).length - items.filter((item) => item.unread).length;
    const saved = this.#afterEarlier(marked, save);
    this.set({ items, ...(counts ?? (unread !== null && !capped && { unread: Math.max(0, unread - fewer) })) });
    try {
      await saved;
    } catch (problem) {
      this.set({ items: merge(this.state.items, before), unread, capped });
      this.catchUp({ again: true });
      throw problem;
    }
    if (this.#isReading) this.catchUp({ again: true }); // it may be answered with what was so before
    this.#countSoon();
  }

  /**
   * Saves after what was done with the same rows before: what is done last holds.
   * @param {{ id: string }[]} marked
   * @param {() => Promise<void>} save
   */
  async #afterEarlier(marked, save) {
    const earlier = marked.map(({ id }) => this.#underWay.get(id)?.saved);
    const saved = Promise.allSettled(earlier).then(() => save());
    for (const receipt of marked) this.#underWay.set(receipt.id, { receipt, saved });
    try {
      await saved;
    } finally {
      for (const { id } of marked) if (this.#underWay.get(id)?.saved === saved) this.#underWay.delete(id);
    }
  }

  /** Where there is no other page, all that are unread are shown. */
  async #countShown() {
    if (this.state.next === null) this.set({ unread: this.state.items.filter((item) => item.unread).length, capped: false });
    else await this.#count();
  }

  async #count() {
    const { count, capped } = await api('/api/notifications/unread-count');
    const shown = this.state.items.filter((item) => item.unread).length;
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
