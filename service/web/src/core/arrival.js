// What the address carried when the page was opened by a mailed link, or by one that somebody copied: taken out of it at
// once, so that nobody reads it there. The session in it is supabase-js's business (supabase.js).
const carried = new URLSearchParams(location.hash.slice(1));

/** code, text: why a mailed link did not work. email: whom somebody invited. */
export const arrival = {
  failure: carried.get('error_code') ?? carried.get('error'),
  email: carried.get('email') ?? '',
};

/** Leaves the address without what it carried. */
export function tidy() {
  if (location.hash.includes('=')) history.replaceState(history.state, '', location.pathname + location.search);
}

if (!carried.has('access_token')) tidy();
