// For somebody who is in no organization: join one, or make one.
import '../core/shared.js';
import { api } from '../core/api.js';
import { config } from '../core/config.js';
import { html, useState } from '../core/html.js';
import { loadMe, session, signOut } from '../core/session.js';
import { useStore } from '../core/store.js';
import { Field } from '../ui/field.js';
import { Notice, useTitle } from '../ui/parts.js';
import { Invited } from './invited.js';

export function HomelessPage() {
  const { user, invitations } = useStore(session);
  useTitle('No organization yet');
  return html`
    <div class="page narrow">
      <h1>No organization yet</h1>
      ${
        invitations.length
          ? html`<${Invited} />`
          : html`<${Notice}><p>Nobody has invited <bdi>${user?.email}</bdi> so far. Ask an owner or admin of your organization to do so, or whoever runs this app to add you.</p><//>`
      }
      <${Create} />
      <p class="actions">
        <button type="button" class="button" onClick=${loadMe}>Look again</button>
        <button type="button" class="button" onClick=${signOut}>Sign out</button>
      </p>
    </div>
  `;
}

/** What the person can do about a refusal, which no role of theirs brings about. */
function explain(problem) {
  if (problem.status === 403) return 'This app does not let you create one: ask whoever runs it.';
  return problem.fields?.name ?? (problem.status === 409 ? problem.body.detail : problem.message);
}

function Create() {
  const [name, setName] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {string | null} */ (null));
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await api('/api/organizations', { method: 'POST', body: { name } });
      await loadMe();
    } catch (problem) {
      setError(explain(problem));
    }
    setBusy(false);
  };
  return html`
    <form class="card" noValidate onSubmit=${submit}>
      <h2>Create an organization</h2>
      <${Field} label="Name" error=${error} hint="You are its owner, and can invite others.">
        ${(attributes) => html`<input ...${attributes} type="text" autocomplete="organization" dir="auto" maxlength=${config.limits.organization_name} value=${name} onInput=${(event) => setName(event.currentTarget.value)} />`}
      <//>
      <div class="actions"><button type="submit" class="button primary" aria-disabled=${busy}>Create</button></div>
    </form>
  `;
}
