// "Test connection": what PagerDuty says to the API key that is typed, or to the saved one.
import { api } from '../core/api.js';
import { html, useState } from '../core/html.js';
import { Notice } from '../ui/parts.js';

const REGION_NAMES = { us: 'United States', eu: 'Europe' };
const TITLES = {
  valid: 'Connected',
  read_only: 'Connected, but the key may only read',
  invalid_key: 'PagerDuty does not know this key',
  malformed_key: 'This does not look like an API key',
  wrong_region: 'The key belongs to the other region',
  forbidden: 'PagerDuty does not let this key in',
  rate_limited: 'PagerDuty asks to wait',
  unreachable: 'PagerDuty cannot be reached',
  not_set: 'There is no key to test',
};

export function ConnectionTest({ apiKey, region, hasSaved, onRegion, onErrors }) {
  const [result, setResult] = useState(/** @type {import('../types.d.ts').KeyTest | null} */ (null));
  const [busy, setBusy] = useState(false);
  const test = async () => {
    if (busy) return;
    setBusy(true);
    setResult(null);
    try {
      const typed = apiKey?.trim();
      setResult(await api('/api/integrations/pagerduty/test', { method: 'POST', body: { region, ...(typed && { api_key: typed }) } }));
    } catch (problem) {
      if (problem.status === 422) onErrors(problem.fields);
      else setResult({ ok: false, status: 'unreachable', message: problem.message, title: 'The test could not be made' });
    }
    setBusy(false);
  };
  const nothing = !apiKey && !hasSaved;
  return html`
    <div class="test">
      <button type="button" class="button" aria-disabled=${busy} onClick=${test} aria-describedby="test-hint">${busy ? 'Testing …' : 'Test connection'}</button>
      <p class="hint" id="test-hint">${nothing ? 'Enter an API key to test it; nothing is saved by testing.' : `Tests ${apiKey ? 'the key that you typed, before it is saved' : 'the saved key'}.`}</p>
      <div role="status">
        ${result && html`<${Result} result=${result} region=${region} onRegion=${onRegion} />`}
      </div>
    </div>
  `;
}

function Result({ result, region, onRegion }) {
  const kind = result.ok ? (result.can_write === false ? 'warning' : 'good') : 'bad';
  const facts = [
    result.account && `account ${result.account}`,
    result.region && `region ${REGION_NAMES[result.region]}`,
    result.user_email && `user ${result.user_email}`,
    result.can_write !== null && result.can_write !== undefined && (result.can_write ? 'may read and write' : 'may only read'),
  ].filter(Boolean);
  const other = result.status === 'wrong_region' && result.region && result.region !== region;
  return html`
    <${Notice} kind=${kind}>
      <p><strong>${result.title ?? TITLES[result.status] ?? result.status}</strong></p>
      <p dir="auto">${result.message}</p>
      ${facts.length > 0 && html`<p class="hint" dir="auto">${facts.join(' · ')}</p>`}
      ${other && html`<p><button type="button" class="button" onClick=${() => onRegion(result.region)}>Use ${REGION_NAMES[result.region]}</button></p>`}
    <//>
  `;
}
