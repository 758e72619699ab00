// Signing in with email and password, or as one of the people of the embedded stack.
import './shared.js';
import { Field } from '../ui/field.js';
import { Notice, useTitle } from '../ui/parts.js';
import { config } from './config.js';
import { html, useElement, useState } from './html.js';
import { session, signIn } from './session.js';
import { useStore } from './store.js';

export function SignInPage({ query }) {
  const { ended } = useStore(session);
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {string | null} */ (null));
  const form = useElement();
  useTitle('Sign in');

  const enter = async (asEmail, asPassword) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      await signIn(asEmail, asPassword);
    } catch (problem) {
      setError(problem.message);
      setBusy(false);
      form.current?.querySelector('input[type=password]').focus();
    }
  };
  const submit = (event) => {
    event.preventDefault();
    enter(email.trim(), password);
  };
  const returning = new URLSearchParams(query).has('next');
  return html`
    <div class="page sign-in">
      <div class="card">
        <h1>Sign in</h1>
        ${ended && html`<${Notice} kind="warning" role="status"><p>You were signed out. Sign in to go on where you were.</p><//>`}
        ${!ended && returning && html`<p class="hint">You will be taken to the page you asked for.</p>`}
        <form ref=${form} onSubmit=${submit}>
          <${Field} label="Email">
            ${(attributes) => html`
              <input ...${attributes} type="email" name="email" autocomplete="username" required value=${email} onInput=${(event) => setEmail(event.currentTarget.value)} />
            `}
          <//>
          <${Field} label="Password" error=${error}>
            ${(attributes) => html`
              <input ...${attributes} type="password" name="password" autocomplete="current-password" required value=${password} onInput=${(event) => setPassword(event.currentTarget.value)} />
            `}
          <//>
          <button type="submit" class="button primary wide" aria-disabled=${busy}>${busy ? 'Signing in …' : 'Sign in'}</button>
        </form>
      </div>
      ${config.demo_people.length > 0 && html`<${DemoPeople} enter=${enter} busy=${busy} />`}
    </div>
  `;
}

function DemoPeople({ enter, busy }) {
  return html`
    <section class="card" aria-labelledby="demo-people">
      <h2 id="demo-people">Or try it as one of these</h2>
      <p class="hint">They exist only in this embedded stack.</p>
      <ul class="people">
        ${config.demo_people.map(
          (person) => html`
          <li key=${person.email}>
            <button type="button" class="person" aria-disabled=${busy} onClick=${() => enter(person.email, person.password)}>
              <span class="avatar" aria-hidden="true">${person.name.charAt(0)}</span>
              <span><strong>${person.name}</strong> <span class="hint">${person.what}</span></span>
            </button>
          </li>
        `,
        )}
      </ul>
    </section>
  `;
}
