// The fields of an incident, as they are edited, checked and prefilled.
import { config } from '../core/config.js';
import { html } from '../core/html.js';
import { plain } from '../core/text.js';
import { TagEditor } from '../ui/chips.js';
import { Field, Select } from '../ui/field.js';
import { LEVELS, Notice, STATUSES } from '../ui/parts.js';

export const BLANK = {
  title: '',
  description: '',
  criticality: 'medium',
  urgency: 'medium',
  status: 'open',
  assignee_id: '',
  customer: '',
  tags: [],
};
export const FIELDS = Object.keys(BLANK);
const { tags: MOST_TAGS, all_tags: LONGEST_TAGS, title, description, customer } = config.limits;
const LONGEST = { title, description, customer }; // characters
/** What the fields are called. */
export const NAMES = {
  title: 'Title',
  status: 'Status',
  criticality: 'Criticality',
  urgency: 'Urgency',
  assignee_id: 'Assignee',
  customer: 'Customer',
  description: 'Description',
  tags: 'Tags',
};
export const CHOICES = { criticality: LEVELS, urgency: LEVELS, status: STATUSES };

function isChoice(field, value) {
  return CHOICES[field].some(([key]) => key === value);
}

/** The fields of a notification's prefill; what is missing or unknown there keeps its default. */
export function fromNotification({ prefill, title, body, urgency }) {
  const level = urgency === 'high' ? 'high' : 'medium';
  const given = prefill ?? { title, description: body, criticality: level, urgency: level };
  return clean(given, BLANK);
}

/** Explicit parameters of an address over `values`: title, description, …; tags repeated or separated by commas. */
export function withParameters(values, params) {
  const given = {};
  for (const field of FIELDS) if (field !== 'tags' && params.has(field)) given[field] = params.get(field);
  if (params.has('tags'))
    given.tags = params
      .getAll('tags')
      .flatMap((tags) => tags.split(','))
      .map((tag) => tag.trim())
      .filter(Boolean);
  return clean(given, values);
}

/** The known fields of `given` that are of the right kind, over `values`. */
export function clean(given, values) {
  const result = { ...values };
  for (const field of FIELDS) {
    const value = given?.[field];
    if (field === 'tags') {
      if (Array.isArray(value)) result.tags = [...new Set(value.filter((tag) => typeof tag === 'string' && tag))];
    } else if (typeof value === 'string' && (!(field in CHOICES) || isChoice(field, value))) {
      result[field] = value;
    }
  }
  return result;
}

/** The fields in which two differ, with the values of the second. */
export function changes(before, after) {
  return Object.fromEntries(
    FIELDS.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field])).map((field) => [field, after[field]]),
  );
}

/** Fields as the API takes them: where nobody is chosen, nobody works on it. */
export function bodyOf(fields) {
  return 'assignee_id' in fields ? { ...fields, assignee_id: fields.assignee_id || null } : fields;
}

/** What the server would refuse anyhow, said before it is asked; by field. */
export function check(values) {
  const wrong = {};
  if (!values.title.trim()) wrong.title = 'An incident needs a title.';
  for (const [field, most] of Object.entries(LONGEST)) {
    const { length } = [...values[field].trim()];
    if (length > most) wrong[field] = `At most ${most.toLocaleString('en')} characters fit here; these are ${length.toLocaleString('en')}.`;
  }
  const together = [...values.tags.join('')].length;
  if (together > LONGEST_TAGS)
    wrong.tags = `All tags together may have ${LONGEST_TAGS.toLocaleString('en')} characters; these have ${together.toLocaleString('en')}.`;
  if (values.tags.length > MOST_TAGS) wrong.tags = `At most ${MOST_TAGS} tags fit here; these are ${values.tags.length}.`;
  return wrong;
}

/** What the server said to a form; the fields that it complains about say it themselves. */
export function Refusal({ problem }) {
  const atFields = Object.keys(problem.fields ?? {}).some((field) => FIELDS.includes(field));
  return html`<${Notice} kind="bad" role="alert"><p>${atFields ? 'Not saved: please look at the marked fields.' : problem.message}</p><//>`;
}

/** In a form, while there is no network. */
export function Offline() {
  return html`<${Notice} kind="warning"><p>You are offline: this is not saved yet. What you typed stays here; press the button again when the network is back.</p><//>`;
}

/** Whom one may choose: who may work on incidents, and whoever does already. */
function assignees(members, chosen) {
  const may = (members ?? []).filter(({ user_id: id, role }) => role !== 'viewer' || id === chosen);
  const known = may.map((one) => [one.user_id, plain(one.display_name || one.email)]);
  if (chosen && !may.some(({ user_id: id }) => id === chosen)) known.push([chosen, members ? 'A former member' : '…']);
  return [['', 'Nobody yet'], ...known];
}

/** The fields as a form shows them; `onChange` gets the changed ones. `members` are null until they are known. */
export function IncidentFields({ values, errors, members, onChange }) {
  const typed = (field) => (event) => onChange({ [field]: event.currentTarget.value });
  const choice = (field, label) => html`
    <${Field} label=${label} error=${errors[field]}>
      ${(attributes) => html`<${Select} attributes=${attributes} options=${CHOICES[field]} value=${values[field]} onChange=${(value) => onChange({ [field]: value })} />`}
    <//>
  `;
  const oneLine = (event) => {
    if (event.key !== 'Enter' || event.isComposing) return;
    event.preventDefault();
    event.currentTarget.form.requestSubmit();
  };
  return html`
    <${Field} label="Title" error=${errors.title}>
      ${(attributes) => html`
        <textarea ...${attributes} class="title-input" name="title" rows="1" dir="auto" aria-required="true" value=${values.title} onInput=${typed('title')} onKeyDown=${oneLine}></textarea>
      `}
    <//>
    <div class="field-row">
      ${choice('status', 'Status')} ${choice('criticality', 'Criticality')} ${choice('urgency', 'Urgency')}
    </div>
    <${Field} label="Assignee" error=${errors.assignee_id}>
      ${(attributes) => html`<${Select} attributes=${attributes} options=${assignees(members, values.assignee_id)} value=${values.assignee_id} onChange=${(id) => onChange({ assignee_id: id })} />`}
    <//>
    <${Field} label="Customer" optional error=${errors.customer}>
      ${(attributes) => html`<input ...${attributes} type="text" name="customer" dir="auto" autocomplete="off" value=${values.customer} onInput=${typed('customer')} />`}
    <//>
    <${Field} label="Description" optional error=${errors.description}>
      ${(attributes) => html`<textarea ...${attributes} class="description-input" name="description" rows="8" dir="auto" value=${values.description} onInput=${typed('description')}></textarea>`}
    <//>
    <${TagEditor} label="Tags" tags=${values.tags} error=${errors.tags} onChange=${(tags) => onChange({ tags })} />
  `;
}
