// After a link to choose a new password was opened: the one thing to do.
import './shared.js';
import { Field, focusFirstError } from '../ui/field.js';
import { useTitle } from '../ui/parts.js';
import { toast } from '../ui/toast.js';
import { changePassword } from './account.js';
import { html, useElement, useState } from './html.js';
import { session } from './session.js';

export function NewPasswordPage() {
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {string | null} */ (null));
  const form = useElement();
  useTitle('Choose a new password');
  const done = () => session.set({ recovering: false });
  const submit = async (event) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await changePassword(password);
      toast('Your password is changed.');
      done();
    } catch (problem) {
      setError(problem.message);
      focusFirstError(form.current);
      setBusy(false);
    }
  };
  return html`
    <div class="page sign-in">
      <form ref=${form} class="card" onSubmit=${submit}>
        <h1>Choose a new password</h1>
        <p class="hint">You are signed in as <bdi>${session.state.user?.email}</bdi>. Your other sessions end when it is changed.</p>
        <input type="text" class="hidden" autocomplete="username" tabindex="-1" aria-hidden="true" readonly value=${session.state.user?.email ?? ''} />
        <${Field} label="New password" error=${error}>
          ${(attributes) => html`<input ...${attributes} type="password" name="password" autocomplete="new-password" required value=${password} onInput=${(event) => setPassword(event.currentTarget.value)} />`}
        <//>
        <div class="actions">
          <button type="button" class="button" onClick=${done}>Keep the old one</button>
          <button type="submit" class="button primary" aria-disabled=${busy}>${busy ? 'Changing it …' : 'Change the password'}</button>
        </div>
      </form>
    </div>
  `;
}
