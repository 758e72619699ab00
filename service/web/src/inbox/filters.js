// What the inbox is asked for: it stands in the address.
import { config } from '../core/config.js';
import { html, useState } from '../core/html.js';
import { Search } from '../ui/search.js';

const VIEWS = /** @type {[string, string][]} */ ([
  ['inbox', 'Inbox'],
  ['snoozed', 'Snoozed'],
  ['done', 'Done'],
  ['all', 'All'],
]);
const STATUSES = ['triggered', 'acknowledged', 'resolved'];
const URGENCIES = ['high', 'low'];
const only = (value, values, otherwise = '') => (values.includes(value) ? value : otherwise);

/** @param {string} query */
export function filtersOf(query) {
  const params = new URLSearchParams(query);
  return {
    view: only(
      params.get('view'),
      VIEWS.map(([name]) => name),
      'inbox',
    ),
    status: only(params.get('status'), STATUSES),
    urgency: only(params.get('urgency'), URGENCIES),
    unread: params.get('unread') === 'true',
    without_incident: params.get('without_incident') === 'true',
    q: (params.get('q') ?? '').slice(0, config.limits.search),
  };
}

/** Nothing where it is the plain inbox. */
export function queryOf({ view, status, urgency, unread, without_incident: without, q }) {
  const params = new URLSearchParams();
  if (view !== 'inbox') params.set('view', view);
  if (status) params.set('status', status);
  if (urgency) params.set('urgency', urgency);
  if (unread) params.set('unread', 'true');
  if (without) params.set('without_incident', 'true');
  if (q.trim()) params.set('q', q.trim());
  return params;
}

export function Filters({ filters, onChange }) {
  const [open, setOpen] = useState(false); // where there is little room
  const chosen = [filters.status, filters.urgency, filters.unread, filters.without_incident].filter(Boolean).length;
  return html`
    <nav class="tabs" aria-label="Views">
      ${VIEWS.map(([view, name]) => {
        const query = queryOf({ ...filters, view }).toString();
        return html`<a key=${view} href=${`/inbox${query && `?${query}`}`} aria-current=${filters.view === view ? 'page' : undefined}>${name}</a>`;
      })}
    </nav>
    <form class="inbox-filters" role="search" onSubmit=${(event) => event.preventDefault()}>
      <${Search} id="inbox-search" label="Title, service or #number" value=${filters.q} onChange=${(q) => onChange({ q })} />
      <button
        type="button" class="button more-filters" aria-expanded=${open} aria-controls="inbox-choices" onClick=${() => setOpen(!open)}
      >Filters${chosen > 0 && html` <span class="pill">${chosen}<span class="hidden"> in use</span></span>`}</button>
      <div id="inbox-choices" class=${open ? 'inbox-choices open' : 'inbox-choices'}>
        <${Choice} label="State" value=${filters.status} values=${STATUSES} onChange=${(status) => onChange({ status })} />
        <${Choice} label="Urgency" value=${filters.urgency} values=${URGENCIES} onChange=${(urgency) => onChange({ urgency })} />
        <label class="choice"><input type="checkbox" checked=${filters.unread} onChange=${() => onChange({ unread: !filters.unread })} />Unread</label>
        <label class="choice">
          <input type="checkbox" checked=${filters.without_incident} onChange=${() => onChange({ without_incident: !filters.without_incident })} />Without
          incident
        </label>
      </div>
    </form>
  `;
}

function Choice({ label, value, values, onChange }) {
  return html`
    <select aria-label=${label} value=${value} onChange=${(event) => onChange(event.currentTarget.value)}>
      <option value="" selected=${!value}>${label}: any</option>
      ${values.map((one) => html`<option key=${one} value=${one} selected=${one === value}>${one.charAt(0).toUpperCase() + one.slice(1)}</option>`)}
    </select>
  `;
}
