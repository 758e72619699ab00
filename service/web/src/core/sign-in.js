// Signing in with email and password, or as one of the people of the embedded stack; the ways to an account.
import './shared.js';
import { Field } from '../ui/field.js';
import { Notice, useTitle } from '../ui/parts.js';
import { CLOSED, readAllowed, sendAgain, sendLink, sendRecovery, signIn, signUp } from './account.js';
import { arrival, DEAD_LINK, takeFailure } from './arrival.js';
import { config } from './config.js';
import { html, useEffect, useElement, useState } from './html.js';
import { session } from './session.js';
import { useStore } from './store.js';

/** By what one wants to do: title, button, whether a password is asked for, and what does it. */
const WAYS = {
  'sign-in': { title: 'Sign in', button: 'Sign in', busy: 'Signing in …', password: 'current-password' },
  'sign-up': { title: 'Create an account', button: 'Create the account', busy: 'Creating it …', password: 'new-password' },
  forgot: { title: 'Forgot your password?', button: 'Send me a link', busy: 'Sending …', password: null },
  link: { title: 'Sign in without a password', button: 'Send me a link', busy: 'Sending …', password: null },
};
const HINTS = {
  forgot: 'A link by mail lets you choose a new one.',
  link: 'A link by mail signs you in, once.',
};
const SENT = {
  'sign-up': (email) =>
    `Look into your mail: a link to confirm ${email} is on its way. None comes if that address has an account already: sign in with it then.`,
  forgot: (email) => `If there is an account for ${email}, a link to choose a new password is on its way.`,
  link: (email) => `If there is an account for ${email}, a link to sign in is on its way.`,
};

export function SignInPage({ query }) {
  const { ended } = useStore(session);
  const params = new URLSearchParams(query);
  const asked = params.get('do') ?? '';
  const [allowed, setAllowed] = useState(/** @type {Awaited<ReturnType<typeof readAllowed>>} */ (null));
  const [failed] = useState(takeFailure);
  useEffect(() => {
    readAllowed().then(setAllowed);
  }, []);
  const closed = asked === 'sign-up' && allowed !== null && !allowed.signUp;
  const way = Object.hasOwn(WAYS, asked) && !closed ? asked : 'sign-in';
  const next = params.get('next') ?? '';
  useTitle(WAYS[way].title);
  return html`
    <div class="page sign-in">
      <div class="card">
        <h1>${WAYS[way].title}</h1>
        ${ended && html`<${Notice} kind="warning" role="status"><p>You were signed out. Sign in to go on where you were.</p><//>`}
        ${failed && html`<${Notice} kind="warning" role="status"><p>${DEAD_LINK}</p><//>`}
        ${closed && html`<${Notice} kind="warning" role="status"><p>${CLOSED}</p><//>`}
        ${!ended && next && way === 'sign-in' && html`<p class="hint">You will be taken to the page you asked for.</p>`}
        ${HINTS[way] && html`<p class="hint">${HINTS[way]}</p>`}
        <${Form} key=${way} way=${way} next=${next} />
        <${OtherWays} way=${way} next=${next} allowed=${allowed} />
      </div>
      ${config.demo_people.length > 0 && way === 'sign-in' && html`<${DemoPeople} />`}
    </div>
  `;
}

let typed = arrival.email; // kept from one way to another

function Form({ way, next }) {
  const [email, setEmail] = useState(typed);
  const [password, setPassword] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {import('./account.js').Refused | null} */ (null));
  const [sent, setSent] = useState(/** @type {string | null} */ (null));
  const form = useElement();
  const address = email.trim();
  const says = (what) => () => SENT[what](address);
  const acts = {
    'sign-in': async () => {
      await signIn(address, password);
      typed = ''; // whoever signs in here after them is somebody else
    },
    'sign-up': async () => ((await signUp(address, password, next)) ? SENT['sign-up'](address) : null),
    forgot: () => sendRecovery(address).then(says('forgot')),
    link: () => sendLink(address, next).then(says('link')),
  };
  const confirmAgain = () => run(() => sendAgain(address, next).then(says('sign-up')));
  const run = async (act) => {
    if (busy) return;
    setBusy(true);
    setError(null);
    try {
      const said = (await act()) ?? null;
      setSent(said);
      if (said) setBusy(false); // who is let in leaves this page
    } catch (refused) {
      setError(refused);
      setBusy(false);
      form.current?.querySelector(`input[name=${refused.field ?? 'email'}]`)?.focus();
    }
  };
  const submit = (event) => {
    event.preventDefault();
    run(acts[way]);
  };
  const { button, busy: working, password: autocomplete } = WAYS[way];
  if (sent) {
    return html`
      <${Sent} text=${sent} />
      ${sent === SENT['sign-up'](address) && html`<button type="button" class="button" aria-disabled=${busy} onClick=${confirmAgain}>Send it again</button>`}
      ${error && html`<p class="error" role="alert">${error.message}</p>`}
    `;
  }
  return html`
    <form ref=${form} onSubmit=${submit}>
      <${Field} label="Email" error=${error?.field === 'email' ? error.message : null}>
        ${(attributes) => html`
          <input
            ...${attributes} type="email" name="email" autocomplete="username" required maxlength=${config.limits.email} value=${email}
            onInput=${(event) => {
              typed = event.currentTarget.value;
              setEmail(typed);
            }}
          />
        `}
      <//>
      ${
        autocomplete &&
        html`
        <${Field} label="Password" error=${error?.field === 'password' ? error.message : null}>
          ${(attributes) => html`
            <input ...${attributes} type="password" name="password" autocomplete=${autocomplete} required value=${password} onInput=${(event) => setPassword(event.currentTarget.value)} />
          `}
        <//>
      `
      }
      ${error && !error.field && html`<p class="error" role="alert">${error.message}</p>`}
      ${error?.code === 'email_not_confirmed' && html`<button type="button" class="button wide" onClick=${confirmAgain}>Send me that link again</button>`}
      <button type="submit" class="button primary wide" aria-disabled=${busy}>${busy ? working : button}</button>
    </form>
  `;
}

/** What was sent. It takes the form's place, and so its focus. */
function Sent({ text }) {
  const ref = useElement();
  useEffect(() => ref.current.focus(), []);
  return html`<div ref=${ref} tabindex="-1" role="status"><${Notice} kind="good"><p><bdi>${text}</bdi></p><//></div>`;
}

/** Links to what else one may do here. */
function OtherWays({ way, next, allowed }) {
  const to = (name) => {
    const params = new URLSearchParams({ ...(name !== 'sign-in' && { do: name }), ...(next && { next }) });
    return `/sign-in${params.size ? `?${params}` : ''}`;
  };
  const offered = [
    way !== 'sign-in' && ['sign-in', 'Sign in with a password'],
    allowed?.signUp && way !== 'sign-up' && ['sign-up', 'Create an account'],
    allowed?.links && way !== 'forgot' && ['forgot', 'Forgot your password?'],
    allowed?.links && way !== 'link' && ['link', 'Sign in without a password'],
  ].filter(Boolean);
  if (!offered.length) return null;
  return html`<ul class="other-ways">${offered.map(([name, text]) => html`<li key=${name}><a href=${to(name)}>${text}</a></li>`)}</ul>`;
}

function DemoPeople() {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(/** @type {string | null} */ (null));
  const enter = async (person) => {
    if (busy) return;
    setBusy(true);
    try {
      await signIn(person.email, person.password);
    } catch (problem) {
      setError(problem.message);
      setBusy(false);
    }
  };
  return html`
    <section class="card" aria-labelledby="demo-people">
      <h2 id="demo-people">Or try it as one of these</h2>
      <p class="hint">They exist only in this embedded stack.</p>
      <ul class="people">
        ${config.demo_people.map(
          (person) => html`
          <li key=${person.email}>
            <button type="button" class="person" aria-disabled=${busy} onClick=${() => enter(person)}>
              <span class="avatar" aria-hidden="true">${person.name.charAt(0)}</span>
              <span><strong>${person.name}</strong> <span class="hint">${person.what}</span></span>
            </button>
          </li>
        `,
        )}
      </ul>
      <p class="error" role="alert">${error}</p>
    </section>
  `;
}
