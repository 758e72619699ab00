// What happened to an incident: members' changes and comments, and what PagerDuty told.
import { api, readPage } from '../core/api.js';
import { dropDraft, readDraft, saveDraft } from '../core/drafts.js';
import { html, useEffect, useState } from '../core/html.js';
import { List } from '../core/list.js';
import { nameIn } from '../core/people.js';
import { useBroadcast } from '../core/realtime.js';
import { oldestFirst, together } from '../core/rows.js';
import { myId } from '../core/session.js';
import { useStore } from '../core/store.js';
import { connection, useSync } from '../core/sync.js';
import { Time } from '../core/time.js';
import { Field } from '../ui/field.js';
import { Icon, PagerDutyMark } from '../ui/icons.js';
import { Failure, nameOf, Skeleton, STATUSES } from '../ui/parts.js';
import { Prose } from '../ui/prose.js';
import { Offline } from './form.js';
import { Told } from './told.js';

const PAGE = 100;

/**
 * An incident's entries, oldest first.
 * @extends {List<import('../types.d.ts').Update, string>}
 */
class Entries extends List {
  constructor(incidentId) {
    const address = `/api/incidents/${encodeURIComponent(incidentId)}/updates`;
    super({
      ask: (request) => readPage(address, request),
      page: PAGE,
      merge: (items, rows) => together(items, rows, oldestFirst),
    });
  }

  sync() {
    return this.onward();
  }
}

/** The entries, kept current. */
export function useTimeline(incidentId) {
  const [list] = useState(() => new Entries(incidentId));
  useEffect(() => {
    list.refresh();
    return () => list.end();
  }, []);
  useSync(list.refresh);
  useBroadcast('incident_update', (row) => row.incident_id === incidentId && list.take([row]));
  return list;
}

export function Timeline({ incident, timeline, names, mayComment, told, retry }) {
  const { items, loaded, problem } = useStore(timeline);
  const known = loaded || items.length > 0;
  return html`
    <section class="timeline-section" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      ${problem && problem.status !== 404 && html`<${Failure} problem=${problem} onRetry=${timeline.refresh} />`}
      ${!(known && names) && !problem && html`<${Skeleton} rows=${3} />`}
      ${
        known &&
        names &&
        html`
        <ol class="timeline">
          ${items.map((entry) => html`<${Entry} key=${entry.id} entry=${entry} names=${names} told=${told.find(({ update_id }) => update_id === entry.id)} retry=${retry} />`)}
        </ol>
      `
      }
      ${mayComment && (known || problem) && names && html`<${CommentBox} incident=${incident} take=${(row) => timeline.take([row])} />`}
    </section>
  `;
}

function Status({ status }) {
  return html`<strong>${nameOf(STATUSES, status)}</strong>`;
}

/** "took it", "gave it to Rita", "gave it back". */
function handing({ assignee_from: from, assignee_to: to, author_id: author }, names) {
  const name = (id) => html`<bdi class="author">${nameIn(names, id)}</bdi>`;
  if (!to) return from === author ? 'gave it back' : html`took it from ${name(from)}`;
  if (to === author) return from ? html`took it over from ${name(from)}` : 'took it';
  return html`gave it to ${name(to)}`;
}

/** What an entry says after its author's name. */
function what(entry, names) {
  const { kind, status_from: from, status_to: to } = entry;
  if (kind === 'assigned') return handing(entry, names);
  if (kind === 'created') return html`created the incident${to && to !== 'open' ? html` as <${Status} status=${to} />` : ''}`;
  if (kind === 'status') return html`moved it from <${Status} status=${from} /> to <${Status} status=${to} />`;
  if (kind === 'edited') return 'edited the fields';
  if (kind === 'comment') return 'commented';
  return to ? html`moved it from <${Status} status=${from} /> to <${Status} status=${to} />` : 'sent an update';
}

const ICONS = { created: 'flag', status: 'refresh', assigned: 'user', edited: 'edit', comment: 'comment' };

function Entry({ entry, names, told, retry }) {
  const fromPagerDuty = entry.kind === 'pagerduty';
  const author = fromPagerDuty ? 'PagerDuty' : nameIn(names, entry.author_id);
  return html`
    <li class=${`entry ${entry.kind}`}>
      <span class="entry-mark">${fromPagerDuty ? html`<${PagerDutyMark} />` : html`<${Icon} name=${ICONS[entry.kind] ?? 'info'} />`}</span>
      <div class="entry-text">
        <p class="entry-head"><bdi class="author">${author}</bdi> <span>${what(entry, names)}</span> <${Time} at=${entry.created_at} exact /></p>
        ${entry.body && html`<${Prose} text=${entry.body} />`}
        <${Told} item=${told} what="" retry=${retry} />
      </div>
    </li>
  `;
}

function CommentBox({ incident, take }) {
  const draft = `comment:${myId()}:${incident.id}`;
  const [text, setText] = useState(() => String(readDraft(draft) ?? ''));
  const [error, setError] = useState(/** @type {string | null} */ (null));
  const [sending, setSending] = useState(false);
  const { online } = useStore(connection);
  const type = (event) => {
    setText(event.currentTarget.value);
    saveDraft(draft, event.currentTarget.value);
    setError(null);
  };
  const send = async (event) => {
    event.preventDefault();
    if (sending) return;
    if (!text.trim()) {
      setError('Write something first.');
      return;
    }
    setSending(true);
    try {
      take(await api(`/api/incidents/${incident.id}/updates`, { method: 'POST', body: { body: text } }));
      setText('');
      dropDraft(draft);
    } catch (problem) {
      setError(problem.fields?.body ?? problem.message);
    }
    setSending(false);
  };
  const sendByKey = (event) => (event.ctrlKey || event.metaKey) && event.key === 'Enter' && event.currentTarget.form.requestSubmit();
  return html`
    <form class="comment-box" onSubmit=${send}>
      <${Field} label="Comment" error=${error}>
        ${(attributes) => html`<textarea ...${attributes} rows="3" dir="auto" value=${text} onInput=${type} onKeyDown=${sendByKey}></textarea>`}
      <//>
      ${!online && text && html`<${Offline} />`}
      <div class="actions"><button type="submit" class="button" aria-disabled=${sending}>${sending ? 'Sending …' : 'Comment'}</button></div>
    </form>
  `;
}
