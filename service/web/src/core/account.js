// What one may do with an account before being signed in: what the project allows, and asking Supabase Auth for it.
import { config } from './config.js';
import { supabase } from './supabase.js';

/** Where a mailed link leads: here, and on to where one wanted to be. */
function landing(next) {
  return `${location.origin}/sign-in${next ? `?next=${encodeURIComponent(next)}` : ''}`;
}

/**
 * What the project's Auth settings allow; null where they cannot be read.
 * @returns {Promise<{ signUp: boolean, links: boolean } | null>}
 */
export async function readAllowed() {
  try {
    const answer = await fetch(`${config.supabase_url}/auth/v1/settings`, {
      headers: { apikey: config.supabase_key },
      signal: AbortSignal.timeout(10000),
    });
    const { external, disable_signup: closed } = await answer.json();
    return { signUp: Boolean(external.email) && !closed, links: Boolean(external.email) };
  } catch {
    return null;
  }
}

/** A refusal in the product's words, perhaps at a field. `code` is Supabase Auth's. */
export class Refused extends Error {
  /**
   * @param {string} message
   * @param {string | null} [field]
   * @param {string} [code]
   */
  constructor(message, field = null, code = '') {
    super(message);
    this.field = field;
    this.code = code;
  }
}

export const CLOSED = 'This app does not take new accounts: ask whoever runs it for one.';
const WORDS = {
  invalid_credentials: ['That email and password do not match.', 'password'],
  email_not_confirmed: ['Confirm your address first, with the link that was mailed to you.', 'email'],
  user_banned: ['This account is closed for now: ask whoever runs this app.'],
  signup_disabled: [CLOSED],
  email_provider_disabled: ['This app lets nobody in that way: ask whoever runs it.'],
  email_address_invalid: ['No mail can be sent to that address.', 'email'],
  email_address_not_authorized: ['No mail can be sent to that address.', 'email'],
  user_already_exists: ['There is an account with that address: sign in, or ask for a new password.', 'email'],
  email_exists: ['There is an account with that address: sign in, or ask for a new password.', 'email'],
  same_password: ['That is the password you have: choose another one.', 'password'],
};

function refusalOf(error) {
  const words = WORDS[error.code];
  if (words) return new Refused(words[0], words[1], error.code);
  if (error.code === 'weak_password') return new Refused(whatIsMissing(error), 'password');
  if (error.status === 429) return new Refused('That was too often in a short time: wait a minute and try again.');
  if (!error.status || error.status >= 500) return new Refused('Supabase cannot be reached. Check your connection and try again.');
  const most = /longer than (\d+) characters/.exec(error.message)?.[1];
  if (most) return new Refused(`At most ${most} characters, please.`, 'password');
  if (error.code === 'validation_failed' && /email/i.test(error.message)) return new Refused('That is no e-mail address.', 'email');
  return new Refused(error.message);
}

/** What the project asks of a password, and this one has not. */
function whatIsMissing({ reasons = [], message }) {
  const least = reasons.includes('length') && /at least (\d+) characters/.exec(message)?.[1];
  const wishes = [
    least && `At least ${least} characters, please.`,
    reasons.includes('characters') && 'Use small and capital letters, digits and signs.',
    reasons.includes('pwned') && 'That password is known from leaks: choose another one.',
  ];
  return wishes.filter(Boolean).join(' ') || 'That password is too easy to guess: choose a longer one.';
}

function settle({ error }) {
  if (error) throw refusalOf(error);
}

/** Throws Refused. */
export async function signIn(email, password) {
  settle(await supabase.auth.signInWithPassword({ email, password }));
}

/** Throws Refused. Answers whether the address is to be confirmed first, by a link that is on its way. */
export async function signUp(email, password, next) {
  const answer = await supabase.auth.signUp({ email, password, options: { emailRedirectTo: landing(next) } });
  settle(answer);
  return !answer.data.session;
}

/** Throws Refused. */
export async function sendAgain(email, next) {
  settle(await supabase.auth.resend({ type: 'signup', email, options: { emailRedirectTo: landing(next) } }));
}

/** Throws Refused. Says nothing of whether there is an account. */
export async function sendRecovery(email) {
  settle(await supabase.auth.resetPasswordForEmail(email, { redirectTo: landing('') }));
}

/** Throws Refused. Says nothing of whether there is an account. */
export async function sendLink(email, next) {
  const { error } = await supabase.auth.signInWithOtp({ email, options: { shouldCreateUser: false, emailRedirectTo: landing(next) } });
  if (error && error.code !== 'otp_disabled' && error.code !== 'user_not_found') throw refusalOf(error);
}

/** Throws Refused. */
export async function changePassword(password) {
  settle(await supabase.auth.updateUser({ password }));
}
