// The bell's panel: the list, a row an incident.
import '../core/shared.js';
import { html, useState } from '../core/html.js';
import { useStore } from '../core/store.js';
import { Icon } from '../ui/icons.js';
import { Failure, More, Skeleton } from '../ui/parts.js';
import { readAll } from './actions.js';
import { Options } from './options.js';
import { Rows } from './rows-list.js';

const SHOWN = 30; // rows that are drawn before one scrolls

export function Panel({ notifications, trouble, close }) {
  const { loaded, items, next, unread, loadingMore, problem } = useStore(notifications);
  const [shown, setShown] = useState(SHOWN);
  const more = () => {
    if (shown < items.length) setShown(shown + SHOWN);
    else notifications.more();
  };
  return html`
    <div class="bell-head">
      <h2>Notifications</h2>
      <button type="button" class="button quiet" aria-disabled=${!unread} onClick=${() => unread && readAll()}>Mark all as read</button>
      <a class="button quiet" href="/inbox">Inbox</a>
      <button type="button" class="icon-button" aria-label="Close notifications" onClick=${close}><${Icon} name="close" /></button>
    </div>
    ${trouble && html`<${Trouble} trouble=${trouble} />`}
    <div class="bell-list" tabindex="-1">
      ${!loaded && !items.length && !problem && html`<${Skeleton} rows=${5} class="tall" />`}
      ${problem && !trouble && html`<${Failure} problem=${problem} onRetry=${() => notifications.catchUp({ again: true })} />`}
      ${loaded && !items.length && !next && html`<${Empty} />`}
      ${loaded && html`<${Rows} items=${items} shown=${shown} />`}
      <${More} next=${shown < items.length ? 'drawn' : next} loading=${loadingMore} onMore=${more} items=${items.length + shown} />
      ${loaded && items.length > 0 && !next && shown >= items.length && html`<p class="end">That is all.</p>`}
    </div>
    <${Options} />
  `;
}

export function Trouble({ trouble }) {
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

export function Empty() {
  return html`
    <div class="empty">
      <span class="empty-mark"><${Icon} name="bell" /></span>
      <p><strong>No alerts yet</strong></p>
      <p class="hint">What PagerDuty sends appears here at once. <a href="/settings">Check the integration</a></p>
    </div>
  `;
}
