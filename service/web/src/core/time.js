// Times as people read them, kept up to date.
import { ago } from './ago.js';
import { html } from './html.js';
import { Store, useStore } from './store.js';

const now = new Store({ at: Date.now() });
setInterval(() => now.set({ at: Date.now() }), 20000);
document.addEventListener('visibilitychange', () => document.hidden || now.set({ at: Date.now() }));

const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** An ISO 8601 time as "25 Nov 2026, 09:41:12", as the reader writes it, in their zone. */
export function fullTime(at) {
  return absolute.format(Date.parse(at));
}

/** An ISO 8601 time as "5 min. ago" or in other `words`, with the full one on hover, or beside it where it is `exact`. */
export function Time({ at, prefix = '', words = ago, exact = false }) {
  useStore(now);
  const moment = Date.parse(at);
  if (Number.isNaN(moment)) return null;
  return html`<time datetime=${at} title=${absolute.format(moment)}>${prefix}${words(moment)}${exact && html`<span class="exact">${absolute.format(moment)}</span>`}</time>`;
}
