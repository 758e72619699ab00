// A new incident: from an alert with everything filled in, from parameters of the address, or from nothing.
import '../core/shared.js';
import { api, Problem } from '../core/api.js';
import { dropDraft, readDraft, saveDraft } from '../core/drafts.js';
import { html, useEffect, useElement, useMemo, useRef, useState } from '../core/html.js';
import { namesOf, useMembers } from '../core/people.js';
import { useBroadcast } from '../core/realtime.js';
import { navigate } from '../core/router.js';
import { atLeast, chooseOrganization, myId } from '../core/session.js';
import { useStore } from '../core/store.js';
import { connection, useSync } from '../core/sync.js';
import { webAddress } from '../core/text.js';
import { Time } from '../core/time.js';
import { focusFirstError } from '../ui/field.js';
import { Icon, PagerDutyMark } from '../ui/icons.js';
import { Failure, Notice, Skeleton, useTitle } from '../ui/parts.js';
import { Prose } from '../ui/prose.js';
import { toast } from '../ui/toast.js';
import { BackLink } from './back.js';
import { ChangedMeanwhile, useFollowing } from './follow.js';
import { BLANK, bodyOf, changes, check, clean, fromNotification, IncidentFields, Offline, Refusal, withParameters } from './form.js';

const EXISTS = 'This alert already has an incident. Here it is.';

/**
 * The notification that the address names, kept current: undefined while it is read, null without one, or a Problem; as
 * it was first; and a retry.
 * @param {string | null} id
 * @returns {[Read, Read, () => void]}
 * @typedef {import('../types.d.ts').Notification | undefined | null | Problem} Read
 */
function useNotification(id) {
  const [found, setFound] = useState(/** @type {any} */ (id ? undefined : null));
  const first = useRef(found);
  const latest = useRef(0);
  const read = async () => {
    if (!id) return;
    const mine = ++latest.current;
    const answer = await api(`/api/notifications/${encodeURIComponent(id)}`).catch((problem) => problem);
    if (mine !== latest.current) return;
    // Once it is there, it stays: a form is open on it.
    if (first.current && !(first.current instanceof Problem)) {
      if (!(answer instanceof Problem)) setFound(answer);
    } else {
      first.current = answer;
      setFound(answer);
    }
  };
  useEffect(() => {
    latest.current++;
    first.current = id ? undefined : null;
    setFound(first.current);
    read();
    return () => void latest.current++;
  }, [id]);
  useSync(read);
  useBroadcast('notification', (row) => row.id === id && read());
  return [found, first.current, read];
}

function toIncident(id, notice) {
  navigate(`/incidents/${id}`, { replace: true, state: { notice } });
}

export function NewIncidentPage({ organization, query }) {
  const params = useMemo(() => new URLSearchParams(query), [query]);
  const id = params.get('notification');
  const [notification, first, retry] = useNotification(id);
  useTitle('New incident');

  const known = notification && !(notification instanceof Problem) ? notification : null;
  const had = first && !(first instanceof Problem) ? first.incident_id : null;
  useEffect(() => {
    if (!known) return;
    if (known.organization_id !== organization.id) chooseOrganization(known.organization_id);
    if (known.unread) api(`/api/notifications/${known.id}/read`, { method: 'POST', body: { up_to: known.loud_seq } }).catch(() => {});
    if (had) toIncident(had, EXISTS);
  }, [known?.id]);

  if (notification instanceof Problem) {
    const gone = notification.status === 404;
    return html`
      <div class="page narrow">
        <h1>New incident</h1>
        <${Failure} problem=${gone ? { message: 'There is no such alert, or you may not see it.' } : notification} onRetry=${gone ? null : retry} />
        ${gone && html`<p><a class="button" href="/incidents/new">Start from an empty form</a></p>`}
      </div>
    `;
  }
  if (notification === undefined || had || (known && known.organization_id !== organization.id)) {
    return html`<div class="page narrow"><h1>New incident</h1><${Skeleton} rows=${8} class="form" /></div>`;
  }
  const prefilled = withParameters(known ? fromNotification(known) : BLANK, params);
  if (!atLeast('responder', organization))
    return html`<${ReadOnly} notification=${known} values=${prefilled} organization=${organization} />`;
  return html`<${Form} key=${`${organization.id} ${known?.id}`} notification=${known} prefilled=${prefilled} organization=${organization} query=${query} />`;
}

function Form({ notification, prefilled, organization, query }) {
  const draft = `incident:${myId()}:${organization.id}:${query}`;
  const restored = useMemo(() => readDraft(draft), []);
  const [values, setValues] = useState(() => (restored ? clean(restored, prefilled) : prefilled));
  const [isRestored, setIsRestored] = useState(restored !== null);
  const [errors, setErrors] = useState(/** @type {Record<string, string>} */ ({}));
  const [problem, setProblem] = useState(/** @type {any | null} */ (null));
  const [saving, setSaving] = useState(false);
  const [taken, setTaken] = useState(/** @type {{ id: string, by: string | null } | null} */ (null));
  const form = useElement();
  const members = useMembers(organization.id);
  const { online } = useStore(connection);
  const [base, changed] = useFollowing(prefilled, setValues);
  const filledWith = notification?.prefill?.pagerduty_status ?? null;

  useBroadcast('incident', (row) => {
    const same = notification?.pagerduty_incident_id && row.pagerduty_incident_id === notification.pagerduty_incident_id;
    if (same && row.organization_id === organization.id && !saving) setTaken({ id: row.id, by: row.created_by });
  });
  useEffect(() => {
    if (notification?.incident_id && !saving) setTaken((known) => known ?? { id: notification.incident_id, by: null });
  }, [notification?.incident_id]);
  const change = (fields) => {
    setValues((old) => {
      const fresh = { ...old, ...fields };
      saveDraft(draft, fresh);
      return fresh;
    });
    setErrors((old) => Object.fromEntries(Object.entries(old).filter(([field]) => !(field in fields))));
  };
  const startOver = () => {
    dropDraft(draft);
    setValues(prefilled);
    setIsRestored(false);
  };
  const refuse = (fields, failed = null) => {
    setErrors(fields);
    setProblem(failed);
    focusFirstError(form.current);
  };
  const submit = async (event) => {
    event.preventDefault();
    if (saving) return;
    const wrong = check(values);
    if (Object.keys(wrong).length) {
      refuse(wrong);
      return;
    }
    setSaving(true);
    setProblem(null);
    try {
      const made = await api('/api/incidents', {
        method: 'POST',
        body: { ...bodyOf(values), ...(notification && { notification_id: notification.id, pagerduty_status: filledWith }) },
      });
      dropDraft(draft);
      toast('Incident created.');
      navigate(`/incidents/${made.id}`, { replace: true });
    } catch (failed) {
      setSaving(false);
      if (failed.kind === 'incident-exists' && failed.body.incident_id) handOver(failed.body.incident_id);
      else refuse(failed.fields ?? {}, failed);
    }
  };
  /** Somebody was quicker: what was written here waits in the comment field there. */
  const handOver = (id) => {
    const written = changes(base.current, values).description;
    if (written) saveDraft(`comment:${myId()}:${id}`, written);
    dropDraft(draft);
    toIncident(
      id,
      `Somebody made an incident from this alert before you. Here it is.${written ? ' Your description waits below as a comment.' : ''}`,
    );
  };
  const names = namesOf(members ?? []);
  return html`
    <div class="page narrow">
      <h1>New incident</h1>
      ${notification && html`<${Origin} notification=${notification} />`}
      ${
        taken &&
        html`
        <${Notice} kind="warning" role="status"><p><bdi>${names[taken.by ?? ''] ?? 'Somebody'}</bdi> has just made an incident from this alert. <button type="button" class="link-button" onClick=${() => handOver(taken.id)}>Open it</button></p><//>
      `
      }
      ${
        isRestored &&
        html`
        <${Notice} role="status"><p>What you had typed is back. <button type="button" class="link-button" onClick=${startOver}>Start over</button></p><//>
      `
      }
      <${ChangedMeanwhile} changed=${changed} />
      <form ref=${form} class="card" noValidate onSubmit=${submit}>
        <${IncidentFields} values=${values} errors=${errors} members=${members} onChange=${change} />
        ${problem && html`<${Refusal} problem=${problem} />`}
        ${!online && html`<${Offline} />`}
        <div class="actions form-actions">
          <${BackLink} class="button" onLeave=${() => dropDraft(draft)}>Cancel<//>
          <button type="submit" class="button primary" aria-disabled=${saving}>${saving ? 'Creating …' : 'Create incident'}</button>
        </div>
      </form>
    </div>
  `;
}

/** Which alert the form was filled from. */
function Origin({ notification }) {
  const link = webAddress(notification.pagerduty_url);
  return html`
    <div class="origin">
      <${PagerDutyMark} />
      <p class="origin-text">
        <span>From the alert</span> <bdi class="clamp-2">${notification.title}</bdi>
        <span class="hint"><${Time} at=${notification.occurred_at ?? notification.created_at} /></span>
      </p>
      ${link && html`<a class="button quiet" href=${link} target="_blank" rel="noopener noreferrer">PagerDuty<${Icon} name="external" /><span class="hidden">(opens in a new tab)</span></a>`}
    </div>
  `;
}

/** For viewers: what the alert says, and why there is no form. */
function ReadOnly({ notification, values, organization }) {
  return html`
    <div class="page narrow">
      <h1>${notification ? 'Alert' : 'New incident'}</h1>
      <${Notice}><p>Making incidents needs the role responder in <bdi>${organization.name}</bdi>; yours is ${organization.role}. An owner or admin can change that.</p><//>
      ${
        notification &&
        html`
        <${Origin} notification=${notification} />
        <article class="card">
          <h2 dir="auto">${notification.title}</h2>
          <${Prose} text=${values.description} />
        </article>
      `
      }
    </div>
  `;
}
