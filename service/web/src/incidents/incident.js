// One incident: its state, its fields, its timeline, live.
import '../core/shared.js';
import { api } from '../core/api.js';
import { dropDraft, readDraft, saveDraft } from '../core/drafts.js';
import { html, useEffect, useElement, useMemo, useRef, useState } from '../core/html.js';
import { nameIn, namesOf, useMembers } from '../core/people.js';
import { useBroadcast } from '../core/realtime.js';
import { takeNotice } from '../core/router.js';
import { newer } from '../core/rows.js';
import { atLeast, chooseOrganization, myId, session } from '../core/session.js';
import { useStore } from '../core/store.js';
import { connection, useSync } from '../core/sync.js';
import { Time } from '../core/time.js';
import { Tags } from '../ui/chips.js';
import { focusFirstError } from '../ui/field.js';
import { Icon } from '../ui/icons.js';
import { Failure, LEVELS, LevelPill, Notice, nameOf, Skeleton, StatusPill, useTitle } from '../ui/parts.js';
import { Prose } from '../ui/prose.js';
import { toast } from '../ui/toast.js';
import { BackLink } from './back.js';
import { ChangedMeanwhile, useFollowing } from './follow.js';
import { BLANK, bodyOf, changes, check, clean, IncidentFields, Offline, Refusal } from './form.js';
import { InPagerDuty } from './pagerduty.js';
import { Timeline, useTimeline } from './timeline.js';
import { useTold } from './told.js';

const MOVES = {
  open: [
    ['investigating', 'Investigate'],
    ['resolved', 'Resolve'],
  ],
  investigating: [
    ['resolved', 'Resolve'],
    ['open', 'Back to open'],
  ],
  resolved: [['open', 'Reopen']],
};

function editDraft(id) {
  return `edit:${myId()}:${id}`;
}

/** The incident, kept current: [incident or null, problem, take, read]. */
function useIncident(id) {
  const [incident, setIncident] = useState(/** @type {import('../types.d.ts').Incident | null} */ (null));
  const [problem, setProblem] = useState(/** @type {any | null} */ (null));
  const take = (row) => {
    setProblem(null);
    setIncident((old) => newer(old, row));
  };
  const read = () => api(`/api/incidents/${encodeURIComponent(id)}`).then(take, setProblem);
  useEffect(() => {
    read();
  }, [id]);
  useSync(read);
  useBroadcast('incident', (row) => row.id === id && take(row));
  return [incident, problem, take, read];
}

export function IncidentPage({ id }) {
  const { organization } = useStore(session);
  const [incident, problem, take, read] = useIncident(id);
  const timeline = useTimeline(id);
  const { items: entries } = useStore(timeline);
  const [told, retry, asked] = useTold(incident, [incident?.updated_at, entries.length]);
  const members = useMembers(incident?.organization_id);
  const names = useMemo(() => members && namesOf(members), [members]);
  const [notice] = useState(takeNotice);
  // null before the first time; at once after a reload in the middle of it
  const [editing, setEditing] = useState(() => (readDraft(editDraft(id)) ? true : null));
  useTitle(incident?.title ?? 'Incident');
  useEffect(() => {
    if (incident) chooseOrganization(incident.organization_id);
  }, [incident?.organization_id]);

  if (!incident) {
    const gone = problem?.status === 404;
    return html`
      <div class="page">
        <p class="back"><${BackLink} /></p>
        ${
          problem
            ? html`<h1>Incident</h1><${Failure} problem=${gone ? { message: 'There is no such incident, or you may not see it.' } : problem} onRetry=${gone ? null : read} />`
            : html`<h1 class="hidden">Incident</h1><${Skeleton} rows=${6} class="tall" />`
        }
      </div>
    `;
  }
  const mayChange = atLeast('responder', organization);
  return html`
    <div class="page">
      <p class="back"><${BackLink} /></p>
      ${notice && html`<${Notice} kind="info" role="status"><p>${notice}</p><//>`}
      ${!mayChange && html`<${Notice}><p>You can read this incident. Changing it needs the role responder in <bdi>${organization?.name}</bdi>; yours is ${organization?.role}.</p><//>`}
      ${problem && html`<${Failure} problem=${problem} onRetry=${read} />`}
      ${
        editing && mayChange
          ? html`<${Editor} incident=${incident} members=${members} take=${take} done=${() => setEditing(false)} />`
          : html`<${View} incident=${incident} names=${names} take=${take} read=${read} mayChange=${mayChange} edit=${() => setEditing(true)} editFirst=${editing === false} />`
      }
      <${InPagerDuty} incident=${incident} told=${told} retry=${mayChange && retry} mayChange=${mayChange} asked=${asked} />
      <${Timeline} incident=${incident} timeline=${timeline} names=${names} mayComment=${mayChange} told=${told} retry=${mayChange && retry} />
    </div>
  `;
}

function View({ incident, names, take, read, mayChange, edit, editFirst }) {
  return html`
    <article class="card incident-card">
      <div class="incident-head">
        <div class="incident-pills"><${StatusPill} status=${incident.status} /><${LevelPill} level=${incident.criticality} what="criticality" /></div>
        <h1 dir="auto" class=${incident.title.length > 160 ? 'long' : ''}>${incident.title}</h1>
      </div>
      ${mayChange && html`<${Moves} incident=${incident} names=${names} take=${take} read=${read} edit=${edit} editFirst=${editFirst} />`}
      <dl class="facts">
        <div><dt>Assignee</dt><dd>${incident.assignee_id ? html`<bdi>${names ? nameIn(names, incident.assignee_id) : '…'}</bdi>` : html`<span class="hint">nobody yet</span>`}</dd></div>
        <div><dt>Customer</dt><dd>${incident.customer ? html`<bdi>${incident.customer}</bdi>` : html`<span class="hint">none</span>`}</dd></div>
        <div><dt>Urgency</dt><dd>${nameOf(LEVELS, incident.urgency)}</dd></div>
        <div><dt>Created</dt><dd><${Time} at=${incident.created_at} exact />${names?.[incident.created_by] && html` by <bdi>${names[incident.created_by]}</bdi>`}</dd></div>
      </dl>
      ${incident.description && html`<h2 class="hidden">Description</h2><${Prose} text=${incident.description} />`}
      <${Tags} tags=${incident.tags} />
    </article>
  `;
}

/** What one may do about who works on it: [button, whom it makes the assignee]. */
function handing({ assignee_id: assignee }) {
  if (!assignee) return ['Take it', myId()];
  return assignee === myId() ? ['Give back', null] : ['Take over', myId()];
}

function Moves({ incident, names, take, read, edit, editFirst }) {
  const [moving, setMoving] = useState(false);
  const buttons = useElement();
  const moved = useRef(false);
  useEffect(() => {
    if (editFirst) buttons.current.lastElementChild.focus(); // back from the form
  }, []);
  useEffect(() => {
    if (moved.current) buttons.current.firstElementChild.focus(); // the button that was pressed is gone
    moved.current = false;
  }, [incident.status]);
  const send = async (body) => {
    if (moving) return;
    setMoving(true);
    try {
      take(await api(`/api/incidents/${incident.id}`, { method: 'PATCH', body }));
    } catch (problem) {
      const taken = problem.kind === 'incident-taken';
      toast(taken ? `${nameIn(names, problem.body.assignee_id)} was quicker: look before you take it.` : problem.message, 'bad');
      if (taken) read();
    }
    setMoving(false);
  };
  const move = (status) => {
    moved.current = true;
    return send({ status });
  };
  const [hand, to] = handing(incident);
  return html`
    <div class="actions start" ref=${buttons}>
      ${MOVES[incident.status].map(
        ([status, text], index) => html`
        <button key=${status} type="button" class=${index === 0 ? 'button primary' : 'button'} aria-disabled=${moving} onClick=${() => move(status)}>${text}</button>
      `,
      )}
      <button type="button" class="button" aria-disabled=${moving} onClick=${() => send({ assignee_id: to, assignee_was: incident.assignee_id })}>${hand}</button>
      <button type="button" class="button" onClick=${edit}><${Icon} name="edit" />Edit</button>
    </div>
  `;
}

function Editor({ incident, members, take, done }) {
  const draft = editDraft(incident.id);
  const latest = clean(incident, BLANK);
  const [values, setValues] = useState(() => clean(readDraft(draft), latest));
  const [before, changed] = useFollowing(latest, setValues);
  const { online } = useStore(connection);
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const [problem, setProblem] = useState(/** @type {any | null} */ (null));
  const [saving, setSaving] = useState(false);
  const form = useElement();
  useEffect(() => form.current.querySelector('textarea').focus(), []);

  const change = (fields) =>
    setValues((old) => {
      const fresh = { ...old, ...fields };
      saveDraft(draft, changes(before.current, fresh));
      return fresh;
    });
  const close = () => {
    dropDraft(draft);
    done();
  };
  const save = async (event) => {
    event.preventDefault();
    if (saving) return;
    const mine = changes(before.current, values); // only these: what others change meanwhile stays theirs
    const wrong = check(values);
    setErrors(wrong);
    if (Object.keys(wrong).length) {
      focusFirstError(form.current);
      return;
    }
    setSaving(true);
    try {
      if (Object.keys(mine).length) {
        take(await api(`/api/incidents/${incident.id}`, { method: 'PATCH', body: bodyOf(mine) }));
        toast('Saved.');
      } else toast('Nothing was changed.');
      close();
    } catch (failed) {
      setProblem(failed);
      setErrors(failed.fields ?? {});
      setSaving(false);
      focusFirstError(form.current);
    }
  };
  return html`
    <form ref=${form} class="card" noValidate onSubmit=${save} aria-labelledby="edit-title">
      <h1 id="edit-title">Edit incident</h1>
      <${ChangedMeanwhile} changed=${changed} />
      <${IncidentFields} values=${values} errors=${errors} members=${members} onChange=${change} />
      ${problem && html`<${Refusal} problem=${problem} />`}
      ${!online && html`<${Offline} />`}
      <div class="actions form-actions">
        <button type="button" class="button" onClick=${close}>Cancel</button>
        <button type="submit" class="button primary" aria-disabled=${saving}>${saving ? 'Saving …' : 'Save changes'}</button>
      </div>
    </form>
  `;
}
