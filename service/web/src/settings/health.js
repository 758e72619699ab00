// Is it arriving? The integration's health, and what to do about it.
import { since } from '../core/ago.js';
import { html } from '../core/html.js';
import { count } from '../core/text.js';
import { Time } from '../core/time.js';
import { Notice } from '../ui/parts.js';
import { describeReasons } from './reasons.js';

/** By state: the kind of notice, its title, and what to do, told to those who can do it. */
const STATES = {
  failing: { kind: 'bad', title: 'Something went wrong with the last alerts', advice: ({ health }) => adviceFor(health.last_error) },
  not_configured: {
    kind: 'info',
    title: 'PagerDuty is not connected yet',
    advice: () => 'Switch it on, then give the webhook URL to PagerDuty.',
  },
  disabled: {
    kind: 'warning',
    title: 'PagerDuty is switched off',
    told: 'What arrives is recorded under Activity, and nobody is notified.',
  },
  waiting: {
    kind: 'info',
    title: 'Waiting for the first alert',
    advice: () => 'Give the webhook URL to PagerDuty, or send a test alert: the Activity tab has a command for it.',
  },
  all_ignored: { kind: 'warning', title: 'Everything that arrives is being ignored', advice: adviceForFilters },
  good: { kind: 'good', title: 'Alerts arrive' },
};

/** "137 of 137 events ignored since Monday: key filter". */
function Ignored({ received, ignored, since: at, reasons }) {
  return html`<p>${ignored} of ${count(received, 'event')} ignored since <${Time} at=${at} words=${since} />: ${describeReasons(reasons)}</p>`;
}

function adviceForFilters({ health }) {
  if ('integration_key_mismatch' in health.recent_events.reasons)
    return 'V3 webhooks carry no integration key: take the key filter away and choose services.';
  return 'Compare the filters below with what the Activity tab shows.';
}

function adviceFor(error) {
  if (/signature|not signed/i.test(error))
    return 'Copy the signing secret of this webhook from PagerDuty again; if it is lost, make a new webhook there and save its secret here.';
  if (/cannot be read any more/i.test(error))
    return 'Replace it below: what was saved cannot be opened with the keys that this service has now.';
  if (/could not be used/i.test(error)) return 'Check what sends to this URL: it takes the webhooks of PagerDuty and nothing else.';
  return 'The Activity tab shows what arrived and what became of it.';
}

export function Health({ saved }) {
  const { state, recent_events: recent, last_event_at: eventAt, last_error: error, last_error_at: errorAt } = saved.health;
  const { kind, title, told, advice } = STATES[state];
  return html`
    <div class="health">
      <${Notice} kind=${kind}>
        <p><strong>${title}</strong>${eventAt && html` <span class="hint"><${Time} at=${eventAt} prefix="Last event " /></span>`}</p>
        ${error && html`<p dir="auto">${error} ${errorAt && html`<span class="hint"><${Time} at=${errorAt} /></span>`}</p>`}
        ${state === 'all_ignored' && html`<${Ignored} ...${recent} />`}
        ${told && html`<p>${told}</p>`}
        ${
          recent.repeated > 0 &&
          html`<p>Two feeds of one service are on: ${count(recent.repeated, 'event')} had been told before. Nobody is told twice, but switch one of the two off in PagerDuty (a V2 extension beside a V3 webhook, or two webhooks).</p>`
        }
        ${advice && saved.can_edit && html`<p>${advice(saved)}</p>`}
        ${saved.can_edit && saved.configured && html`<p><a href="/settings/activity">See what arrived</a></p>`}
      <//>
    </div>
  `;
}
