// Who is invited: a form, and the open invitations with their links. Nothing is mailed.
import { api } from '../core/api.js';
import { config } from '../core/config.js';
import { html, useEffect, useElement, useState } from '../core/html.js';
import { atLeast } from '../core/session.js';
import { useSync } from '../core/sync.js';
import { plain } from '../core/text.js';
import { Field, focusFirstError, Select } from '../ui/field.js';
import { CopyButton, Failure, nameOf, ROLES } from '../ui/parts.js';
import { toast } from '../ui/toast.js';

const ADDRESS = '/api/invitations';

/** What to send to somebody who is invited. It holds no secret: an invitation is for whoever has confirmed the address. */
const linkFor = ({ email }) => `${location.origin}/sign-in?do=sign-up#email=${encodeURIComponent(email)}`;

const MOST = 100;
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export function Invitations({ organization }) {
  const [page, setPage] = useState(/** @type {{ items: import('../types.d.ts').Invitation[], next: string | null } | null} */ (null));
  const [problem, setProblem] = useState(/** @type {any | null} */ (null));
  const read = () =>
    api(`${ADDRESS}?limit=${MOST}`).then((answer) => {
      setPage(answer);
      setProblem(null);
    }, setProblem);
  useEffect(() => {
    read();
  }, []);
  useSync(read);
  const withdraw = async (invitation) => {
    try {
      await api(`${ADDRESS}/${invitation.id}`, { method: 'DELETE' });
      toast(`${invitation.email} is no longer invited.`);
    } catch (refusal) {
      toast(refusal.body?.detail ?? refusal.message, 'bad');
    }
    await read();
  };
  const owner = atLeast('owner', organization);
  return html`
    <h3>Invite</h3>
    <${Form} roles=${owner ? ROLES : ROLES.filter(([role]) => role !== 'owner')} onDone=${read} />
    ${problem && html`<${Failure} problem=${problem} onRetry=${read} />`}
    ${
      page !== null &&
      page.items.length > 0 &&
      html`
      <ul class="members" aria-label="Open invitations">
        ${page.items.map(
          (invitation) => html`
          <li key=${invitation.id} class="member">
            <span class="member-text">
              <bdi class="clamp-1"><strong>${invitation.email}</strong></bdi>
              <span class="hint">until <time datetime=${invitation.expires_at}>${moment.format(Date.parse(invitation.expires_at))}</time></span>
            </span>
            <span class="pill">${nameOf(ROLES, invitation.role)}</span>
            <${CopyButton} text=${linkFor(invitation)} label="Copy link" about=${`for ${plain(invitation.email)}`} />
            ${(owner || invitation.role !== 'owner') && html`<button type="button" class="button quiet" aria-label=${`Withdraw the invitation of ${plain(invitation.email)}`} onClick=${() => withdraw(invitation)}>Withdraw</button>`}
          </li>
        `,
        )}
      </ul>
      ${page.next && html`<p class="hint">These are the newest ${MOST}.</p>`}
    `
    }
  `;
}

function Form({ roles, onDone }) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState('responder');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {string | null} */ (null));
  const form = useElement();
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      const made = await api(ADDRESS, { method: 'POST', body: { email, role } });
      setEmail('');
      toast(`${made.email} is invited. Send them the link.`);
    } catch (problem) {
      setError(problem.fields?.email ?? (problem.status === 409 ? problem.body.detail : problem.message));
      focusFirstError(form.current);
    }
    setBusy(false);
    await onDone();
  };
  return html`
    <form ref=${form} noValidate autocomplete="off" onSubmit=${submit}>
      <div class="field-row">
      <${Field} label="Email" error=${error} hint="Nothing is mailed: send them the link below, or tell them to sign in with this address. Within 7 days they can join.">
        ${(attributes) => html`<input ...${attributes} type="email" maxlength=${config.limits.email} value=${email} onInput=${(event) => setEmail(event.currentTarget.value)} />`}
      <//>
      <${Field} label="Role">
        ${(attributes) => html`<${Select} attributes=${attributes} options=${roles} value=${role} onChange=${setRole} />`}
      <//>
      </div>
      <div class="actions"><button type="submit" class="button primary" aria-disabled=${busy}>Invite</button></div>
    </form>
  `;
}
