// The inbox by keyboard. The row that is meant is the one with the focus, else the first.
import { useEffect, useRef } from '../core/html.js';
import { createIncident, done, read, snooze, unread } from './actions.js';

/** Each key, and what it does. */
export const KEYS = /** @type {[string, string][]} */ ([
  ['j', 'Next row'],
  ['k', 'Row before'],
  ['Enter', 'Open it in the form'],
  ['c', 'Create an incident of it, as it is'],
  ['e', 'Done'],
  ['s', 'Snooze for an hour'],
  ['u', 'Read, or unread'],
  ['x', 'Select it'],
  ['/', 'Search'],
  ['?', 'This list'],
]);

const rowsThere = () => /** @type {HTMLElement[]} */ ([...document.querySelectorAll('.inbox .group')]);
const focusRow = (row) => row?.querySelector('a.alert')?.focus();

/** `items` are the rows that may be there; `selection` selects, `onHelp` shows the keys. */
export function useKeys(options) {
  const latest = useRef(options);
  latest.current = options;
  useEffect(() => {
    const pressed = (event) => press(event, latest.current);
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, []);
}

function press(event, { items, selection, onHelp }) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest('input:not([type="checkbox"]), textarea, select, dialog, [popover]')) return;
  const rows = rowsThere();
  const focused = event.target.closest('.group');
  const place = rows.indexOf(focused);
  const row = focused ?? rows[0];
  const item = items.find(({ id }) => id === row?.dataset.id);
  const away = (act) => {
    focusRow(rows[place + 1] ?? rows[place - 1]);
    act([item]);
  };
  const acts = {
    j: () => focusRow(rows[Math.min(place + 1, rows.length - 1)]),
    k: () => focusRow(rows[Math.max(place - 1, 0)]),
    c: () => item?.prefill && !item.incident_id && createIncident(item),
    e: () => item && away(done),
    s: () => item && away(snooze),
    u: () => item && (item.unread ? read : unread)([item]),
    x: () => item && selection.toggle(item.id),
    '/': () => document.getElementById('inbox-search')?.focus(),
    '?': onHelp,
  };
  if (!acts[event.key]) return;
  event.preventDefault();
  acts[event.key]();
}
