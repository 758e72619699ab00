// What PagerDuty sent, and what became of it: the answer to "is it arriving?".
import { api } from '../core/api.js';
import { html, useEffect, useRef, useState } from '../core/html.js';
import { List } from '../core/list.js';
import { useBroadcast } from '../core/realtime.js';
import { newestBy, together } from '../core/rows.js';
import { atLeast } from '../core/session.js';
import { useStore } from '../core/store.js';
import { supabase } from '../core/supabase.js';
import { useSync } from '../core/sync.js';
import { Time } from '../core/time.js';
import { Dialog } from '../ui/dialog.js';
import { Select } from '../ui/field.js';
import { Icon } from '../ui/icons.js';
import { CopyButton, Failure, More, Notice, Skeleton } from '../ui/parts.js';
import { describeReason } from './reasons.js';

const PAGE = 25;
const MOST = 200; // rows that one request asks for
const EVERY = 5000; // milliseconds: events that are ignored or invalid are not broadcast
const SETTLE = 300;
const COLUMNS = 'id,received_at,event_id,family,event_type,pagerduty_incident_id,summary,outcome,reason,deliveries';
const UNREAD = 'What arrived cannot be read just now. Check your connection, then try once more.';
const OUTCOMES = [
  ['', 'Every outcome'],
  ['created', 'Notified'],
  ['updated', 'Updated'],
  ['ignored', 'Ignored'],
  ['invalid', 'Invalid'],
];

const newestReceived = newestBy('received_at');

/** A quoted PostgREST pattern that finds the words anywhere; `*` would mean anything, so it matches one character. */
function pattern(words) {
  const literal = words.replace(/[\\%_]/g, '\\$&').replaceAll('*', '_');
  return `"%${literal.replace(/[\\"]/g, '\\$&')}%"`;
}

/** @typedef {import('../types.d.ts').ReceivedEvent} ReceivedEvent */

/**
 * One page of received events, newest first. Throws what Supabase answers.
 * @param {string} organizationId
 * @param {{ words: string, outcome: string }} filter
 * @param {import('../core/list.js').Request<ReceivedEvent>} request
 * @returns {Promise<import('../core/list.js').Page<ReceivedEvent, ReceivedEvent>>}
 */
async function readEvents(organizationId, { words, outcome }, { limit, before, signal }) {
  let query = supabase.from('events').select(COLUMNS).eq('organization_id', organizationId);
  if (outcome) query = query.eq('outcome', outcome);
  if (words)
    query = query.or(
      ['summary', 'event_type', 'pagerduty_incident_id', 'event_id'].map((column) => `${column}.ilike.${pattern(words)}`).join(','),
    );
  if (before) query = query.or(`received_at.lt."${before.received_at}",and(received_at.eq."${before.received_at}",id.lt.${before.id})`);
  const { data, error } = await query
    .order('received_at', { ascending: false })
    .order('id', { ascending: false })
    .limit(limit + 1)
    .abortSignal(signal);
  if (error) throw new Error(UNREAD);
  const items = data.slice(0, limit);
  return { items, next: data.length > limit ? items[items.length - 1] : null };
}

/** The events for a filter, kept until those of another one are there. */
function useEvents(organizationId, filter) {
  const latest = useRef(filter);
  latest.current = filter;
  const [list] = useState(
    () =>
      new List({
        ask: (request) => readEvents(organizationId, latest.current, request),
        page: PAGE,
        most: MOST,
        merge: (items, rows) => together(items, rows, newestReceived),
      }),
  );
  useEffect(() => {
    list.change();
  }, [filter]);
  useEffect(() => () => list.end(), []);
  return list;
}

export function ActivityTab({ organization }) {
  if (!atLeast('admin', organization)) {
    return html`
      <section class="card">
        <h2>Received events</h2>
        <${Notice}><p>What PagerDuty sends may hold personal data, so only owners and admins of <bdi>${organization.name}</bdi> see it; your role is ${organization.role}.</p><//>
      </section>
    `;
  }
  return html`<${Events} organization=${organization} />`;
}

function Events({ organization }) {
  const [filter, setFilter] = useState({ words: '', outcome: '' });
  const [opened, setOpened] = useState(/** @type {import('../types.d.ts').ReceivedEvent | null} */ (null));
  const list = useEvents(organization.id, filter);
  const { items, loaded, next, problem, loadingMore } = useStore(list);
  const latest = useRef(list.refresh);
  latest.current = async () => {
    if (!document.hidden && items.length <= MOST) await list.refresh();
  };
  useEffect(() => {
    const timer = setInterval(() => latest.current(), EVERY);
    return () => clearInterval(timer);
  }, []);
  useSync(list.refresh);
  useBroadcast('notification', () => latest.current());
  const filtered = filter.words !== '' || filter.outcome !== '';
  return html`
    <section class="card" aria-labelledby="events-title">
      <h2 id="events-title">Received events</h2>
      <${Filters} filter=${filter} setFilter=${setFilter} />
      ${problem && html`<${Failure} problem=${problem} onRetry=${list.refresh} />`}
      ${!loaded && !problem && html`<${Skeleton} rows=${6} class="tall" />`}
      ${loaded && items.length === 0 && (filtered ? html`<div class="empty"><p><strong>No event matches</strong></p></div>` : html`<${HowToTest} />`)}
      ${
        items.length > 0 &&
        html`
        <ul class="events">
          ${items.map((event) => html`<${Row} key=${event.id} event=${event} open=${() => setOpened(event)} />`)}
        </ul>
      `
      }
      <${More} next=${next} loading=${loadingMore} onMore=${() => list.more()} items=${items.length} />
      ${items.length > 0 && html`<details class="roles"><summary>Send a test alert</summary><${HowToTest} bare /></details>`}
      ${opened && html`<${Payload} event=${opened} onClose=${() => setOpened(null)} />`}
    </section>
  `;
}

function Filters({ filter, setFilter }) {
  const timer = useRef(/** @type {any} */ (null));
  useEffect(() => () => clearTimeout(timer.current), []);
  const type = (event) => {
    const words = event.currentTarget.value.trim();
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setFilter((old) => ({ ...old, words })), SETTLE);
  };
  return html`
    <form class="filters" role="search" aria-label="Filter events" onSubmit=${(event) => event.preventDefault()}>
      <div class="search">
        <${Icon} name="search" />
        <input type="search" aria-label="Search title, type and ids" placeholder="Search title, type and ids" maxlength="200" dir="auto" onInput=${type} />
      </div>
      <${Select} attributes=${{ 'aria-label': 'Outcome' }} options=${OUTCOMES} value=${filter.outcome} onChange=${(outcome) => setFilter((old) => ({ ...old, outcome }))} />
    </form>
  `;
}

function Row({ event, open }) {
  const [, outcome] = OUTCOMES.find(([key]) => key === event.outcome) ?? [null, event.outcome];
  return html`
    <li class="event-row">
      <div class="event-main">
        <p class="event-title"><bdi class="clamp-2">${event.summary || event.event_type}</bdi></p>
        <p class="hint event-facts">
          <code>${event.event_type}</code> <${Time} at=${event.received_at} />
          ${event.pagerduty_incident_id && html`<bdi class="clamp-1">${event.pagerduty_incident_id}</bdi>`}
          ${event.deliveries > 1 && html`<span>delivered ${event.deliveries} times</span>`}
        </p>
        ${event.reason && html`<p class="hint" dir="auto">${describeReason(event.reason)}</p>`}
      </div>
      <span class=${`pill outcome-${event.outcome}`}>${outcome}</span>
      <button type="button" class="button quiet" onClick=${open}>Payload<span class="hidden"> of ${event.summary || event.event_type}</span></button>
    </li>
  `;
}

function Payload({ event, onClose }) {
  const [text, setText] = useState(/** @type {string | null} */ (null));
  const [problem, setProblem] = useState(/** @type {any | null} */ (null));
  useEffect(() => {
    supabase
      .from('events')
      .select('payload,delivery_id')
      .eq('id', event.id)
      .maybeSingle()
      .then(({ data, error }) => {
        if (error) setProblem({ message: UNREAD });
        else setText(data?.payload ? JSON.stringify(data.payload, null, 2) : 'The payload is no longer kept.');
      });
  }, []);
  return html`
    <${Dialog} title="Payload" wide onClose=${onClose}>
      <p class="hint"><code>${event.event_type}</code> · event <bdi>${event.event_id}</bdi></p>
      ${problem && html`<${Failure} problem=${problem} />`}
      ${text === null && !problem && html`<${Skeleton} rows=${8} />`}
      ${text !== null && html`<pre class="payload" tabindex="0" role="region" aria-label="Payload as JSON">${text}</pre><div class="actions"><${CopyButton} text=${text} label="Copy payload" /></div>`}
    <//>
  `;
}

/** A command that makes an alert arrive at this organization's own URL. */
function curl(address) {
  return `curl -X POST ${address} -H "Content-Type: application/json" -d '{
  "event": {"id": "test-'$(date +%s)'", "event_type": "incident.triggered", "resource_type": "incident",
    "occurred_at": "'$(date -u +%Y-%m-%dT%H:%M:%SZ)'",
    "data": {"id": "TEST1", "type": "incident", "title": "Test alert", "status": "triggered", "urgency": "high",
      "html_url": "https://example.pagerduty.com/incidents/TEST1",
      "service": {"id": "TESTSVC", "type": "service_reference", "summary": "Test service"}}}}'`;
}

function HowToTest({ bare = false }) {
  const [saved, setSaved] = useState(/** @type {import('../types.d.ts').Integration | null} */ (null));
  useEffect(() => {
    api('/api/integrations/pagerduty').then(setSaved, () => {});
  }, []);
  const command = saved?.webhook_url && curl(saved.webhook_url);
  return html`
    <div class=${bare ? 'how-to' : 'how-to empty'}>
      ${!bare && html`<p><strong>Nothing has arrived yet</strong></p>`}
      ${saved && !saved.webhook_url && html`<p>Switch PagerDuty on under <a href="/settings">Integrations</a> first: that makes the webhook URL.</p>`}
      ${
        command &&
        html`
        <p>This command, in any terminal, sends a test alert to this organization${saved.enabled ? '' : ' (it is switched off, so nobody will be notified)'}:</p>
        <pre class="payload" tabindex="0" role="region" aria-label="Command that sends a test alert">${command}</pre>
        ${saved.signing_secret.set && html`<p class="hint">A signing secret is set, so this unsigned alert will be refused, and the refusal shown under Integrations. Use “Send test event” of the webhook in PagerDuty instead.</p>`}
        <div class="actions"><${CopyButton} text=${command} label="Copy command" /></div>
      `
      }
    </div>
  `;
}
