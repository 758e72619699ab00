// The bell in the header: how many are unread, and the panel with the list.
import { html, useEffect, useRef, useState } from '../core/html.js';
import { lazy } from '../core/lazy.js';
import { listen, moveTo, onBroadcast } from '../core/realtime.js';
import { navigate } from '../core/router.js';
import { useStore } from '../core/store.js';
import { connection, onSync } from '../core/sync.js';
import { count, plain, shorten } from '../core/text.js';
import { Icon } from '../ui/icons.js';
import { Popover } from '../ui/popover.js';
import { alertOf } from './alerts.js';
import { current } from './current.js';
import { Notifications } from './notifications.js';
import { addressOf } from './rows.js';
import { alarmOf } from './words.js';

const Panel = lazy(async () => (await import('./panel.js')).Panel);
const ANNOUNCE_AFTER = 400; // milliseconds: what comes together is said together

/** Follows one person's notifications in one organization for as long as the bell is there. */
function useNotifications(organizationId, userId, topic, arrived) {
  const latest = useRef(arrived);
  latest.current = arrived;
  const [notifications] = useState(() => new Notifications(organizationId, userId, (rows) => latest.current(rows)));
  useEffect(() => {
    const undo = [
      onBroadcast('notification', (row) => notifications.receive(row)),
      onBroadcast('receipt', (receipt) => notifications.receipt(receipt)),
      onBroadcast('incident', (incident) => notifications.incident(incident)),
      onSync((reason) => notifications.catchUp({ again: reason === 'shown' || reason === 'online', count: reason !== 'join' })),
    ];
    current.set({ notifications });
    listen(userId, topic);
    notifications.catchUp();
    return () => {
      if (current.state.notifications === notifications) current.set({ notifications: null });
      for (const each of undo) each();
      listen(null, null);
      notifications.end();
    };
  }, [notifications]);
  useEffect(() => moveTo(topic), [topic]);
  return notifications;
}

/** What a screen reader is told of new ones: once, in one sentence. */
function useAnnouncements() {
  const [said, say] = useState('');
  const waiting = useRef(/** @type {{ rows: import('../types.d.ts').Notification[], timer: any }} */ ({ rows: [], timer: null }));
  useEffect(() => () => clearTimeout(waiting.current.timer), []);
  const announce = (rows) => {
    const { current } = waiting;
    current.rows.push(...rows);
    current.timer ??= setTimeout(() => {
      const [first] = current.rows;
      say(
        current.rows.length === 1
          ? `${alarmOf(first)}: ${shorten(first.title, 140)}${first.urgency ? `, ${first.urgency} urgency` : ''}${first.service_name ? `, ${plain(first.service_name)}` : ''}`
          : `${current.rows.length} new alerts`,
      );
      current.rows = [];
      current.timer = null;
    }, ANNOUNCE_AFTER);
  };
  return /** @type {const} */ ([said, announce]);
}

export function Bell({ organizationId, userId, topic }) {
  const [said, announce] = useAnnouncements();
  const notifications = useNotifications(organizationId, userId, topic, (rows) => {
    announce(rows);
    alertOf(rows, (row) => navigate(addressOf(row)));
  });
  const { unread, capped } = useStore(notifications);
  const { online, late } = useStore(connection);
  const trouble = !online ? 'offline' : late ? 'reconnecting' : null;
  useUnreadInTitle(unread);

  const label = [
    'Notifications',
    unread === null ? '' : unread === 0 ? 'none unread' : `${unread}${capped ? ' or more' : ''} unread`,
    trouble,
  ]
    .filter(Boolean)
    .join(', ');
  const face = html`
    <${Icon} name="bell" />
    ${unread ? html`<span class="badge" aria-hidden="true">${unread > 99 ? '99+' : unread}</span>` : null}
    ${trouble && html`<span class="bell-trouble" aria-hidden="true"></span>`}
  `;
  // On a phone the bell is the page, so that Back leaves it.
  if (useNarrow()) {
    return html`
      <a class="icon-button bell" href="/inbox" aria-label=${label}>${face}</a>
      <${Said} said=${said} trouble=${trouble} unread=${unread} />
    `;
  }
  return html`
    <${Popover}
      id="notifications" label=${label} buttonClass="icon-button bell" button=${face}
      panelClass="panel bell-panel" panelLabel="Notifications" onToggle=${(open) => open && notifications.catchUp()}
    >
      ${({ close }) => html`<${Panel} notifications=${notifications} trouble=${trouble} close=${close} />`}
    <//>
    <${Said} said=${said} trouble=${trouble} unread=${unread} />
  `;
}

function Said({ said, trouble, unread }) {
  return html`
    <span class="hidden" role="status" aria-live="polite">${said}</span>
    <span class="hidden" role="status">${trouble === 'offline' ? `You are offline. ${count(unread ?? 0, 'unread alert')}.` : ''}</span>
  `;
}

const narrow = matchMedia('(max-width: 30rem)');

/** Whether this is a phone's width. */
function useNarrow() {
  const [is, set] = useState(narrow.matches);
  useEffect(() => {
    const change = () => set(narrow.matches);
    narrow.addEventListener('change', change);
    return () => narrow.removeEventListener('change', change);
  }, []);
  return is;
}

/** "(3) Incidents": seen even where the tab is not. */
function useUnreadInTitle(unread) {
  useEffect(() => {
    const mark = () => {
      const bare = document.title.replace(/^\(\d+\+?\) /, '');
      const wanted = unread > 0 ? `(${unread > 99 ? '99+' : unread}) ${bare}` : bare;
      if (document.title !== wanted) document.title = wanted;
    };
    mark();
    const watcher = new MutationObserver(mark);
    watcher.observe(/** @type {Node} */ (document.querySelector('title')), { childList: true });
    return () => watcher.disconnect();
  }, [unread]);
}
