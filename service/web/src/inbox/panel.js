// The bell's panel: the list, a row an incident.
import { html, useState } from '../core/html.js';
import { useStore } from '../core/store.js';
import { count, shorten } from '../core/text.js';
import { Time } from '../core/time.js';
import { Icon, PagerDutyMark } from '../ui/icons.js';
import { Failure, More, Skeleton } from '../ui/parts.js';
import { toast } from '../ui/toast.js';
import { History } from './history.js';
import { Options } from './options.js';
import { addressOf, isLate } from './rows.js';
import { stateOf } from './words.js';

const SHOWN = 30; // rows that are drawn before one scrolls

export function Panel({ notifications, trouble, close }) {
  const { loaded, items, next, unread, loadingMore, problem } = useStore(notifications);
  const [shown, setShown] = useState(SHOWN);
  const more = () => {
    if (shown < items.length) setShown(shown + SHOWN);
    else notifications.more();
  };
  const read = (item) => notifications.read(item).catch(() => toast('That could not be marked as read. Try again.', 'bad'));
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
        ${items.slice(0, shown).map((item) => html`<${Entry} key=${item.id} item=${item} read=${read} />`)}
      </ul>
      <${More} next=${shown < items.length ? 'drawn' : next} loading=${loadingMore} onMore=${more} items=${items.length + shown} />
      ${loaded && items.length > 0 && !next && shown >= items.length && html`<p class="end">That is all.</p>`}
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

function Entry({ item, read }) {
  const [open, setOpen] = useState(false);
  const listId = `history-${item.id}`;
  const named = shorten(item.title, 80);
  const readThis = (event) => {
    event.currentTarget.closest('.group').querySelector('a').focus(); // the button goes away
    read(item);
  };
  return html`
    <li class=${item.unread ? 'group unread' : 'group'}>
      <${Row} item=${item} onOpen=${() => item.unread && read(item)} />
      <div class="group-actions">
        <button type="button" class="link-button" aria-expanded=${open} aria-controls=${listId} onClick=${() => setOpen(!open)}>
          <span class=${open ? 'turn' : 'turn closed'}><${Icon} name="down" /></span>
          ${count(item.events, 'event')}<span class="hidden"> of ${named}</span>
        </button>
        ${
          item.unread &&
          html`
          <button type="button" class="link-button" aria-label=${`Mark as read: ${named}`} onClick=${readThis}>Mark as read</button>
        `
        }
      </div>
      <div class="older" id=${listId} hidden=${!open}>${open && html`<${History} notification=${item} />`}</div>
    </li>
  `;
}

function Row({ item, onOpen }) {
  const urgent = item.urgency === 'high' && item.pagerduty_status !== 'resolved';
  return html`
    <a class="alert" href=${addressOf(item)} onClick=${onOpen}>
      <${PagerDutyMark} />
      <span class="alert-text">
        <span class="alert-title">
          ${item.unread && html`<span class="dot"><span class="hidden">Unread: </span></span>`}<bdi class="clamp-3">${item.title}</bdi>
        </span>
        <span class="alert-facts">
          <bdi class=${`event ${item.pagerduty_status ?? ''}`}>${stateOf(item)}</bdi>
          ${item.urgency && html`<span class=${urgent ? 'urgency high' : 'urgency'}>${item.urgency} urgency</span>`}
          ${item.priority && html`<bdi class="clamp-1">${item.priority}</bdi>`}
          ${item.service_name && html`<bdi class="clamp-1">${item.service_name}</bdi>`}
          ${item.number !== null && html`<span>#${item.number}</span>`}
          <${Time} at=${item.occurred_at ?? item.loud_at} />
          ${isLate(item) && html`<span>delivered late</span>`}
        </span>
        <bdi class="alert-body clamp-2">${item.body}</bdi>
        ${item.incident_id && html`<span class="has-incident"><${Icon} name="check" />Has an incident</span>`}
      </span>
      <span class="hidden">(from PagerDuty)</span>
    </a>
  `;
}
