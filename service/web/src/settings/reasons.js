// Why an event is ignored, in words.

/** By reason: what is said of one event, and what of many in a few words. */
const WORDS = {
  integration_disabled: ['PagerDuty was switched off in the settings', 'switched off'],
  ping: ['A test of the webhook by PagerDuty: it works', 'test'],
  unknown_event_type: ['A type of event that is not known here', 'unknown types'],
  event_type_not_taken: ['Its type is not among those to take', 'event type filter'],
  integration_key_mismatch: ['It is not of the integration whose key is set as filter', 'key filter'],
  service_not_taken: ['Its service is not among those that are chosen', 'service filter'],
  healed_before: ['It came late: what it tells had been read from PagerDuty’s log', 'late'],
  nothing_to_show: ['There is nothing in it to show', 'nothing to show'],
};

/** Why an event was ignored, or what was wrong with it. */
export function describeReason(reason) {
  return WORDS[reason]?.[0] ?? reason;
}

/**
 * "key filter", or "key filter (130), event type filter (7)", the most frequent first.
 * @param {Record<string, number>} reasons
 */
export function describeReasons(reasons) {
  const sorted = Object.entries(reasons).sort(([, one], [, other]) => other - one);
  return sorted.map(([reason, events]) => (WORDS[reason]?.[1] ?? reason) + (sorted.length > 1 ? ` (${events})` : '')).join(', ');
}
