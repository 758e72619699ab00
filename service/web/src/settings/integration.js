// The PagerDuty card: everything that connects an organization to PagerDuty.
import { api } from '../core/api.js';
import { dropDraft, readDraft, saveDraft } from '../core/drafts.js';
import { html, useEffect, useElement, useRef, useState } from '../core/html.js';
import { useBroadcast } from '../core/realtime.js';
import { myId } from '../core/session.js';
import { useSync } from '../core/sync.js';
import { fullTime } from '../core/time.js';
import { Field, focusFirstError, Select, Switch } from '../ui/field.js';
import { PagerDutyMark } from '../ui/icons.js';
import { Failure, Notice, nameOf, Skeleton } from '../ui/parts.js';
import { toast } from '../ui/toast.js';
import { useUnsaved } from '../ui/unsaved.js';
import { ConnectionTest } from './connection-test.js';
import { describeTypes, EventTypes } from './event-types.js';
import { Health } from './health.js';
import { Paging } from './paging.js';
import { SecretField } from './secret-field.js';
import { choiceOf, describeServices, Services, servicesOf } from './services.js';
import { InPagerDuty, isConnected, Steps, TestAlert } from './steps.js';
import { Subscription } from './subscription.js';
import { ADDRESS, WebhookAddress } from './webhook-address.js';

const REGIONS = [
  ['us', 'United States'],
  ['eu', 'Europe'],
];

const DIRECTIONS = [
  ['both', 'Both ways'],
  ['to_pagerduty', 'To PagerDuty only'],
  ['from_pagerduty', 'From PagerDuty only'],
  ['off', 'Neither way'],
];

/** Before PagerDuty sent anything, the steps say how it stands, unless something is wrong. */
function showsHealth({ can_edit: mayEdit, health }) {
  return !mayEdit || !['not_configured', 'waiting'].includes(health.state);
}

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
      ${showsHealth(saved) && html`<${Health} saved=${saved} />`}
      ${
        saved.can_edit
          ? html`<${Form} saved=${saved} setSaved=${setSaved} read=${read} organization=${organization} />`
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

/** The fields that are saved together, as they are now. */
function fieldsOf(saved) {
  return {
    region: saved.region,
    event_types: saved.event_types,
    services: choiceOf(saved.services, saved.seen_services),
    integration_key: saved.integration_key ?? '',
    sync_status: saved.sync_status,
    sync_notes: saved.sync_notes,
    acting_email: saved.acting_email ?? '',
    paging_service_id: saved.paging_service_id ?? '',
    paging_criticality: saved.paging_criticality,
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
  for (const name of ['sync_status', 'sync_notes', 'paging_criticality']) if (fields[name] !== saved[name]) changed[name] = fields[name];
  if (fields.acting_email.trim() !== (saved.acting_email ?? '')) changed.acting_email = fields.acting_email.trim() || null;
  if (fields.paging_service_id !== (saved.paging_service_id ?? '')) changed.paging_service_id = fields.paging_service_id || null;
  if (fields.api_key) changed.api_key = fields.api_key.trim();
  if (fields.signing_secret) changed.signing_secret = fields.signing_secret.trim();
  return changed;
}

/** Those fields that are not as they are saved. */
function editsOf(fields, saved) {
  return Object.fromEntries(Object.keys(changesOf(fields, saved)).map((name) => [name, fields[name]]));
}

/** What survives a change of the page: what was changed, but for the secrets. Null: nothing. */
function draftOf(fields, saved) {
  const { api_key: _, signing_secret: __, ...edits } = editsOf(fields, saved);
  return Object.keys(edits).length > 0 ? edits : null;
}

function Form({ saved, setSaved, read, organization }) {
  const draft = `integration:${myId()}:${organization.id}`;
  const [restored, setRestored] = useState(() => readDraft(draft));
  const [fields, setFields] = useState(() => ({ ...fieldsOf(saved), ...restored }));
  const [wasConnected] = useState(isConnected(saved)); // the steps stay until one comes back
  const [errors, setErrors] = useState(/** @type {Record<string, string | undefined>} */ ({}));
  const [saving, setSaving] = useState(false);
  const form = useElement();
  const base = useRef(saved);
  const dirty = Object.keys(changesOf(fields, base.current)).length > 0;
  useUnsaved(dirty, 'What you changed waits here until you come back, but for a secret that you typed.');
  useEffect(() => {
    const kept = draftOf(fields, base.current);
    if (kept) saveDraft(draft, kept);
    else dropDraft(draft);
  }, [fields]);
  const discard = () => {
    setFields(fieldsOf(base.current));
    setErrors({});
    setRestored(null);
  };
  useEffect(() => {
    // Saved elsewhere, by somebody else: shown here, and not taken back by what is changed here.
    const known = base.current;
    if (saved.updated_at !== known.updated_at) setFields((old) => ({ ...fieldsOf(saved), ...editsOf(old, known) }));
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
    const changed = changesOf(fields, base.current);
    if (!Object.keys(changed).length) {
      toast('Nothing was changed.');
      return;
    }
    const answer = await send(changed, 'Saved.');
    if (answer) {
      setFields(fieldsOf(answer));
      setRestored(null);
    }
  };
  const saveKey = async () => {
    const { api_key: key, region } = changesOf(fields, base.current);
    const answer = await send({ ...(key !== undefined && { api_key: key }), ...(region !== undefined && { region }) }, 'API key saved.');
    if (answer) change('api_key')(null);
    return answer;
  };
  const remove = (name, done) => async () => {
    if (await send({ [name]: null }, done)) change(name)(null);
  };
  const secret = html`
    <${SecretField}
      label="Signing secret" hint="Shown once by PagerDuty when the webhook is made. With it, nothing unsigned is accepted."
      saved=${saved.signing_secret} value=${fields.signing_secret} error=${errors.signing_secret}
      onChange=${change('signing_secret')} onRemove=${remove('signing_secret', 'Signing secret removed: the secret URL alone protects the webhook now.')}
      removal="Webhooks are then accepted without a signature: only the secrecy of the URL protects them."
    />
    ${fields.signing_secret && html`<div class="actions start"><button type="submit" class="button" aria-disabled=${saving}>Save the signing secret</button></div>`}
  `;
  return html`
    <form ref=${form} noValidate autocomplete="off" onSubmit=${submit}>
      ${
        restored &&
        dirty &&
        html`
        <${Notice} role="status"><p>What you had changed and not saved is back. <button type="button" class="link-button" onClick=${discard}>Discard it</button></p><//>
      `
      }
      <h3>Connecting</h3>
      <${SecretField}
        label="API key" hint="With it, PagerDuty is set up from here. In PagerDuty: Integrations, API Access Keys, Create New API Key, not read-only."
        saved=${saved.api_key} value=${fields.api_key} error=${errors.api_key}
        onChange=${change('api_key')} onRemove=${remove('api_key', 'API key removed.')}
        removal="Alerts still arrive. What PagerDuty is asked from here needs another key."
      />
      <${Field} label="Service region" error=${errors.region} hint="Where your PagerDuty account lives. Test connection finds out.">
        ${(attributes) => html`<${Select} attributes=${attributes} options=${REGIONS} value=${fields.region} onChange=${change('region')} />`}
      <//>
      <${ConnectionTest} apiKey=${fields.api_key} region=${fields.region} hasSaved=${saved.api_key.set} onRegion=${change('region')} onErrors=${setErrors} />
      <${Subscription} saved=${saved} setSaved=${setSaved} read=${read} save=${saveKey} hasTyped=${Boolean(fields.api_key)} />
      ${
        wasConnected || saved.subscription
          ? html`
          <h3>Receiving alerts</h3>
          <${WebhookAddress} saved=${saved} setSaved=${setSaved} />
          ${secret}
          <details class="roles"><summary>Where in PagerDuty it goes</summary><${InPagerDuty} /></details>
          <${TestAlert} saved=${saved} />
        `
          : html`<h3>Or by hand</h3><${Steps} saved=${saved} setSaved=${setSaved} read=${read} secret=${secret} />`
      }
      <h3>Both ways</h3>
      <p class="hint">What is done here is told to PagerDuty as the member who did it, by their address; it needs the API key.</p>
      <${Field} label="Status" error=${errors.sync_status}>
        ${(attributes) => html`<${Select} attributes=${attributes} options=${DIRECTIONS} value=${fields.sync_status} onChange=${change('sync_status')} />`}
      <//>
      <${Field} label="Comments and notes" error=${errors.sync_notes}>
        ${(attributes) => html`<${Select} attributes=${attributes} options=${DIRECTIONS} value=${fields.sync_notes} onChange=${change('sync_notes')} />`}
      <//>
      <${Field} label="Act as" optional error=${errors.acting_email} hint="Address of the PagerDuty user in whose name PagerDuty is told what a member did whom it does not know. Empty: that is not told.">
        ${(attributes) => html`<input ...${attributes} type="email" spellcheck="false" value=${fields.acting_email} onInput=${(event) => change('acting_email')(event.currentTarget.value)} />`}
      <//>
      ${
        saved.subscription &&
        html`<${Paging} service=${fields.paging_service_id} criticality=${fields.paging_criticality} errors=${errors} change=${change} readUntil=${saved.reconciliation?.read_until} />`
      }
      <${Outbox} outbox=${saved.outbox} />
      <h3>Who is told</h3>
      <p class="hint">These filters hide alerts from the bell, and from nothing else: an incident that was made of an alert follows PagerDuty all the same.</p>
      <${EventTypes} chosen=${fields.event_types} error=${errors.event_types} onChange=${change('event_types')} />
      <${Services} choice=${fields.services} seen=${saved.seen_services} error=${errors.services} onChange=${change('services')} />
      <${Field} label="Integration key filter" optional error=${errors.integration_key} hint="V3 webhooks carry no integration key, only the service's id: choose services above. This is for older webhooks: only alerts of the integration with this key are told. Empty tells of all.">
        ${(attributes) => html`<input ...${attributes} type="text" spellcheck="false" value=${fields.integration_key} onInput=${(event) => change('integration_key')(event.currentTarget.value)} />`}
      <//>
      <div class="actions save-bar">
        <p class="hint" role="status">${dirty ? 'There are changes to save.' : ''}</p>
        <button type="submit" class="button primary" aria-disabled=${saving}>${saving ? 'Saving …' : 'Save changes'}</button>
      </div>
    </form>
  `;
}

/** What PagerDuty has not been told, and why. */
function Outbox({ outbox }) {
  if (!outbox || !(outbox.waiting || outbox.dead || outbox.paused_until)) return null;
  const paused =
    outbox.paused_until &&
    html`<p dir="auto">Nothing is told until <time datetime=${outbox.paused_until}>${fullTime(outbox.paused_until)}</time>: ${outbox.paused_because}</p>`;
  const counts = [
    outbox.waiting && `${outbox.waiting} waiting to be told`,
    outbox.dead && `${outbox.dead} given up: their incidents say why`,
  ]
    .filter(Boolean)
    .join(', ');
  return html`<${Notice} kind=${paused || outbox.dead ? 'warning' : 'info'} role="status">${paused}${counts && html`<p>${counts}.</p>`}<//>`;
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
