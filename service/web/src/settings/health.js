// Is it arriving? The integration's health, and what to do about it.
import { html } from '../core/html.js';
import { Time } from '../core/time.js';
import { Notice } from '../ui/parts.js';

/** kind and words for the state that an integration is in. */
function judge({ configured, enabled, can_edit: canEdit, health }) {
  if (health.last_error) {
    return { kind: 'bad', title: 'Something went wrong with the last alerts', advice: canEdit && adviceFor(health.last_error) };
  }
  if (!configured)
    return {
      kind: 'info',
      title: 'PagerDuty is not connected yet',
      advice: canEdit && 'Switch it on, then give the webhook URL to PagerDuty.',
    };
  if (!enabled)
    return {
      kind: 'warning',
      title: 'PagerDuty is switched off',
      advice: 'What arrives is recorded under Activity, and nobody is notified.',
    };
  if (!health.last_event_at) {
    return {
      kind: 'info',
      title: 'Waiting for the first alert',
      advice: canEdit && 'Give the webhook URL to PagerDuty, or send a test alert: the Activity tab has a command for it.',
    };
  }
  return { kind: 'good', title: 'Alerts arrive', advice: null };
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
  const { kind, title, advice } = judge(saved);
  const { last_event_at: eventAt, last_error: error, last_error_at: errorAt } = saved.health;
  return html`
    <div class="health">
      <${Notice} kind=${kind}>
        <p><strong>${title}</strong>${eventAt && html` <span class="hint"><${Time} at=${eventAt} prefix="Last event " /></span>`}</p>
        ${error && html`<p dir="auto">${error} ${errorAt && html`<span class="hint"><${Time} at=${errorAt} /></span>`}</p>`}
        ${advice && html`<p>${advice}</p>`}
        ${saved.can_edit && saved.configured && html`<p><a href="/settings/activity">See what arrived</a></p>`}
      <//>
    </div>
  `;
}
