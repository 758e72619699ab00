// The inbox as a page: all that the bell has, with views, search, filters, a keyboard, and several at once.
import '../core/shared.js';
import { useFound } from '../core/found.js';
import { html, useEffect, useState } from '../core/html.js';
import { List } from '../core/list.js';
import { setQuery, useRoute, useScrollBack } from '../core/router.js';
import { session } from '../core/session.js';
import { useStore } from '../core/store.js';
import { connection } from '../core/sync.js';
import { count } from '../core/text.js';
import { Dialog } from '../ui/dialog.js';
import { Icon } from '../ui/icons.js';
import { Failure, More, Skeleton, useTitle } from '../ui/parts.js';
import { backToInbox, done, read, readAll, SNOOZES, snooze, unread } from './actions.js';
import { current } from './current.js';
import { Filters, filtersOf, queryOf } from './filters.js';
import { KEYS, useKeys } from './keys.js';
import { Options } from './options.js';
import { Empty, Trouble } from './panel.js';
import { loudestFirst } from './rows.js';
import { Rows } from './rows-list.js';

const PAGE = 30;
const MOST = 100; // what one request may ask for
const FOUND = { address: '/api/notifications', page: PAGE, most: MOST, order: loudestFirst };
const SETTLE = 300; // milliseconds after the last change

/** @typedef {import('../types.d.ts').Notification} Notification */

/** Until there is a bell. */
const NONE = new List({
  ask: async () => ({ items: [], next: null }),
  page: PAGE,
  merge: (/** @type {Notification[]} */ items) => items,
});

/** Reads again whenever the bell's notifications change: the service decides what fits. */
function useRefresh(list, notifications) {
  useEffect(() => {
    let timer;
    const unwatch = notifications?.watch(() => {
      clearTimeout(timer);
      if (list.query !== null) timer = setTimeout(list.refresh, SETTLE);
    });
    return () => {
      clearTimeout(timer);
      unwatch?.();
    };
  }, [notifications]);
}

export function InboxPage() {
  useTitle('Inbox');
  const route = useRoute();
  const filters = filtersOf(route.query);
  const query = queryOf(filters).toString();
  const { notifications } = useStore(current);
  const { organization } = useStore(session);
  const found = useFound(FOUND, organization?.id ?? '', query || null);
  useRefresh(found, notifications);
  const list = query ? found : (notifications ?? NONE);
  const { items, loaded, next, problem, loadingMore } = useStore(/** @type {any} */ (list));
  useScrollBack(loaded);
  const bell = useStore(/** @type {any} */ (notifications ?? NONE));
  const [selected, select] = useState(/** @type {Set<string>} */ (new Set()));
  const [help, setHelp] = useState(false);
  const { online, late } = useStore(connection);
  const trouble = !online ? 'offline' : late ? 'reconnecting' : null;
  const selection = {
    has: (id) => selected.has(id),
    toggle: (id) => select((before) => new Set(before.has(id) ? [...before].filter((one) => one !== id) : [...before, id])),
  };
  useKeys({ items, selection, onHelp: () => setHelp(true) });
  const change = (changes) => {
    select(new Set());
    setQuery(queryOf({ ...filters, ...changes }));
  };
  return html`
    <div class="page inbox">
      <div class="page-head">
        <h1>Inbox</h1>
        <div class="actions">
          <button type="button" class="button quiet" aria-disabled=${!bell.unread} onClick=${() => bell.unread && readAll()}>Mark all as read</button>
          <button type="button" class="button quiet keys-button" onClick=${() => setHelp(true)}>Keyboard</button>
        </div>
      </div>
      <${Filters} filters=${filters} onChange=${change} />
      ${trouble && html`<${Trouble} trouble=${trouble} />`}
      ${problem && !trouble && html`<${Failure} problem=${problem} onRetry=${list.refresh} />`}
      <${Selected} items=${items.filter(({ id }) => selected.has(id))} view=${filters.view} onEnd=${() => select(new Set())} />
      <div class="card inbox-list">
        ${!loaded && !items.length && !problem && html`<${Skeleton} rows=${5} class="tall" />`}
        ${loaded && !items.length && !next && html`<${Nothing} query=${query} view=${filters.view} />`}
        ${loaded && html`<${Rows} key=${query} items=${items} selection=${selection} />`}
        <${More} next=${next} loading=${loadingMore} onMore=${() => list.more()} items=${items.length} />
      </div>
      <${Options} />
      ${help && html`<${Keys} onClose=${() => setHelp(false)} />`}
    </div>
  `;
}

/** What one may do with those that are selected. */
function Selected({ items, view, onEnd }) {
  const all = (act) => () => {
    act(items);
    onEnd();
  };
  return html`
    <div class="selected" role="status">
      ${
        items.length > 0 &&
        html`
        <p>${count(items.length, 'alert')} selected</p>
        <div class="actions">
          ${
            view === 'inbox' || view === 'all'
              ? html`
              <button type="button" class="button small" onClick=${all(done)}>Done</button>
              <button type="button" class="button small" onClick=${all((rows) => snooze(rows, SNOOZES[0]))}>Snooze 1 hour</button>
            `
              : html`<button type="button" class="button small" onClick=${all(backToInbox)}>To inbox</button>`
          }
          <button type="button" class="button small" onClick=${all(read)}>Mark as read</button>
          <button type="button" class="button small" onClick=${all(unread)}>Mark as unread</button>
          <button type="button" class="button small quiet" onClick=${onEnd}>Select none</button>
        </div>
      `
      }
    </div>
  `;
}

const NOTHING = {
  inbox: 'Nothing in the inbox fits.',
  snoozed: 'Nothing is snoozed.',
  done: 'Nothing is done yet.',
  all: 'Nothing fits.',
};

function Nothing({ query, view }) {
  if (!query) return html`<${Empty} />`;
  const filtered = query !== `view=${view}`;
  return html`
    <div class="empty">
      <span class="empty-mark"><${Icon} name="search" /></span>
      <p><strong>${NOTHING[filtered ? 'all' : view]}</strong></p>
      ${filtered && html`<p class="hint"><a href=${view === 'inbox' ? '/inbox' : `/inbox?view=${view}`}>Without search and filters</a></p>`}
    </div>
  `;
}

function Keys({ onClose }) {
  return html`
    <${Dialog} title="Keyboard" onClose=${onClose}>
      <dl class="keys">
        ${KEYS.map(([key, what]) => html`<dt key=${key}><kbd>${key}</kbd></dt><dd>${what}</dd>`)}
      </dl>
    <//>
  `;
}
