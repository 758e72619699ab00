// Times as people read them, kept up to date.
import { html } from './html.js';
import { Store, useStore } from './store.js';

const now = new Store({ at: Date.now() });
setInterval(() => now.set({ at: Date.now() }), 20000);
document.addEventListener('visibilitychange', () => document.hidden || now.set({ at: Date.now() }));

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const absolute = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const dayAndYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });

/** "just now", "5 min. ago", "yesterday", "3 Nov" for a moment in milliseconds. */
export function ago(moment, at = Date.now()) {
  const seconds = Math.max(0, (at - moment) / 1000); // clocks differ: nothing happens in the future
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return relative.format(-Math.max(1, Math.round(seconds / 60)), 'minute');
  if (seconds < 86400) return relative.format(-Math.round(seconds / 3600), 'hour');
  if (seconds < 7 * 86400) return relative.format(-Math.round(seconds / 86400), 'day');
  const sameYear = new Date(moment).getFullYear() === new Date(at).getFullYear();
  return (sameYear ? day : dayAndYear).format(moment);
}

/** An ISO 8601 time as "5 min. ago", with the full one on hover. */
export function Time({ at, prefix = '' }) {
  useStore(now);
  const moment = Date.parse(at);
  if (Number.isNaN(moment)) return null;
  return html`<time datetime=${at} title=${absolute.format(moment)}>${prefix}${ago(moment)}</time>`;
}
