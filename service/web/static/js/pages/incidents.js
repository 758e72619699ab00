// The organization's incidents, newest first, filtered by what stands in the address.
import { api } from '../api.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { useBroadcast } from '../realtime.js';
import { setQuery, useRoute } from '../router.js';
import { atLeast } from '../session.js';
import { useSync } from '../sync.js';
import { Time } from '../time.js';
import { Icon, PagerDutyMark } from '../ui/icons.js';
import { Failure, LEVELS, LevelPill, More, Notice, Skeleton, STATUSES, StatusPill, useTitle } from '../ui/parts.js';

const PAGE = 30;
const MOST = 100; // what one request may ask for
const SETTLE = 300; // milliseconds after the last key or broadcast

function filtersOf(query) {
  const params = new URLSearchParams(query);
  const listed = (name, options) => {
    const wanted = (params.get(name) ?? '').split(',');
    return options.map(([key]) => key).filter((key) => wanted.includes(key));
  };
  return { status: listed('status', STATUSES), criticality: listed('criticality', LEVELS), q: (params.get('q') ?? '').slice(0, 200) };
}

function queryOf({ status, criticality, q }) {
  const params = new URLSearchParams();
  if (status.length) params.set('status', status.join(','));
  if (criticality.length) params.set('criticality', criticality.join(','));
  if (q.trim()) params.set('q', q.trim());
  return params;
}

const NOTHING = { query: null, items: null, next: null, problem: null };

/** The list for a query: {items, next, problem, loading}, items null until known; `more` reads on, `again` anew. */
function useIncidents(query) {
  const [list, setList] = useState(NOTHING);
  const [loading, setLoading] = useState(false);
  const wanted = useRef(query);
  wanted.current = query;
  const shown = useRef(0);
  shown.current = list.query === query ? list.items.length : 0;

  const read = async (parameters, take) => {
    const asked = wanted.current;
    try {
      const page = await api(`/api/incidents?${parameters}${asked ? `&${asked}` : ''}`);
      if (wanted.current === asked) setList((old) => ({ query: asked, problem: null, ...take(page, old.query === asked ? old : NOTHING) }));
    } catch (problem) {
      if (wanted.current === asked) setList((old) => ({ ...old, problem }));
    }
  };
  const again = () => read(`limit=${Math.min(MOST, Math.max(PAGE, shown.current))}`, (page, old) => {
    const known = new Set(page.items.map(({ id }) => id));
    const rest = (old.items ?? []).slice(page.items.length).filter(({ id }) => !known.has(id));
    return page.next && rest.length ? { items: [...page.items, ...rest], next: old.next } : { items: page.items, next: page.next };
  });
  const more = async () => {
    setLoading(true);
    await read(`limit=${PAGE}&before=${encodeURIComponent(list.next)}`, (page, old) => {
      const known = new Set(old.items.map(({ id }) => id));
      return { items: [...old.items, ...page.items.filter(({ id }) => !known.has(id))], next: page.next };
    });
    setLoading(false);
  };
  useEffect(() => {
    again();
  }, [query]);
  return { ...list, loading, more, again };
}

export function IncidentsPage({ organization }) {
  useTitle('Incidents');
  const route = useRoute();
  const filters = filtersOf(route.query);
  const query = queryOf(filters).toString();
  const { items, next, problem, loading, more, again } = useIncidents(query);
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  const soon = () => {
    clearTimeout(timer.current);
    timer.current = setTimeout(again, SETTLE);
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
      ${!mayCreate && html`
        <${Notice}><p>You can read everything here. Creating and changing incidents needs the role responder in <bdi>${organization.name}</bdi>; yours is ${organization.role}.</p><//>
      `}
      <${Filters} filters=${filters} onChange=${(changes) => setQuery(queryOf({ ...filters, ...changes }))} />
      ${problem && html`<${Failure} problem=${problem} onRetry=${again} />`}
      ${items === null && !problem && html`<${Skeleton} rows=${6} class="tall" />`}
      ${items?.length === 0 && html`<${Empty} filtered=${query !== ''} mayCreate=${mayCreate} />`}
      ${items?.length > 0 && html`
        <ul class="incidents" aria-label="Incidents">
          ${items.map((incident) => html`<${Row} key=${incident.id} incident=${incident} />`)}
        </ul>
      `}
      <${More} next=${next} loading=${loading} onMore=${more} items=${items?.length} />
    </div>
  `;
}

function Filters({ filters, onChange }) {
  const [text, setText] = useState(filters.q);
  const timer = useRef(null);
  useEffect(() => () => clearTimeout(timer.current), []);
  useEffect(() => {
    if (timer.current === null && filters.q !== text.trim()) setText(filters.q); // the address changed, not the typing
  }, [filters.q]);
  const type = (event) => {
    const typed = event.currentTarget.value;
    setText(typed);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      timer.current = null;
      onChange({ q: typed });
    }, SETTLE);
  };
  return html`
    <form class="filters" role="search" aria-label="Filter incidents" onSubmit=${(event) => event.preventDefault()}>
      <div class="search">
        <${Icon} name="search" />
        <input type="search" aria-label="Search title and customer" placeholder="Search title and customer" maxlength="200" dir="auto" value=${text} onInput=${type} />
      </div>
      <${Toggles} label="Status" options=${STATUSES} chosen=${filters.status} onChange=${(status) => onChange({ status })} />
      <${Toggles} label="Criticality" options=${LEVELS} chosen=${filters.criticality} onChange=${(criticality) => onChange({ criticality })} />
    </form>
  `;
}

function Toggles({ label, options, chosen, onChange }) {
  const toggle = (key) => onChange(chosen.includes(key) ? chosen.filter((one) => one !== key) : [...chosen, key]);
  return html`
    <div class="toggles" role="group" aria-label=${label}>
      <span class="toggles-label" aria-hidden="true">${label}</span>
      ${options.map(([key, text]) => html`
        <button key=${key} type="button" class="toggle" aria-pressed=${chosen.includes(key)} onClick=${() => toggle(key)}>${text}</button>
      `)}
    </div>
  `;
}

function Row({ incident }) {
  return html`
    <li>
      <a class="incident" href=${`/incidents/${incident.id}`}>
        <span class="incident-main">
          <bdi class="incident-title clamp-2">${incident.title}</bdi>
          <span class="incident-facts">
            ${incident.customer && html`<bdi class="clamp-1">${incident.customer}</bdi>`}
            <${Time} at=${incident.created_at} />
            ${incident.pagerduty_incident_id && html`<span class="from-pagerduty"><${PagerDutyMark} />PagerDuty</span>`}
          </span>
        </span>
        <span class="incident-pills"><${StatusPill} status=${incident.status} /><${LevelPill} level=${incident.criticality} /></span>
      </a>
    </li>
  `;
}

function Empty({ filtered, mayCreate }) {
  if (filtered) return html`<div class="empty"><p><strong>Nothing matches these filters</strong></p><p class="hint">Take one away, or search for something else.</p></div>`;
  return html`
    <div class="empty">
      <span class="empty-mark"><${Icon} name="flag" /></span>
      <p><strong>No incidents yet</strong></p>
      <p class="hint">Open an alert from the bell to make one${mayCreate ? ', or start from an empty form.' : '.'}</p>
    </div>
  `;
}
