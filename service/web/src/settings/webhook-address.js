// The URL that PagerDuty sends to: to copy, and to replace once it became known.
import { api } from '../core/api.js';
import { html, useState } from '../core/html.js';
import { fullTime } from '../core/time.js';
import { ask } from '../ui/dialog.js';
import { Field } from '../ui/field.js';
import { CopyButton } from '../ui/parts.js';
import { toast } from '../ui/toast.js';

export const ADDRESS = '/api/integrations/pagerduty';

export function WebhookAddress({ saved, setSaved }) {
  if (!saved.webhook_url) return html`<${FirstAddress} setSaved=${setSaved} />`;
  const bare = saved.bare_webhook_url && ` This organization also takes ${saved.bare_webhook_url}.`;
  return html`
    <${Field} label="Webhook URL" hint=${`It is secret: whoever knows it can send alerts.${bare || ''}`}>
      ${(attributes) => html`
        <div class="with-button">
          <input ...${attributes} type="text" readonly value=${saved.webhook_url} onFocus=${(event) => event.currentTarget.select()} />
          <${CopyButton} text=${saved.webhook_url} label="Copy" />
        </div>
      `}
    <//>
    <${NewAddress} saved=${saved} setSaved=${setSaved} />
  `;
}

/** There is one as soon as anything is saved: switching on is what one comes for. */
function FirstAddress({ setSaved }) {
  const [busy, setBusy] = useState(false);
  const make = async () => {
    if (busy) return;
    setBusy(true);
    try {
      setSaved(await api(ADDRESS, { method: 'POST', body: { enabled: true } }));
    } catch (problem) {
      toast(problem.message, 'bad');
      setBusy(false);
    }
  };
  return html`
    <p>PagerDuty needs an address of this organization's own to send alerts to.</p>
    <div class="actions start"><button type="button" class="button primary" aria-disabled=${busy} onClick=${make}>${busy ? 'Making it …' : 'Make the webhook URL'}</button></div>
  `;
}

/** Replaces the webhook URL, once it is agreed what that does. */
function NewAddress({ saved, setSaved }) {
  const [busy, setBusy] = useState(false);
  const until = saved.previous_webhook_url_expires_at;
  const rotate = async () => {
    if (busy) return;
    const ends = until ? ` The URL before it, which is taken until ${fullTime(until)}, stops at once.` : '';
    const text = `Give the new one to PagerDuty within 48 hours: so long, the one shown now is taken, too.${ends}`;
    if (!(await ask({ title: 'Make a new webhook URL?', text, action: 'Make a new URL' }))) return;
    setBusy(true);
    try {
      setSaved(await api(`${ADDRESS}/rotate-url`, { method: 'POST' }));
      toast('This is the new URL: give it to PagerDuty.');
    } catch (problem) {
      toast(problem.message, 'bad');
    }
    setBusy(false);
  };
  return html`
    <div class="new-address">
      <button type="button" class="button" aria-disabled=${busy} onClick=${rotate}>New URL…</button>
      ${until && html`<p class="hint">The URL before this one is taken until <time datetime=${until}>${fullTime(until)}</time>.</p>`}
    </div>
  `;
}
