// An incident in PagerDuty: how it stands there, and what one may ask for.
import { api } from '../core/api.js';
import { html, useEffect, useState } from '../core/html.js';
import { useBroadcast } from '../core/realtime.js';
import { useSync } from '../core/sync.js';
import { plain, webAddress } from '../core/text.js';
import { Dialog } from '../ui/dialog.js';
import { Field, Select } from '../ui/field.js';
import { Icon } from '../ui/icons.js';
import { Notice, Skeleton } from '../ui/parts.js';
import { Told } from './told.js';

const HOUR = 3600; // seconds

/** What may be asked for: [what it is called, of what the dialog asks, its button, the button that opens it]. */
const REQUESTS = {
  priority: ['Priority', 'Change its priority in PagerDuty', 'Change', 'Priority'],
  urgency: ['Urgency', 'Change its urgency in PagerDuty', 'Change', 'Urgency'],
  assignment: ['Reassignment', 'Give it to somebody else in PagerDuty', 'Reassign', 'Reassign'],
  escalation: ['Escalation', 'Escalate it in PagerDuty', 'Escalate', 'Escalate'],
  snooze: ['Snooze', 'Snooze it in PagerDuty', 'Snooze', 'Snooze'],
  responders: ['Responders', 'Ask somebody to join', 'Ask them', 'Responders'],
  status_update: ['Status update', 'Publish a status update', 'Publish', 'Status update'],
  incident: ['Page', 'Page a service in PagerDuty', 'Page it', 'Page a service'],
};
const BUTTONS = ['priority', 'urgency', 'assignment', 'escalation', 'snooze', 'responders', 'status_update'];
const URGENCIES = [
  ['high', 'High'],
  ['low', 'Low'],
];
const SNOOZES = [
  [HOUR, 'an hour'],
  [4 * HOUR, 'four hours'],
  [24 * HOUR, 'a day'],
  [72 * HOUR, 'three days'],
].map(([seconds, text]) => [String(seconds), `For ${text}`]);

/** The notification, kept current: what PagerDuty told last. */
function useAlert(id) {
  const [alert, setAlert] = useState(/** @type {import('../types.d.ts').Notification | null} */ (null));
  const take = (row) => setAlert((old) => (old && old.seq > row.seq ? old : row));
  const read = () => id && api(`/api/notifications/${id}`).then(take, () => {}); // without it, the link alone is shown
  useEffect(() => {
    read();
  }, [id]);
  useSync(read);
  useBroadcast('notification', (row) => row.id === id && take(row));
  return alert;
}

export function InPagerDuty({ incident, told, retry, mayChange, asked }) {
  const [thing, setThing] = useState('');
  const alert = useAlert(incident.notification_id);
  const isLinked = Boolean(incident.pagerduty_incident_id);
  const requests = told.filter((item) => item.thing in REQUESTS);
  if (!isLinked && !mayChange && !requests.length) return null;
  const link = webAddress(incident.pagerduty_url);
  const name = incident.pagerduty_incident_id;
  return html`
    <section class="card" aria-labelledby="in-pagerduty">
      <h2 id="in-pagerduty">In PagerDuty</h2>
      ${
        isLinked
          ? html`
          <dl class="facts">
            <div><dt>Incident</dt><dd>
              ${
                link
                  ? html`<a href=${link} target="_blank" rel="noopener noreferrer"><bdi>${name}</bdi><${Icon} name="external" /><span class="hidden">(opens in a new tab)</span></a>`
                  : html`<bdi>${name}</bdi>`
              }
              <${Told} item=${told.find((item) => item.thing === 'status')} what="Status: " retry=${retry} />
            </dd></div>
            ${alert && html`<${Facts} alert=${alert} />`}
          </dl>
        `
          : html`<p class="hint">Nobody was paged of it yet.</p>`
      }
      ${requests.map((item) => html`<p key=${item.id} class="request"><${Told} item=${item} what=${`${REQUESTS[item.thing][0]}: `} retry=${retry} /></p>`)}
      ${
        mayChange &&
        html`
        <div class="actions start">
          ${(isLinked ? BUTTONS : ['incident']).map(
            (each) => html`
            <button key=${each} type="button" class="button" onClick=${() => setThing(each)}>${REQUESTS[each][3]}…</button>
          `,
          )}
        </div>
      `
      }
      ${thing && html`<${Request} thing=${thing} incident=${incident} asked=${asked} close=${() => setThing('')} />`}
    </section>
  `;
}

function Facts({ alert }) {
  return html`
    <div><dt>Priority</dt><dd>${alert.priority ? html`<bdi>${alert.priority}</bdi>` : html`<span class="hint">none</span>`}</dd></div>
    <div><dt>Urgency</dt><dd>${alert.urgency === 'high' ? 'High' : alert.urgency === 'low' ? 'Low' : html`<span class="hint">not known</span>`}</dd></div>
    <div><dt>Assigned to</dt><dd>${alert.assignees.length ? html`<bdi>${alert.assignees.map(plain).join(', ')}</bdi>` : html`<span class="hint">nobody</span>`}</dd></div>
    ${alert.service_name && html`<div><dt>Service</dt><dd><bdi>${alert.service_name}</bdi></dd></div>`}
  `;
}

/** Asks what exactly is wanted, and has the worker ask PagerDuty for it. */
function Request({ thing, incident, asked, close }) {
  const [directory, setDirectory] = useState(/** @type {any} */ (null));
  const [values, setValues] = useState(/** @type {Record<string, string>} */ ({}));
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const [problem, setProblem] = useState('');
  const [sending, setSending] = useState(false);
  useEffect(() => {
    api('/api/integrations/pagerduty/directory').then(setDirectory, (failed) => setProblem(failed.message));
  }, []);
  const [, title, button] = REQUESTS[thing];
  const send = async (event) => {
    event.preventDefault();
    if (sending || !directory) return;
    const { body, wrong } = bodyOf(thing, values, directory);
    setErrors(/** @type {any} */ (wrong) ?? {});
    if (wrong) return;
    setSending(true);
    setProblem('');
    try {
      asked(await api(`/api/incidents/${incident.id}/pagerduty`, { method: 'POST', body: { thing, ...body } }));
      close();
    } catch (failed) {
      setErrors(failed.fields ?? {});
      setProblem(failed.body?.detail ?? failed.message);
      setSending(false);
    }
  };
  const change = (field) => (value) => setValues({ ...values, [field]: value });
  return html`
    <${Dialog} title=${title} onClose=${close}>
      <form noValidate onSubmit=${send}>
        ${!directory && !problem && html`<${Skeleton} rows=${2} class="form" />`}
        ${directory && html`<${Fields} thing=${thing} directory=${directory} values=${values} errors=${errors} change=${change} />`}
        ${problem && html`<${Notice} kind="bad" role="alert"><p dir="auto">${problem}</p><//>`}
        <div class="actions">
          <button type="button" class="button" onClick=${close}>Cancel</button>
          <button type="submit" class="button primary" aria-disabled=${sending || !directory}>${sending ? 'Asking …' : button}</button>
        </div>
      </form>
    <//>
  `;
}

const choices = (list) => list.map(({ id, name }) => [id, plain(name)]);

/** By the thing: the field, its label, and what there is to choose from. */
function choice(thing, directory) {
  if (thing === 'priority') return ['priority', 'Priority', choices(directory.priorities)];
  if (thing === 'urgency') return ['urgency', 'Urgency', URGENCIES];
  if (thing === 'assignment') return ['users', 'To', choices(directory.users)];
  if (thing === 'snooze') return ['seconds', 'How long', SNOOZES];
  if (thing === 'incident') return ['service', 'Service', choices(directory.services)];
  if (thing === 'responders')
    return [
      'users',
      'Whom',
      [...choices(directory.users), ...directory.escalation_policies.map(({ id, name }) => [`policy:${id}`, `On call for ${plain(name)}`])],
    ];
  return null;
}

function Fields({ thing, directory, values, errors, change }) {
  const chosen = choice(thing, directory);
  if (chosen && !chosen[2].length)
    return html`<${Notice}><p>What there is to choose from in PagerDuty is not known yet: it is read within a minute after an admin has connected it in the settings.</p><//>`;
  return html`
    ${
      chosen &&
      html`
      <${Field} label=${chosen[1]} error=${errors[chosen[0]]}>
        ${(attributes) => html`<${Select} attributes=${attributes} options=${chosen[2]} value=${values[chosen[0]] ?? chosen[2][0][0]} onChange=${change(chosen[0])} />`}
      <//>
    `
    }
    ${
      thing === 'escalation' &&
      html`
      <${Field} label="To level" error=${errors.level} hint="Of its escalation policy: 1 is who is paged first.">
        ${(attributes) => html`<input ...${attributes} type="number" min="1" max="20" inputmode="numeric" value=${values.level ?? '2'} onInput=${(event) => change('level')(event.currentTarget.value)} />`}
      <//>
    `
    }
    ${
      ['responders', 'status_update'].includes(thing) &&
      html`
      <${Field} label="Message" error=${errors.message}>
        ${(attributes) => html`<textarea ...${attributes} rows="3" dir="auto" maxlength="1000" value=${values.message ?? ''} onInput=${(event) => change('message')(event.currentTarget.value)}></textarea>`}
      <//>
    `
    }
  `;
}

/** As the API takes it, or what is wrong with it by field. */
function bodyOf(thing, values, directory) {
  if (thing === 'escalation') {
    const level = Number(values.level ?? '2');
    return Number.isInteger(level) && level >= 1 && level <= 20 ? { body: { level } } : { wrong: { level: 'A number from 1 to 20.' } };
  }
  const [field, , options] = choice(thing, directory) ?? [];
  const value = field && (values[field] ?? options[0]?.[0]);
  if (field && !options.length) return { wrong: {} };
  const message = values.message?.trim();
  if (['responders', 'status_update'].includes(thing) && !message) return { wrong: { message: 'Say what it is about.' } };
  if (thing === 'status_update') return { body: { message } };
  if (thing === 'responders') {
    const [kind, id] = value.startsWith('policy:') ? ['policies', value.slice('policy:'.length)] : ['users', value];
    return { body: { [kind]: [id], message } };
  }
  if (thing === 'assignment') return { body: { users: [value] } };
  if (thing === 'snooze') return { body: { seconds: Number(value) } };
  return { body: { [field]: value } };
}
