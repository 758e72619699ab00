// The invitations that the person can accept.
import { api } from '../core/api.js';
import { html, useState } from '../core/html.js';
import { chooseOrganization, loadMe, session } from '../core/session.js';
import { useStore } from '../core/store.js';
import { plain } from '../core/text.js';
import { nameOf, ROLES } from '../ui/parts.js';
import { toast } from '../ui/toast.js';

async function accept({ id }) {
  try {
    const joined = await api(`/api/invitations/${id}/accept`, { method: 'POST', body: {} });
    await loadMe();
    chooseOrganization(joined.id);
    toast(`You are in ${joined.name} now.`);
  } catch (problem) {
    toast(problem.body?.detail ?? problem.message, 'bad');
    await loadMe();
  }
}

/** A list of them, or nothing. */
export function Invited() {
  const { invitations } = useStore(session);
  const [busy, setBusy] = useState(false);
  if (!invitations.length) return null;
  const join = async (invitation) => {
    if (busy) return;
    setBusy(true);
    await accept(invitation);
    setBusy(false);
  };
  return html`
    <section class="invited" aria-label="Invitations">
      <ul class="members">
        ${invitations.map(
          (invitation) => html`
          <li key=${invitation.id} class="member">
            <span class="member-text">
              <span>You are invited to <bdi><strong>${invitation.organization_name}</strong></bdi></span>
              <span class="hint">as ${nameOf(ROLES, invitation.role).toLowerCase()}${invitation.invited_by_name && html`, by <bdi>${invitation.invited_by_name}</bdi>`}</span>
            </span>
            <button type="button" class="button primary" aria-disabled=${busy} onClick=${() => join(invitation)}>Join<span class="hidden"> ${plain(invitation.organization_name)}</span></button>
          </li>
        `,
        )}
      </ul>
    </section>
  `;
}
