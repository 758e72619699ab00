// What the address carried when the page was opened by a mailed link, or by one that somebody copied: taken out of it at
// once, so that nobody reads it there. The session in it is supabase-js's business (supabase.js).
const carried = new URLSearchParams(location.hash.slice(1));

/**
 * brings: a session, that of a link which works. failed: a mailed link did not work, and nobody was told yet.
 * recovers: it was one to choose a new password. email: whom somebody invited.
 */
export const arrival = {
  brings: carried.has('access_token'),
  failed: carried.has('error') || carried.has('error_code'),
  recovers: carried.get('type') === 'recovery',
  email: carried.get('email') ?? '',
};

export const DEAD_LINK =
  'That link does not work any more: each works once, and not for long. If it has confirmed your address, sign in; otherwise ask for a new one.';

/** Whether a link failed, for the one who says so. */
export function takeFailure() {
  const { failed } = arrival;
  arrival.failed = false;
  return failed;
}

/** Leaves the address without what it carried. */
export function tidy() {
  if (location.hash.includes('=')) history.replaceState(history.state, '', location.pathname + location.search);
}

if (!arrival.brings) tidy();
