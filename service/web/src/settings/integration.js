// The PagerDuty card: everything that connects an organization to PagerDuty.
import { api } from '../core/api.js';
import { html, useEffect, useElement, useRef, useState } from '../core/html.js';
import { useBroadcast } from '../core/realtime.js';
import { useSync } from '../core/sync.js';
import { fullTime } from '../core/time.js';
import { ask } from '../ui/dialog.js';
import { Field, focusFirstError, Select, Switch } from '../ui/field.js';
import { PagerDutyMark } from '../ui/icons.js';
import { CopyButton, Failure, Notice, nameOf, Skeleton } from '../ui/parts.js';
import { toast } from '../ui/toast.js';
import { ConnectionTest } from './connection-test.js';
import { describeTypes, EventTypes } from './event-types.js';
import { Health } from './health.js';
import { SecretField } from './secret-field.js';
import { choiceOf, describeServices, Services, servicesOf } from './services.js';

const ADDRESS = '/api/integrations/pagerduty';
const REGIONS = [
  ['us', 'United States'],
  ['eu', 'Europe'],
];

export function IntegrationTab({ organization }) {
  const [saved, setSaved] = useState(/** @type {import('../types.d.ts').Integration | null} */ (null));
  const [problem, setProblem] = useState(/** @type {any | null} */ (null));
  const read = () =>
    api(ADDRESS).then((answer) => {
      setProblem(null);
      setSaved(answer);
    }, setProblem);
  useEffect(() => {
    read();
  }, []);
  useSync(read);
  const timer = useRef(/** @type {any} */ (null));
  useEffect(() => () => clearTimeout(timer.current), []);
  useBroadcast('notification', () => {
    timer.current ??= setTimeout(() => {
      timer.current = null;
      read();
    }, 500);
  });

  if (!saved)
    return problem
      ? html`<${Failure} problem=${problem} onRetry=${read} />`
      : html`<div class="card"><${Skeleton} rows=${9} class="form" /></div>`;
  return html`
    <section class="card integration" aria-labelledby="pagerduty-title">
      <div class="card-head">
        <${PagerDutyMark} />
        <div>
          <h2 id="pagerduty-title">PagerDuty</h2>
          <p class="hint">Alerts become notifications in the bell of everybody in <bdi>${organization.name}</bdi>.</p>
        </div>
        ${
          saved.can_edit
            ? html`<${Enable} saved=${saved} setSaved=${setSaved} />`
            : html`<span class=${saved.enabled ? 'pill status-resolved' : 'pill'}>${saved.enabled ? 'On' : 'Off'}</span>`
        }
      </div>
      ${problem && html`<${Failure} problem=${problem} onRetry=${read} />`}
      <${Health} saved=${saved} />
      ${
        saved.can_edit
          ? html`<${Form} saved=${saved} setSaved=${setSaved} />`
          : html`<${ReadOnly} saved=${saved} organization=${organization} />`
      }
    </section>
  `;
}

function Enable({ saved, setSaved }) {
  const [wanted, setWanted] = useState(/** @type {boolean | null} */ (null)); // while it is being saved
  const change = async (enabled) => {
    if (wanted !== null) return;
    setWanted(enabled);
    try {
      setSaved(await api(ADDRESS, { method: 'POST', body: { enabled } }));
      toast(enabled ? 'PagerDuty is on.' : 'PagerDuty is off: what arrives is recorded, and nobody is notified.');
    } catch (problem) {
      toast(problem.message, 'bad');
    }
    setWanted(null);
  };
  return html`<${Switch} checked=${wanted ?? saved.enabled} onChange=${change}>Take alerts<//>`;
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

function WebhookAddress({ saved, setSaved }) {
  if (!saved.webhook_url) {
    return html`
      <div class="field">
        <span class="label">Webhook URL</span>
        <p class="hint reserve">You get it when PagerDuty is switched on, or anything here is saved, for the first time.</p>
      </div>
    `;
  }
  return html`
    <${Field} label="Webhook URL" hint=${saved.bare_webhook_url ? `It is secret: whoever knows it can send alerts. This organization also takes ${saved.bare_webhook_url}.` : 'It is secret: whoever knows it can send alerts. In PagerDuty: Integrations, Generic Webhooks (v3), New Webhook.'}>
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

/** The fields that are saved together, as they are now. */
function fieldsOf(saved) {
  return {
    region: saved.region,
    event_types: saved.event_types,
    services: choiceOf(saved.services, saved.seen_services),
    integration_key: saved.integration_key ?? '',
    api_key: null,
    signing_secret: null,
  };
}

/** What to send: only what differs. A secret is sent when one was typed; '' in the key filter takes it away. */
function changesOf(fields, saved) {
  /** @type {Record<string, unknown>} */
  const changed = {};
  if (fields.region !== saved.region) changed.region = fields.region;
  if (JSON.stringify(fields.event_types) !== JSON.stringify(saved.event_types)) changed.event_types = fields.event_types;
  const services = servicesOf(fields.services);
  if (JSON.stringify(services) !== JSON.stringify(saved.services && [...saved.services].sort())) changed.services = services;
  if (fields.integration_key.trim() !== (saved.integration_key ?? '')) changed.integration_key = fields.integration_key.trim() || null;
  if (fields.api_key) changed.api_key = fields.api_key.trim();
  if (fields.signing_secret) changed.signing_secret = fields.signing_secret.trim();
  return changed;
}

function Form({ saved, setSaved }) {
  const [fields, setFields] = useState(() => fieldsOf(saved));
  const [errors, setErrors] = useState(/** @type {Record<string, string | undefined>} */ ({}));
  const [saving, setSaving] = useState(false);
  const form = useElement();
  const base = useRef(saved);
  const dirty = Object.keys(changesOf(fields, base.current)).length > 0;
  useEffect(() => {
    // Saved elsewhere, by somebody else: shown here unless something is being typed.
    if (saved.updated_at !== base.current.updated_at && !dirty) setFields(fieldsOf(saved));
    base.current = saved;
  }, [saved]);

  const change = (name) => (value) => {
    setFields((old) => ({ ...old, [name]: value }));
    setErrors((old) => ({ ...old, [name]: undefined }));
  };
  const send = async (body, done) => {
    setSaving(true);
    try {
      const answer = await api(ADDRESS, { method: 'POST', body });
      base.current = answer;
      setSaved(answer);
      setErrors({});
      toast(done);
      return answer;
    } catch (problem) {
      setErrors(problem.fields ?? {});
      if (!Object.keys(problem.fields ?? {}).length) toast(problem.message, 'bad');
      focusFirstError(form.current);
      return null;
    } finally {
      setSaving(false);
    }
  };
  const submit = async (event) => {
    event.preventDefault();
    if (saving) return;
    const lists = { event_types: fields.event_types, services: servicesOf(fields.services) };
    const empty = Object.keys(lists).filter((name) => lists[name]?.length === 0);
    if (empty.length) {
      setErrors(Object.fromEntries(empty.map((name) => [name, 'Choose at least one, or take all of them.'])));
      focusFirstError(form.current);
      return;
    }
    const answer = await send(changesOf(fields, base.current), 'Saved.');
    if (answer) setFields(fieldsOf(answer));
  };
  const remove = (name, done) => async () => {
    if (await send({ [name]: null }, done)) change(name)(null);
  };
  return html`
    <form ref=${form} noValidate autocomplete="off" onSubmit=${submit}>
      <h3>Receiving alerts</h3>
      <${WebhookAddress} saved=${saved} setSaved=${setSaved} />
      <${SecretField}
        label="Signing secret" hint="Shown once by PagerDuty when the webhook is made. With it, nothing unsigned is accepted."
        saved=${saved.signing_secret} value=${fields.signing_secret} error=${errors.signing_secret}
        onChange=${change('signing_secret')} onRemove=${remove('signing_secret', 'Signing secret removed: the secret URL alone protects the webhook now.')}
        removal="Webhooks are then accepted without a signature: only the secrecy of the URL protects them."
      />
      <h3>Who is told</h3>
      <p class="hint">These filters hide alerts from the bell, and from nothing else: an incident that was made of an alert follows PagerDuty all the same.</p>
      <${EventTypes} chosen=${fields.event_types} error=${errors.event_types} onChange=${change('event_types')} />
      <${Services} choice=${fields.services} seen=${saved.seen_services} error=${errors.services} onChange=${change('services')} />
      <${Field} label="Integration key filter" optional error=${errors.integration_key} hint="V3 webhooks carry no integration key, only the service's id: choose services above. This is for older webhooks: only alerts of the integration with this key are told. Empty tells of all.">
        ${(attributes) => html`<input ...${attributes} type="text" spellcheck="false" value=${fields.integration_key} onInput=${(event) => change('integration_key')(event.currentTarget.value)} />`}
      <//>
      <h3>Talking to PagerDuty</h3>
      <${SecretField}
        label="API key" hint="A REST API key of your PagerDuty account."
        saved=${saved.api_key} value=${fields.api_key} error=${errors.api_key}
        onChange=${change('api_key')} onRemove=${remove('api_key', 'API key removed.')}
        removal="Nothing can be asked of PagerDuty then. Alerts still arrive."
      />
      <${Field} label="Service region" error=${errors.region} hint="Where your PagerDuty account lives. Test connection finds out.">
        ${(attributes) => html`<${Select} attributes=${attributes} options=${REGIONS} value=${fields.region} onChange=${change('region')} />`}
      <//>
      <${ConnectionTest} apiKey=${fields.api_key} region=${fields.region} hasSaved=${saved.api_key.set} onRegion=${change('region')} onErrors=${setErrors} />
      <div class="actions save-bar">
        <p class="hint" role="status">${dirty ? 'There are changes to save.' : ''}</p>
        <button type="submit" class="button primary" aria-disabled=${saving}>${saving ? 'Saving …' : 'Save changes'}</button>
      </div>
    </form>
  `;
}

function ReadOnly({ saved, organization }) {
  const facts = [
    ['Alerts', saved.enabled ? 'Taken' : 'Not taken: PagerDuty is switched off'],
    ['Event types', describeTypes(saved.event_types)],
    ['PagerDuty services', describeServices(saved.services)],
    ['Signing secret', saved.signing_secret.set ? 'Set' : 'Not set'],
    ['API key', saved.api_key.set ? 'Set' : 'Not set'],
    ['Service region', nameOf(REGIONS, saved.region)],
  ];
  return html`
    <${Notice}><p>Only owners and admins of <bdi>${organization.name}</bdi> may change this and see its webhook URL; your role is ${organization.role}.</p><//>
    <dl class="facts">${facts.map(([name, value]) => html`<div key=${name}><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
  `;
}
