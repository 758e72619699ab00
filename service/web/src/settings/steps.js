// From nothing to the first alert, in three steps; and the test alert, which needs no PagerDuty.
import { api } from '../core/api.js';
import { html, useEffect, useState } from '../core/html.js';
import { Icon } from '../ui/icons.js';
import { toast } from '../ui/toast.js';
import { ADDRESS, WebhookAddress } from './webhook-address.js';

const LOOK_AGAIN = 5000; // milliseconds, while one waits: what is ignored is not broadcast

/** Whether PagerDuty has ever sent something that was understood. */
export const isConnected = ({ health }) => health.last_event_at !== null;

/** `secret` is the field for the signing secret. `read` reads the settings again. */
export function Steps({ saved, setSaved, read, secret }) {
  useEffect(() => {
    const timer = setInterval(() => document.hidden || read(), LOOK_AGAIN);
    return () => clearInterval(timer);
  }, []);
  return html`
    <ol class="steps">
      <${Step} title="Copy the webhook URL" done=${Boolean(saved.webhook_url)}>
        <${WebhookAddress} saved=${saved} setSaved=${setSaved} />
      <//>
      <${Step} title="Give it to PagerDuty" done=${saved.signing_secret.set}>
        <${InPagerDuty} />
        ${secret}
      <//>
      <${Step} title="See an alert arrive" done=${isConnected(saved)}>
        <p role="status">
          ${
            isConnected(saved)
              ? html`<strong>Received <${SecondsAgo} at=${saved.health.last_event_at} />.</strong> PagerDuty is connected.`
              : 'Waiting for PagerDuty … Trigger an incident there, or have the new webhook send its test event.'
          }
        </p>
        <${TestAlert} saved=${saved} />
      <//>
    </ol>
  `;
}

/** Where the URL goes, and where the signing secret comes from. */
export function InPagerDuty() {
  return html`
    <p>
      In PagerDuty open <strong>Integrations</strong>, then <strong>Generic Webhooks (v3)</strong>, and press <strong>New Webhook</strong>. Paste
      the URL, choose the scope (the whole account, a team, or a service) and the events, and press <strong>Add Webhook</strong>.
    </p>
    <p>It then shows a signing secret, once: paste that here and save it. Without it, whoever learns of the URL can send alerts in PagerDuty's name.</p>
  `;
}

function Step({ title, done, children }) {
  return html`
    <li class=${done ? 'step done' : 'step'}>
      <h3>${title}${done && html`<span class="step-done"><${Icon} name="check" /><span class="hidden">: done</span></span>`}</h3>
      <div class="step-body">${children}</div>
    </li>
  `;
}

/** "3 s ago", by the second. */
function SecondsAgo({ at }) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const seconds = Math.max(0, Math.round((now - Date.parse(at)) / 1000));
  const words = seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`;
  return html`<time datetime=${at} aria-live="off">${words} ago</time>`;
}

/** Tells everybody here of an alert that is none, to see how one arrives. */
export function TestAlert({ saved }) {
  const [busy, setBusy] = useState(false);
  const [sent, setSent] = useState(false);
  const send = async () => {
    if (busy) return;
    setBusy(true);
    try {
      await api(`${ADDRESS}/test-alert`, { method: 'POST', body: {} });
      setSent(true);
    } catch (problem) {
      setSent(false);
      toast(problem.body?.detail ?? problem.message, 'bad');
    }
    setBusy(false);
  };
  const ready = saved.configured && saved.enabled;
  return html`
    <div class="test">
      <button type="button" class="button" aria-disabled=${busy || !ready} onClick=${() => ready && send()} aria-describedby="test-alert-hint">${busy ? 'Sending …' : 'Send a test alert'}</button>
      <p class="hint" id="test-alert-hint">${ready ? 'Everybody in the organization sees it in the bell. It does not come from PagerDuty.' : 'Take alerts first: switch PagerDuty on.'}</p>
      <p class="hint" role="status">${sent ? 'Your test alert is in the bell. Done takes it away.' : ''}</p>
    </div>
  `;
}
