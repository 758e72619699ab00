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
import { toast } from '../ui/toast.js';
import { ring } from './alarms.js';
import { current } from './current.js';
import { Notifications } from './notifications.js';
import { takeAway } from './notify.js';
import { useUnreadOutside } from './outside.js';
import { addressOf } from './rows.js';
import { alarmOf } from './words.js';

const Panel = lazy(async () => (await import('./panel.js')).Panel);
const TOGETHER = 400; // milliseconds: what comes within them is said in one sentence

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

/** Says what is new, to be seen and to be heard: what comes together, in one sentence. */
function useArrivals() {
  const waiting = useRef(/** @type {{ rows: import('../types.d.ts').Notification[], timer: any }} */ ({ rows: [], timer: null }));
  useEffect(() => () => clearTimeout(waiting.current.timer), []);
  return (rows) => {
    const { current } = waiting;
    current.rows.push(...rows);
    current.timer ??= setTimeout(() => {
      const { rows } = current;
      waiting.current = { rows: [], timer: null };
      if (rows.length > 1) toast(`${rows.length} new alerts`, 'news', { name: 'Inbox', run: () => navigate('/inbox') });
      else toast(sentenceOf(rows[0]), 'news', { name: 'Open', run: () => navigate(addressOf(rows[0])) });
    }, TOGETHER);
  };
}

function sentenceOf(row) {
  const urgency = row.urgency ? `, ${row.urgency} urgency` : '';
  return `${alarmOf(row)}: ${shorten(row.title, 140)}${urgency}${row.service_name ? `, ${plain(row.service_name)}` : ''}`;
}

export function Bell({ organizationId, userId, topic }) {
  const sayNew = useArrivals();
  const notifications = useNotifications(organizationId, userId, topic, (rows) => {
    sayNew(rows);
    ring(rows);
  });
  const { items, unread, capped } = useStore(notifications);
  const { online, late } = useStore(connection);
  const trouble = !online ? 'offline' : late ? 'reconnecting' : null;
  useUnreadOutside(unread);
  useEffect(() => {
    takeAway((id) => items.some((item) => item.id === id && !item.unread));
  }, [items]);
  useEffect(() => () => void takeAway(() => true), []); // whoever signs in next here is perhaps somebody else

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
      <${Said} trouble=${trouble} unread=${unread} />
    `;
  }
  return html`
    <${Popover}
      id="notifications" label=${label} buttonClass="icon-button bell" button=${face}
      panelClass="panel bell-panel" panelLabel="Notifications" onToggle=${(open) => open && notifications.catchUp()}
    >
      ${({ close }) => html`<${Panel} notifications=${notifications} trouble=${trouble} close=${close} />`}
    <//>
    <${Said} trouble=${trouble} unread=${unread} />
  `;
}

function Said({ trouble, unread }) {
  return html`
    <span class="hidden" role="status">${trouble === 'offline' ? `You are offline. ${count(unread ?? 0, 'unread alert')}.` : ''}</span>
  `;
}

const narrow = matchMedia('(max-width: 30rem), (max-height: 30rem)');

/** Whether this is a phone, upright or on its side. */
function useNarrow() {
  const [is, set] = useState(narrow.matches);
  useEffect(() => {
    const change = () => set(narrow.matches);
    narrow.addEventListener('change', change);
    return () => narrow.removeEventListener('change', change);
  }, []);
  return is;
}
