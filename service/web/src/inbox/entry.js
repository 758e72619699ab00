// A notification as a row: how it stands in two lines of fixed height, what one may do with it, its history.
import { html, useState } from '../core/html.js';
import { atLeast, session } from '../core/session.js';
import { useStore } from '../core/store.js';
import { count, shorten } from '../core/text.js';
import { fullTime, Time } from '../core/time.js';
import { Icon, PagerDutyMark } from '../ui/icons.js';
import { backToInbox, createIncident, done, read, SNOOZES, snooze, unread } from './actions.js';
import { History } from './history.js';
import { addressOf, isLate } from './rows.js';
import { stateOf } from './words.js';

/**
 * `selection`: { has, toggle }, where rows can be selected.
 * @param {{ item: import('../types.d.ts').Notification, selection?: any }} props
 */
export function Entry({ item, selection = null }) {
  const { organization } = useStore(session);
  const [open, setOpen] = useState(false);
  const named = shorten(item.title, 80);
  const mayCreate = item.prefill && atLeast('responder', organization);
  const isOut = item.done || item.snoozed_until;
  return html`
    <li class=${item.unread ? 'group unread' : 'group'} data-id=${item.id}>
      <div class="group-row">
        ${
          selection &&
          html`
          <label class="select-row"><input type="checkbox" checked=${selection.has(item.id)} onChange=${() => selection.toggle(item.id)} /><span class="hidden">Select ${named}</span></label>
        `
        }
        <${Row} item=${item} onOpen=${() => item.unread && read([item])} />
        <div class="group-actions">
          <span class="alert-age" aria-hidden="true"><${Age} item=${item} /></span>
          ${
            item.incident_id
              ? html`<a class="button small" href=${`/incidents/${item.incident_id}`}>Open<span class="hidden"> the incident of ${named}</span></a>`
              : mayCreate && html`<${Create} item=${item} named=${named} />`
          }
          ${
            isOut
              ? html`<button type="button" class="button small" onClick=${() => backToInbox([item])}>To inbox<span class="hidden">: ${named}</span></button>`
              : html`<button type="button" class="button small" onClick=${leaving(() => done([item]))}>Done<span class="hidden">: ${named}</span></button>`
          }
          <button
            type="button" class="icon-button small" aria-expanded=${open} aria-controls=${`more-${item.id}`} onClick=${() => setOpen(!open)}
          ><${Icon} name="down" /><span class="hidden">More: ${count(item.events, 'event')} of ${named}</span></button>
        </div>
      </div>
      <div class="older" id=${`more-${item.id}`} hidden=${!open}>
        ${open && html`<${Details} item=${item} named=${named} mayCreate=${mayCreate} />`}
      </div>
    </li>
  `;
}

function Create({ item, named }) {
  const [busy, setBusy] = useState(false);
  const create = async () => {
    if (busy) return;
    setBusy(true);
    await createIncident(item);
    setBusy(false);
  };
  return html`
    <button type="button" class="button small" aria-disabled=${busy} aria-label=${`Create incident of ${named}`} onClick=${create}>Create<span class="long"> incident</span></button>
  `;
}

/** Everything that the two lines have no room for. */
function Details({ item, named, mayCreate }) {
  return html`
    <p class="full-title"><bdi>${item.title}</bdi></p>
    ${
      item.snoozed_until
        ? html`<p class="hint">Snoozed until ${fullTime(item.snoozed_until)}.</p>`
        : html`<p class="hint">${fullTime(item.occurred_at ?? item.loud_at)}${isLate(item) ? `, delivered ${fullTime(item.loud_at)}` : ''}</p>`
    }
    <div class="actions start">
      ${mayCreate && !item.incident_id && html`<a class="button small" href=${addressOf(item)}>Review and create<span class="hidden"> an incident of ${named}</span></a>`}
      ${
        item.pagerduty_url &&
        html`
        <a class="button small" href=${item.pagerduty_url} target="_blank" rel="noopener noreferrer">Open in PagerDuty<${Icon} name="external" /></a>
      `
      }
      ${
        item.unread
          ? html`<button type="button" class="button small" onClick=${() => read([item])}>Mark as read<span class="hidden">: ${named}</span></button>`
          : html`<button type="button" class="button small" onClick=${() => unread([item])}>Mark as unread<span class="hidden">: ${named}</span></button>`
      }
    </div>
    <fieldset class="actions start snoozes">
      <legend class="hint">Snooze until something rings, or for</legend>
      ${SNOOZES.map((choice) => html`<button key=${choice[0]} type="button" class="button small" onClick=${leaving(() => snooze([item], choice))}>${choice[0]}</button>`)}
    </fieldset>
    <${History} notification=${item} />
  `;
}

/** For a button whose row goes away: the focus goes to the next row, or to the one before. */
function leaving(act) {
  return (event) => {
    const row = event.currentTarget.closest('.group');
    (row?.nextElementSibling ?? row?.previousElementSibling)?.querySelector('a.alert')?.focus();
    act();
  };
}

/** When it happened; "delivered late" where that is not when one could have heard of it. */
function Age({ item }) {
  return html`<${Time} at=${item.occurred_at ?? item.loud_at} />${isLate(item) && html` <span class="late"><span class="long">delivered </span>late</span>`}`;
}

function Row({ item, onOpen }) {
  const urgent = item.urgency === 'high' && item.pagerduty_status !== 'resolved';
  return html`
    <a class="alert" href=${addressOf(item)} onClick=${onOpen}>
      <${PagerDutyMark} />
      <span class="alert-text">
        <span class="alert-title">
          ${item.unread && html`<span class="dot"><span class="hidden">Unread: </span></span>`}<bdi class="line">${item.title}</bdi>
        </span>
        <span class="alert-facts line">
          <bdi class=${`event ${item.pagerduty_status ?? ''}`}>${stateOf(item)}</bdi>
          ${item.urgency && html` · <span class=${urgent ? 'urgency high' : 'urgency'}>${item.urgency}<span class="hidden"> urgency</span></span>`}
          ${item.priority && html` · <bdi>${item.priority}</bdi>`}
          ${item.service_name && html` · <bdi>${item.service_name}</bdi>`}
          ${item.number !== null && html` · <span>#${item.number}</span>`}
          ${item.pagerduty_status === 'triggered' && html` · <span>nobody yet</span>`}
          ${item.incident_id && html` · <span class="has-incident"><${Icon} name="check" />Has an incident</span>`}
          <span class="hidden">, <${Age} item=${item} /></span>
        </span>
      </span>
      <span class="hidden">(from PagerDuty)</span>
    </a>
  `;
}
