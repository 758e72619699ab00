// The organization's incidents, newest first, filtered by what stands in the address.
import '../core/shared.js';
import { config } from '../core/config.js';
import { useFound } from '../core/found.js';
import { html, useEffect, useMemo, useRef } from '../core/html.js';
import { namesOf, useMembers } from '../core/people.js';
import { useBroadcast } from '../core/realtime.js';
import { setQuery, useRoute, useScrollBack } from '../core/router.js';
import { newestFirst } from '../core/rows.js';
import { atLeast, myId } from '../core/session.js';
import { useStore } from '../core/store.js';
import { useSync } from '../core/sync.js';
import { Time } from '../core/time.js';
import { Icon, PagerDutyMark } from '../ui/icons.js';
import { Failure, LEVELS, LevelPill, More, Notice, Skeleton, STATUSES, StatusPill, useTitle } from '../ui/parts.js';
import { Search } from '../ui/search.js';

const PAGE = 30;
const MOST = 100; // what one request may ask for
const INCIDENTS = { address: '/api/incidents', page: PAGE, most: MOST, order: newestFirst };
const SETTLE = 300; // milliseconds after the last broadcast

const WHOSE = /** @type {[string, string][]} */ ([
  ['me', 'Mine'],
  ['none', "Nobody's"],
]);

function filtersOf(query) {
  const params = new URLSearchParams(query);
  const listed = (name, options) => {
    const wanted = (params.get(name) ?? '').split(',');
    return options.map(([key]) => key).filter((key) => wanted.includes(key));
  };
  const [assignee = ''] = listed('assignee', WHOSE);
  return {
    status: listed('status', STATUSES),
    criticality: listed('criticality', LEVELS),
    assignee,
    q: (params.get('q') ?? '').slice(0, config.limits.search),
  };
}

function queryOf({ status, criticality, assignee, q }) {
  const params = new URLSearchParams();
  if (assignee) params.set('assignee', assignee);
  if (status.length) params.set('status', status.join(','));
  if (criticality.length) params.set('criticality', criticality.join(','));
  if (q.trim()) params.set('q', q.trim());
  return params;
}

export function IncidentsPage({ organization }) {
  useTitle('Incidents');
  const route = useRoute();
  const filters = filtersOf(route.query);
  const query = queryOf({ ...filters, assignee: filters.assignee === 'me' ? myId() : filters.assignee }).toString();
  const list = useFound(INCIDENTS, organization.id, query);
  const { items, loaded, next, problem, loadingMore } = useStore(list);
  const members = useMembers(items.some((one) => one.assignee_id) ? organization.id : null);
  const names = useMemo(() => namesOf(members ?? []), [members]);
  useScrollBack(loaded);
  const timer = useRef(/** @type {any} */ (null));
  useEffect(() => () => clearTimeout(timer.current), []);
  const soon = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(list.refresh, SETTLE);
  };
  useBroadcast('incident', (row) => row.organization_id === organization.id && soon());
  useSync(soon);
  const mayCreate = atLeast('responder', organization);
  return html`
    <div class="page">
      <div class="page-head">
        <h1>Incidents</h1>
        ${mayCreate && html`<a class="button primary" href="/incidents/new"><${Icon} name="plus" />New incident</a>`}
      </div>
      ${
        !mayCreate &&
        html`
        <${Notice}><p>You can read everything here. Creating and changing incidents needs the role responder in <bdi>${organization.name}</bdi>; yours is ${organization.role}.</p><//>
      `
      }
      <${Filters} filters=${filters} onChange=${(changes) => setQuery(queryOf({ ...filters, ...changes }))} />
      ${problem && html`<${Failure} problem=${problem} onRetry=${list.refresh} />`}
      ${!loaded && !problem && html`<${Skeleton} rows=${6} class="tall" />`}
      ${loaded && items.length === 0 && html`<${Empty} filtered=${query !== ''} mayCreate=${mayCreate} />`}
      ${
        items.length > 0 &&
        html`
        <ul class="incidents" aria-label="Incidents">
          ${items.map((incident) => html`<${Row} key=${incident.id} incident=${incident} names=${names} />`)}
        </ul>
      `
      }
      <${More} next=${next} loading=${loadingMore} onMore=${() => list.more()} items=${items.length} />
    </div>
  `;
}

function Filters({ filters, onChange }) {
  return html`
    <form class="filters" role="search" aria-label="Filter incidents" onSubmit=${(event) => event.preventDefault()}>
      <${Search} label="Search title and customer" value=${filters.q} onChange=${(q) => onChange({ q })} />
      <${Toggles} label="Status" options=${STATUSES} chosen=${filters.status} onChange=${(status) => onChange({ status })} />
      <${Toggles} label="Criticality" options=${LEVELS} chosen=${filters.criticality} onChange=${(criticality) => onChange({ criticality })} />
      <${Toggles} label="Assignee" options=${WHOSE} chosen=${[filters.assignee]} onChange=${(chosen) => onChange({ assignee: chosen.at(-1) ?? '' })} />
    </form>
  `;
}

function Toggles({ label, options, chosen, onChange }) {
  const toggle = (key) => onChange(chosen.includes(key) ? chosen.filter((one) => one !== key) : [...chosen, key]);
  return html`
    <div class="toggles" role="group" aria-label=${label}>
      <span class="toggles-label" aria-hidden="true">${label}</span>
      ${options.map(
        ([key, text]) => html`
        <button key=${key} type="button" class="toggle" aria-pressed=${chosen.includes(key)} onClick=${() => toggle(key)}>${text}</button>
      `,
      )}
    </div>
  `;
}

function Row({ incident, names }) {
  return html`
    <li>
      <a class="incident" href=${`/incidents/${incident.id}`}>
        <span class="incident-main">
          <bdi class="incident-title clamp-2">${incident.title}</bdi>
          <span class="incident-facts">
            ${incident.customer && html`<bdi class="clamp-1">${incident.customer}</bdi>`}
            <${Time} at=${incident.created_at} />
            ${names[incident.assignee_id] && html`<span><${Icon} name="user" /><span class="hidden">Assignee: </span><bdi>${names[incident.assignee_id]}</bdi></span>`}
            ${incident.pagerduty_incident_id && html`<span class="from-pagerduty"><${PagerDutyMark} />PagerDuty</span>`}
          </span>
        </span>
        <span class="incident-pills"><${StatusPill} status=${incident.status} /><${LevelPill} level=${incident.criticality} /></span>
      </a>
    </li>
  `;
}

function Empty({ filtered, mayCreate }) {
  if (filtered)
    return html`<div class="empty"><p><strong>Nothing matches these filters</strong></p><p class="hint">Take one away, or search for something else.</p></div>`;
  return html`
    <div class="empty">
      <span class="empty-mark"><${Icon} name="flag" /></span>
      <p><strong>No incidents yet</strong></p>
      <p class="hint">Open an alert from the bell to make one${mayCreate ? ', or start from an empty form.' : '.'}</p>
    </div>
  `;
}
