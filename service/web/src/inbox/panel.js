// The bell's panel: the list, grouped by PagerDuty incident.
import { html, useState } from '../core/html.js';
import { useStore } from '../core/store.js';
import { count, shorten } from '../core/text.js';
import { Time } from '../core/time.js';
import { Icon, PagerDutyMark } from '../ui/icons.js';
import { Failure, More, Skeleton } from '../ui/parts.js';
import { toast } from '../ui/toast.js';
import { Options } from './options.js';
import { addressOf, group } from './rows.js';

const SHOWN = 30; // groups that are drawn before one scrolls
const EVENTS = {
  triggered: 'Triggered',
  acknowledged: 'Acknowledged',
  unacknowledged: 'No longer acknowledged',
  resolved: 'Resolved',
  reopened: 'Reopened',
  escalated: 'Escalated',
  reassigned: 'Reassigned',
  delegated: 'Delegated',
  annotated: 'Note added',
};

/** What happened, in a word or two: "Triggered", "Priority updated". */
export function eventName(type) {
  const name = String(type).replace(/^(incident|service)\./, '');
  const words = name.replace(/[._]/g, ' ');
  return EVENTS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

export function Panel({ notifications, trouble, close }) {
  const { loaded, items, next, unread, loadingMore, problem } = useStore(notifications);
  const [shown, setShown] = useState(SHOWN);
  const groups = group(items);
  const more = () => {
    if (shown < groups.length) setShown(shown + SHOWN);
    else notifications.more();
  };
  const read = (ids) => notifications.read(ids).catch(() => toast('That could not be marked as read. Try again.', 'bad'));
  const readAll = () => notifications.readAll().catch(() => toast('They could not be marked as read. Try again.', 'bad'));
  return html`
    <div class="bell-head">
      <h2>Notifications</h2>
      <button type="button" class="button quiet" aria-disabled=${!unread} onClick=${() => unread && readAll()}>Mark all as read</button>
      <button type="button" class="icon-button" aria-label="Close notifications" onClick=${close}><${Icon} name="close" /></button>
    </div>
    ${trouble && html`<${Trouble} trouble=${trouble} />`}
    <div class="bell-list" tabindex="-1">
      ${!loaded && !items.length && !problem && html`<${Skeleton} rows=${5} class="tall" />`}
      ${problem && !trouble && html`<${Failure} problem=${problem} onRetry=${() => notifications.catchUp({ again: true })} />`}
      ${loaded && !items.length && !next && html`<${Empty} />`}
      <ul class="groups">
        ${groups.slice(0, shown).map((one) => html`<${Group} key=${one.id} group=${one} read=${read} />`)}
      </ul>
      <${More} next=${shown < groups.length ? 'drawn' : next} loading=${loadingMore} onMore=${more} items=${items.length + shown} />
      ${loaded && items.length > 0 && !next && shown >= groups.length && html`<p class="end">That is all.</p>`}
    </div>
    <${Options} />
  `;
}

function Trouble({ trouble }) {
  return html`
    <p class="bell-state">
      <${Icon} name=${trouble === 'offline' ? 'offline' : 'refresh'} />
      ${
        trouble === 'offline'
          ? 'You are offline. New alerts appear when the network is back.'
          : 'Reconnecting. Until then, new alerts appear within half a minute.'
      }
    </p>
  `;
}

function Empty() {
  return html`
    <div class="empty">
      <span class="empty-mark"><${Icon} name="bell" /></span>
      <p><strong>No alerts yet</strong></p>
      <p class="hint">What PagerDuty sends appears here at once. <a href="/settings">Check the integration</a></p>
    </div>
  `;
}

function Group({ group: { latest, older, unread }, read }) {
  const [open, setOpen] = useState(false);
  const listId = `older-${latest.id}`;
  const markLabel = unread.length > 1 ? `Mark ${unread.length} as read` : 'Mark as read';
  const readThese = (event) => {
    event.currentTarget.closest('.group').querySelector('a').focus(); // the button goes away
    read(unread);
  };
  return html`
    <li class=${unread.length ? 'group unread' : 'group'}>
      <${Row} item=${latest} unread=${unread.length > 0} onOpen=${() => unread.length && read(unread)} />
      <div class="group-actions">
        ${
          older.length > 0 &&
          html`
          <button type="button" class="link-button" aria-expanded=${open} aria-controls=${listId} onClick=${() => setOpen(!open)}>
            <span class=${open ? 'turn' : 'turn closed'}><${Icon} name="down" /></span>
            ${count(older.length, 'earlier alert')}<span class="hidden"> of ${shorten(latest.title, 80)}</span>
          </button>
        `
        }
        ${
          unread.length > 0 &&
          html`
          <button type="button" class="link-button" aria-label=${`${markLabel}: ${shorten(latest.title, 80)}`} onClick=${readThese}>${markLabel}</button>
        `
        }
      </div>
      <ul class="older" id=${listId} hidden=${!open}>
        ${
          open &&
          older.map(
            (item) => html`
          <li key=${item.id} class=${item.read_at ? '' : 'unread'}>
            <a href=${addressOf(item)} onClick=${() => item.read_at || read([item.id])}>
              <span>${eventName(item.event_type)}</span> <bdi class="clamp-1">${item.title}</bdi> <${Time} at=${item.created_at} />
            </a>
          </li>
        `,
          )
        }
      </ul>
    </li>
  `;
}

function Row({ item, unread, onOpen }) {
  const urgent = item.urgency === 'high' && item.pagerduty_status !== 'resolved';
  return html`
    <a class="alert" href=${addressOf(item)} onClick=${onOpen}>
      <${PagerDutyMark} />
      <span class="alert-text">
        <span class="alert-title">
          ${unread && html`<span class="dot"><span class="hidden">Unread: </span></span>`}<bdi class="clamp-3">${item.title}</bdi>
        </span>
        <span class="alert-facts">
          <span class=${`event ${item.pagerduty_status ?? ''}`}>${eventName(item.event_type)}</span>
          ${item.urgency && html`<span class=${urgent ? 'urgency high' : 'urgency'}>${item.urgency} urgency</span>`}
          ${item.service_name && html`<bdi class="clamp-1">${item.service_name}</bdi>`}
          <${Time} at=${item.created_at} />
        </span>
        ${item.incident_id && html`<span class="has-incident"><${Icon} name="check" />Has an incident</span>`}
      </span>
      <span class="hidden">(from PagerDuty)</span>
    </a>
  `;
}
