// Addresses: changing pages without loading them again, so that the bell stays connected.
import { useLayoutEffect } from './html.js';
import { Store, useStore } from './store.js';

const PAGES = /^\/(sign-in|inbox|incidents(\/[^/]+)?|settings(\/(members|activity|audit))?)?$/;

function here() {
  return { path: location.pathname, query: location.search, state: history.state };
}

export const route = new Store({ ...here(), moves: 0 });

export function useRoute() {
  return useStore(route);
}

/**
 * Goes to a path of this app. `state` reaches the page as `route.state.state` and outlives a reload.
 * @param {string} url
 * @param {{ replace?: boolean, state?: object | null }} options
 */
export function navigate(url, { replace = false, state = null } = {}) {
  const from = replace ? history.state?.from : location.pathname + location.search;
  if (!replace) history.replaceState({ ...history.state, top: scrollY }, ''); // for whoever comes back
  history[replace ? 'replaceState' : 'pushState']({ ...state, from }, '', url);
  route.set({ ...here(), moves: route.state.moves + 1 });
  if (!replace) scrollTo(0, 0);
}

/**
 * Where the page was opened from, if that is one of the app's lists: a path to go back to.
 * @returns {string | null}
 */
export function listBefore() {
  const from = history.state?.from ?? '';
  return /^\/(inbox|incidents)(\?|$)/.test(from) ? from : null;
}

/** Scrolls to where one was when the page was left, once what was there is there again. */
export function useScrollBack(ready) {
  useLayoutEffect(() => {
    const top = history.state?.top;
    if (!ready || !top) return;
    scrollTo(0, top);
    history.replaceState({ ...history.state, top: 0 }, '');
  }, [ready]);
}

/** Changes the query without counting as another page: filters that can be bookmarked. */
export function setQuery(params) {
  const query = params.toString();
  history.replaceState(history.state, '', location.pathname + (query ? `?${query}` : ''));
  route.set(here());
}

/** Takes the one-time message that the page before left for this one. */
export function takeNotice() {
  const notice = history.state?.notice ?? null;
  if (notice) history.replaceState({ ...history.state, notice: null }, '');
  return notice;
}

/**
 * A path of this origin to return to after signing in; anything else (another host, a scheme, the sign-in page)
 * becomes the list of incidents.
 */
export function safeNext(next) {
  const fallback = '/incidents';
  if (!next || !/^\/(?![/\\])/.test(next) || /[\p{Cc}\\]/u.test(next)) return fallback;
  const url = new URL(next, location.origin);
  if (url.origin !== location.origin || !PAGES.test(url.pathname) || ['/sign-in', '/'].includes(url.pathname)) return fallback;
  return url.pathname + url.search;
}

addEventListener('popstate', () => route.set({ ...here(), moves: route.state.moves + 1 }));

addEventListener('click', (event) => {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? /** @type {HTMLAnchorElement | null} */ (event.target.closest('a[href]')) : null;
  if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
  if (!PAGES.test(link.pathname) || link.hash) return;
  event.preventDefault();
  follow(link.pathname + link.search);
});

/** @type {null | (() => Promise<boolean>)} */
let guard = null;

/** From now on, a link is only followed if `agrees` answers true, until the returned function is called. */
export function guardLeaving(agrees) {
  guard = agrees;
  return () => {
    if (guard === agrees) guard = null;
  };
}

async function follow(address) {
  if (!guard || (await guard())) navigate(address);
}
