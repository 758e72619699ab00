// When to read again what a lost broadcast may have changed: on joining and rejoining a channel, when the page is
// shown or the network is back, when a storm kept something back, and every 30 seconds.
import { useEffect, useRef } from './html.js';
import { Store } from './store.js';

const EVERY = 30000;
const listeners = new Set();

/** online: the browser has a network. live: the channels are joined. late: they are not, and it is no longer just starting. */
export const connection = new Store({ online: navigator.onLine, live: false, late: false });

/** Calls back with the reason (join, shown, online, more, interval) until the returned function is called. */
export function onSync(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function syncNow(reason) {
  for (const listener of [...listeners]) listener(reason);
}

/** Runs `read` whenever it is time to read again. */
export function useSync(read) {
  const latest = useRef(read);
  latest.current = read;
  useEffect(() => onSync((reason) => latest.current(reason)), []);
}

setInterval(() => navigator.onLine && syncNow('interval'), EVERY);
document.addEventListener('visibilitychange', () => document.hidden || syncNow('shown'));
addEventListener('pageshow', (event) => event.persisted && syncNow('shown'));
addEventListener('online', () => {
  connection.set({ online: true });
  syncNow('online');
});
addEventListener('offline', () => connection.set({ online: false }));
