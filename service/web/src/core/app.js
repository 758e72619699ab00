// Starts the app: who is signed in decides which page stands at an address.
import './shared.js';
import { Invited } from '../organizations/invited.js';
import { Questions } from '../ui/dialog.js';
import { Failure, Skeleton } from '../ui/parts.js';
import { Toasts, toast } from '../ui/toast.js';
import { DEAD_LINK, takeFailure } from './arrival.js';
import { Header } from './header.js';
import { Component, html, render, useEffect } from './html.js';
import { fetchTheRest, lazy } from './lazy.js';
import { followMemberships } from './membership.js';
import { navigate, safeNext, useRoute } from './router.js';
import { loadMe, session, startSession } from './session.js';
import { useStore } from './store.js';

/** Sends people to where they can be: signed out to the sign-in page, signed in away from it. */
function useGuard({ phase, left }, { path, query }) {
  useEffect(() => {
    if (phase === 'out' && path !== '/sign-in') {
      const here = left || path === '/' ? '' : `?next=${encodeURIComponent(path + query)}`;
      navigate(`/sign-in${here}`, { replace: true });
    } else if (phase === 'ready' && (path === '/sign-in' || path === '/')) {
      navigate(safeNext(new URLSearchParams(query).get('next')), { replace: true });
    }
  }, [phase, left, path, query]);
}

/** Moves the focus to the content when the page changes, so that a screen reader begins there. */
function useFocusOnMove(moves) {
  useEffect(() => {
    if (moves > 0) document.getElementById('main')?.focus({ preventScroll: true });
  }, [moves]);
}

const SignInPage = lazy(async () => (await import('./sign-in.js')).SignInPage);
const NewPasswordPage = lazy(async () => (await import('./new-password.js')).NewPasswordPage);
const IncidentsPage = lazy(async () => (await import('../incidents/incidents.js')).IncidentsPage);
const IncidentPage = lazy(async () => (await import('../incidents/incident.js')).IncidentPage);
const InboxPage = lazy(async () => (await import('../inbox/page.js')).InboxPage);
const NewIncidentPage = lazy(async () => (await import('../incidents/new-incident.js')).NewIncidentPage);
const SettingsPage = lazy(async () => (await import('../settings/settings.js')).SettingsPage);
const HomelessPage = lazy(async () => (await import('../organizations/homeless.js')).HomelessPage);

function Page({ path, query, organization }) {
  const place = organization?.id;
  if (!place) return html`<${HomelessPage} />`;
  if (path === '/inbox') return html`<${InboxPage} key=${place} />`;
  if (path === '/incidents') return html`<${IncidentsPage} key=${place} organization=${organization} />`;
  if (path === '/incidents/new') return html`<${NewIncidentPage} key=${`${place} ${query}`} organization=${organization} query=${query} />`;
  const incident = /^\/incidents\/([^/]+)$/.exec(path);
  // Not decoded: an id needs none, and `%ff` cannot be.
  if (incident) return html`<${IncidentPage} key=${`${place} ${path}`} id=${incident[1]} />`;
  if (path.startsWith('/settings')) return html`<${SettingsPage} key=${place} path=${path} organization=${organization} />`;
  return html`<div class="page"><${Skeleton} rows=${4} /></div>`;
}

/** Whoever is signed in already is told, too, that a mailed link did not work. */
function useArrival(phase) {
  useEffect(() => {
    if (phase === 'ready' && takeFailure()) toast(DEAD_LINK, 'bad');
  }, [phase]);
}

function Content() {
  const { phase, left, organization, recovering, problem } = useStore(session);
  const route = useRoute();
  useGuard({ phase, left }, route);
  useArrival(phase);
  useFocusOnMove(route.moves);
  if (phase === 'failed') {
    return html`<div class="page narrow"><h1>Not quite there</h1><${Failure} problem=${problem} onRetry=${loadMe} /></div>`;
  }
  if (phase === 'ready' && recovering) return html`<${NewPasswordPage} />`;
  if (phase === 'ready') {
    return html`
      ${organization && html`<${Invited} />`}
      <${Page} ...${route} organization=${organization} />
    `;
  }
  if (phase === 'out' && route.path === '/sign-in') return html`<${SignInPage} query=${route.query} />`;
  return html`<div class="page"><${Skeleton} rows=${4} /></div>`;
}

class App extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ broken: true });
  }

  render() {
    if (this.state.broken) {
      return html`
        <main class="page narrow">
          <h1>Something broke in this page</h1>
          <p>What you saved is safe. <a class="button" href=${location.href} target="_self">Load the page again</a></p>
        </main>
      `;
    }
    return html`
      <${Header} />
      <main id="main" tabindex="-1"><${Content} /></main>
      <${Toasts} />
      <${Questions} />
    `;
  }
}

startSession();
followMemberships();
render(html`<${App} />`, /** @type {HTMLElement} */ (document.getElementById('app'))); // takes over the frame that stands there
fetchTheRest();
