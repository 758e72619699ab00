// Who is signed in, in which organizations, and which of them this tab is about.
import { api, callOff, configureApi, unreachable } from './api.js';
import { arrival } from './arrival.js';
import { config } from './config.js';
import { dropAllDrafts } from './drafts.js';
import { Store } from './store.js';
import { supabase } from './supabase.js';
import { oneAtATime } from './turns.js';

/**
 * phase: starting (not known yet), out, ready, failed (signed in, but /api/me does not answer: `problem`).
 * recovering: a link to choose a new password was opened. ended: the session ran out or was ended elsewhere. left: the person signed out here.
 * organization is the chosen one of organizations, or null for somebody who is in none. invitations can be accepted.
 */
/** @typedef {import('../types.d.ts').Organization} Organization */
/**
 * @typedef {{
 *   phase: 'starting' | 'out' | 'ready' | 'failed', user: import('../types.d.ts').User | null, organizations: Organization[],
 *   organization: Organization | null, invitations: import('../types.d.ts').Invitation[], ended: boolean, left: boolean, recovering: boolean, problem: any,
 * }} Session
 */

export const session = new Store(
  /** @type {Session} */ ({
    phase: 'starting',
    user: null,
    organizations: [],
    organization: null,
    invitations: [],
    ended: false,
    left: false,
    recovering: false,
    problem: null,
  }),
);

const CHOSEN = 'organization';
let leaving = false;
/** @type {string | null} whose organizations are being read: supabase-js tells twice of a session that it finds */
let entering = null;

/** The id of the person who is signed in; throws if there is none. */
export function myId() {
  if (!session.state.user) throw new Error('Nobody is signed in.');
  return session.state.user.id;
}

/** Whether the person may do there what `role` may. */
export function atLeast(role, organization = session.state.organization) {
  return organization !== null && config.roles.indexOf(organization.role) >= config.roles.indexOf(role);
}

export function startSession() {
  configureApi({ onUnauthorized: expire });
  supabase.auth.onAuthStateChange((event, current) => {
    // Other tabs hear of it, too: what is open there stays.
    if (event === 'PASSWORD_RECOVERY' && arrival.recovers) session.set({ recovering: true });
    // supabase-js holds a lock while it calls back: what asks it for anything must wait until it is done.
    setTimeout(() => (current ? enter(current.user) : leave(event)), 0);
  });
}

async function enter(user) {
  if (entering === user.id || (session.state.user?.id === user.id && session.state.phase === 'ready')) return;
  entering = user.id;
  const known = remembered(user.id);
  if (known) become(known);
  await loadMe();
  entering = null;
}

/** Reads organizations and roles again. */
export async function loadMe() {
  try {
    become(await api('/api/me'));
  } catch (problem) {
    if (problem.status !== 401 && session.state.phase !== 'ready') session.set({ phase: 'failed', problem });
  }
}

/**
 * Reads organizations and roles again while a page is open: they, or a topic, may have changed. What cannot be read
 * now is read the next time, and while a membership is being ended, or a session, nothing is.
 */
export const lookAgain = oneAtATime(async () => {
  const { phase, user, organizations, invitations } = session.state;
  if (phase !== 'ready') return;
  const me = await api('/api/me').catch(() => null);
  if (session.state.phase !== 'ready' || me?.user.id !== user?.id) return;
  const known = JSON.stringify([organizations, invitations]);
  if (JSON.stringify([me.organizations, me.invitations]) !== known) become(me);
});

function become({ user, organizations, invitations = [] }) {
  write(localStorage, `me:${user.id}`, JSON.stringify({ user, organizations, invitations }));
  const wanted = session.state.organization?.id ?? read(sessionStorage, CHOSEN) ?? read(localStorage, CHOSEN);
  const organization = organizations.find(({ id }) => id === wanted) ?? organizations[0] ?? null;
  configureApi({ organizationId: organization?.id ?? null });
  session.set({ phase: 'ready', user, organizations, organization, invitations, ended: false, left: false, problem: null });
}

/** Makes this tab about another of the person's organizations; false if they are not in it. */
export function chooseOrganization(id) {
  const organization = session.state.organizations.find((one) => one.id === id);
  if (!organization) return false;
  if (organization.id === session.state.organization?.id) return true;
  write(sessionStorage, CHOSEN, id);
  write(localStorage, CHOSEN, id);
  configureApi({ organizationId: id });
  session.set({ organization });
  return true;
}

/**
 * Runs `remove`, which ends the person's membership. Nothing asks for the organization meanwhile, and what is under way
 * is called off: from one moment to the next it would be refused. Throws what `remove` throws; then all is as it was.
 */
export async function leaveOrganization(remove) {
  session.set({ phase: 'starting' });
  callOff();
  try {
    await remove();
  } catch (error) {
    session.set({ phase: 'ready' });
    throw error;
  }
  await loadMe();
}

export async function signOut() {
  leaving = true;
  const { error } = await supabase.auth.signOut({ scope: 'local' });
  if (error) leave('SIGNED_OUT');
}

function expire() {
  supabase.auth.signOut({ scope: 'local' });
}

function leave(event) {
  // Still kept, but run out, and Supabase cannot be reached to refresh it: that is no reason to sign in again.
  if (event === 'INITIAL_SESSION' && read(localStorage, /** @type {any} */ (supabase.auth).storageKey)) {
    session.set({ phase: 'failed', problem: unreachable() });
    return;
  }
  const { user } = session.state;
  if (user) localStorage.removeItem(`me:${user.id}`);
  const left = leaving || session.state.left;
  // An expired session tells of itself twice on loading: as ended, and as there being none.
  const ended = !left && (event === 'SIGNED_OUT' || session.state.ended);
  if (leaving) dropAllDrafts();
  leaving = false;
  configureApi({ organizationId: null });
  session.set({ phase: 'out', user: null, organizations: [], organization: null, invitations: [], ended, left, recovering: false });
}

function remembered(userId) {
  try {
    const me = JSON.parse(localStorage.getItem(`me:${userId}`) ?? 'null');
    return me?.user?.id === userId && Array.isArray(me.organizations) ? me : null;
  } catch {
    return null;
  }
}

function read(storage, key) {
  try {
    return storage.getItem(key);
  } catch {
    return null;
  }
}

function write(storage, key, value) {
  try {
    storage.setItem(key, value);
  } catch {
    // Full or blocked: the choice holds as long as the page does.
  }
}
