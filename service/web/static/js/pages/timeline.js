// What happened to an incident: members' changes and comments, and what PagerDuty told.
import { api } from '../api.js';
import { dropDraft, readDraft, saveDraft } from '../drafts.js';
import { html, useEffect, useRef, useState } from '../html.js';
import { newestFirst } from '../order.js';
import { useBroadcast } from '../realtime.js';
import { session } from '../session.js';
import { useSync } from '../sync.js';
import { Time } from '../time.js';
import { Field } from '../ui/field.js';
import { Icon, PagerDutyMark } from '../ui/icons.js';
import { Failure, nameOf, Skeleton, STATUSES } from '../ui/parts.js';

const PAGE = 100;

/** Entries by id, oldest first, whatever comes twice or out of order. */
function together(old, rows) {
  const byId = new Map((old ?? []).map((entry) => [entry.id, entry]));
  for (const row of rows) byId.set(row.id, { ...byId.get(row.id), ...row });
  return [...byId.values()].sort((one, other) => newestFirst(other, one));
}

/** The entries, kept current: {entries (null until known), problem, read, take}. */
export function useTimeline(incidentId) {
  const [entries, setEntries] = useState(null);
  const [problem, setProblem] = useState(null);
  // Where the last page began. It is read again each time: entries are written side by side, so that one may become
  // visible after a later one did.
  const lastPage = useRef('');
  const running = useRef(null);
  const again = useRef(false);

  const readPages = async () => {
    const rows = [];
    for (;;) {
      const page = await api(`/api/incidents/${encodeURIComponent(incidentId)}/updates?limit=${PAGE}${lastPage.current}`);
      rows.push(...page.items);
      if (!page.next) break;
      lastPage.current = `&after=${encodeURIComponent(page.next)}`;
    }
    setEntries((old) => together(old, rows));
    setProblem(null);
  };
  const read = () => {
    again.current = running.current !== null; // what is under way may have been answered before it was time again
    running.current ??= readPages().catch(setProblem).finally(() => {
      running.current = null;
      if (again.current) read();
    });
    return running.current;
  };
  const take = (row) => setEntries((old) => together(old, [row]));
  useEffect(() => {
    read();
  }, [incidentId]);
  useSync(read);
  useBroadcast('incident_update', (row) => row.incident_id === incidentId && take(row));
  return { entries, problem, read, take };
}

export function Timeline({ incident, timeline: { entries, problem, read, take }, names, mayComment }) {
  return html`
    <section class="timeline-section" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Timeline</h2>
      ${problem && problem.status !== 404 && html`<${Failure} problem=${problem} onRetry=${read} />`}
      ${!(entries && names) && !problem && html`<${Skeleton} rows=${3} />`}
      ${entries && names && html`
        <ol class="timeline">
          ${entries.map((entry) => html`<${Entry} key=${entry.id} entry=${entry} names=${names} />`)}
        </ol>
      `}
      ${mayComment && (entries || problem) && names && html`<${CommentBox} incident=${incident} take=${take} />`}
    </section>
  `;
}

function Status({ status }) {
  return html`<strong>${nameOf(STATUSES, status)}</strong>`;
}

/** What an entry says after its author's name. */
function what({ kind, status_from: from, status_to: to }) {
  if (kind === 'created') return html`created the incident${to && to !== 'open' ? html` as <${Status} status=${to} />` : ''}`;
  if (kind === 'status') return html`moved it from <${Status} status=${from} /> to <${Status} status=${to} />`;
  if (kind === 'edited') return 'edited the fields';
  if (kind === 'comment') return 'commented';
  return to ? html`moved it from <${Status} status=${from} /> to <${Status} status=${to} />` : 'sent an update';
}

const ICONS = { created: 'flag', status: 'refresh', edited: 'edit', comment: 'comment' };

function Entry({ entry, names }) {
  const fromPagerDuty = entry.kind === 'pagerduty';
  const author = fromPagerDuty ? 'PagerDuty' : names[entry.author_id] ?? (entry.author_id ? 'A member' : 'Somebody');
  return html`
    <li class=${`entry ${entry.kind}`}>
      <span class="entry-mark">${fromPagerDuty ? html`<${PagerDutyMark} />` : html`<${Icon} name=${ICONS[entry.kind] ?? 'info'} />`}</span>
      <div class="entry-text">
        <p class="entry-head"><bdi class="author">${author}</bdi> <span>${what(entry)}</span> <${Time} at=${entry.created_at} /></p>
        ${entry.body && html`<div class="prose" dir="auto">${entry.body}</div>`}
      </div>
    </li>
  `;
}

function CommentBox({ incident, take }) {
  const draft = `comment:${session.state.user.id}:${incident.id}`;
  const [text, setText] = useState(() => String(readDraft(draft) ?? ''));
  const [error, setError] = useState(null);
  const [sending, setSending] = useState(false);
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
      <div class="actions"><button type="submit" class="button" aria-disabled=${sending}>${sending ? 'Sending …' : 'Comment'}</button></div>
    </form>
  `;
}
