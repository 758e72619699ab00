// When something was, in words. No side effects.
const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto', style: 'short' });
const time = new Intl.DateTimeFormat('en', { hour: 'numeric', minute: '2-digit', hourCycle: 'h23' });
const weekday = new Intl.DateTimeFormat('en', { weekday: 'long' });
const day = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short' });
const dayAndYear = new Intl.DateTimeFormat('en', { day: 'numeric', month: 'short', year: 'numeric' });

/**
 * "just now", "5 min. ago", "yesterday", "3 Nov" for a moment in milliseconds.
 * @param {number} moment
 */
export function ago(moment, at = Date.now()) {
  const seconds = Math.max(0, (at - moment) / 1000); // clocks differ: nothing happens in the future
  if (seconds < 45) return 'just now';
  if (seconds < 3600) return relative.format(-Math.max(1, Math.round(seconds / 60)), 'minute');
  if (seconds < 86400) return relative.format(-Math.round(seconds / 3600), 'hour');
  if (seconds < 7 * 86400) return relative.format(-Math.round(seconds / 86400), 'day');
  const sameYear = new Date(moment).getFullYear() === new Date(at).getFullYear();
  return (sameYear ? day : dayAndYear).format(moment);
}

/**
 * Since when something has been so: "14:05" today, "Monday" within a week, "3 Nov" before.
 * @param {number} moment
 */
export function since(moment, at = Date.now()) {
  const midnight = new Date(at).setHours(0, 0, 0, 0);
  if (moment >= midnight) return time.format(moment);
  return (moment >= new Date(midnight).setDate(new Date(midnight).getDate() - 6) ? weekday : day).format(moment);
}
