// What happened, and how it stands, in a word or two. No side effects.

const EVENTS = {
  triggered: 'Triggered',
  acknowledged: 'Acknowledged',
  unacknowledged: 'No longer acknowledged',
  resolved: 'Resolved',
  reopened: 'Reopened',
  escalated: 'Escalated',
  reassigned: 'Reassigned',
  delegated: 'Delegated',
  annotated: 'Note added',
};

/** "Triggered", "Priority updated". */
export function eventName(type) {
  const name = String(type).replace(/^(incident|service)\./, '');
  const words = name.replace(/[._]/g, ' ');
  return EVENTS[name] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** "Triggered", "Acknowledged by Rita", or what last happened to what has no status, such as a service. */
export function stateOf({ pagerduty_status: status, acknowledged_by: by, event_type: type }) {
  if (!status) return eventName(type);
  return `${EVENTS[status]}${status === 'acknowledged' && by ? ` by ${by}` : ''}`;
}

/**
 * The next morning at nine, where the reader is, in milliseconds.
 * @param {number} at
 */
export function morning(at) {
  const day = new Date(at);
  day.setDate(day.getDate() + 1);
  return day.setHours(9, 0, 0, 0);
}

/** What an alarm is about: "New alert", or what happened to one that was known. */
export function alarmOf({ event_type: type }) {
  return type === 'incident.triggered' ? 'New alert' : eventName(type);
}
