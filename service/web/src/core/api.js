// The service's API, called with the signed-in person's token.
import { config } from './config.js';
import { supabase } from './supabase.js';

/** An answer other than success (RFC 9457), or none at all (`status` 0). */
export class Problem extends Error {
  constructor(status, body = {}) {
    const kind = (body.type ?? '').replace('/problems/', '');
    super(config.problems[kind] || body.detail || body.title || 'Something went wrong.');
    this.status = status;
    this.kind = kind;
    this.body = body;
  }

  /** What is wrong by field, from a 422. */
  get fields() {
    const found = {};
    for (const { field, message } of this.body.errors ?? []) found[field.split('.')[0]] ??= sentence(message);
    return found;
  }
}

function sentence(text) {
  const trimmed = String(text).trim();
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?]$/.test(trimmed) ? '' : '.');
}

/** For an answer that never came. What is read is read again; what was to be saved is in the hands of whoever saves. */
export function unreachable(method = 'GET') {
  if (method === 'GET') {
    return new Problem(0, { detail: 'The service cannot be reached. Check your connection; this page tries again by itself.' });
  }
  return new Problem(0, { detail: 'Not saved: the service cannot be reached. Check your connection, then try once more.' });
}

/** @type {string | null} */
let organizationId = null;
let onUnauthorized = () => {};
let under = new AbortController();

/** Names the organization that requests are about, and what to do when the session is no longer good. */
export function configureApi(options) {
  if ('organizationId' in options) organizationId = options.organizationId;
  if ('onUnauthorized' in options) onUnauthorized = options.onUnauthorized;
}

/** Ends every call that is under way: nobody wants its answer any more. */
export function callOff() {
  under.abort();
  under = new AbortController();
}

/** The session of an answer of supabase-js, or null if there is none; throws if it only cannot be refreshed just now. */
function sessionOf({ data, error }) {
  if (error?.name === 'AuthRetryableFetchError') throw error;
  return data.session;
}

async function send(path, { method, body, keepalive, signal }, organization) {
  const session = sessionOf(await supabase.auth.getSession());
  if (!session) return null;
  const headers = { Accept: 'application/json', Authorization: `Bearer ${session.access_token}` };
  if (organization) headers['X-Organization-Id'] = organization;
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const limits = [under.signal, AbortSignal.timeout(20000)];
  return fetch(path, {
    method,
    headers,
    keepalive,
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.any(signal ? [signal, ...limits] : limits),
  });
}

/**
 * Calls the API and answers its JSON. Throws Problem; an aborted call throws its AbortError.
 * A 401 is tried once more with a fresh token before the session counts as ended.
 * @param {string} path
 * @param {{ method?: string, body?: unknown, keepalive?: boolean, signal?: AbortSignal }} options
 * @returns {Promise<any>}
 */
export async function api(path, { method = 'GET', body, keepalive = false, signal } = {}) {
  const options = { method, body, keepalive, signal };
  const organization = organizationId; // of the moment of the call, whatever is chosen while it waits
  let response;
  try {
    response = await send(path, options, organization);
    if (response?.status === 401) {
      if (sessionOf(await supabase.auth.refreshSession())) response = await send(path, options, organization);
    }
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable(method);
  }
  if (!response || response.status === 401) {
    onUnauthorized();
    throw new Problem(401, { detail: 'Your session has ended: sign in again.' });
  }
  const text = await response.text().catch(() => '');
  const answer = parse(text);
  if (!response.ok) throw new Problem(response.status, answer ?? { detail: `The service answered ${response.status}.` });
  return answer;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/**
 * One page of a list of the API, for a List. `query` are further parameters.
 * @param {string} path
 * @param {import('./list.js').Request<string>} request
 */
export function readPage(path, { limit, before, after, signal }, query = '') {
  const params = new URLSearchParams(query);
  params.set('limit', String(limit));
  if (before) params.set('before', before);
  if (after) params.set('after', after);
  return api(`${path}?${params}`, { signal });
}
