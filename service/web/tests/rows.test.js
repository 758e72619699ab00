// The order of rows, and which of two rows of one thing holds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newer, newestFirst, oldestFirst, together } from '../src/core/rows.js';
import { afterAction, inPlaces, isLate, merge, placesOf, withReceipts } from '../src/inbox/rows.js';
import { morning, stateOf } from '../src/inbox/words.js';

/** A time as PostgREST writes it: without zeros at the end of the fraction. */
function moment(microseconds) {
  const fraction = String(microseconds).padStart(6, '0').replace(/0+$/, '');
  return `2026-11-23T12:00:00${fraction && `.${fraction}`}+00:00`;
}

const row = (id, microseconds) => ({ id, created_at: moment(microseconds) });
const ids = (rows) => rows.map(({ id }) => id);

test('microseconds decide the order, which a Date cannot tell', () => {
  const rows = [row('a', 123_400), row('b', 123_457), row('c', 123_456), row('d', 0)];
  assert.deepEqual(ids(rows.toSorted(newestFirst)), ['b', 'c', 'a', 'd']);
  assert.deepEqual(ids(rows.toSorted(oldestFirst)), ['d', 'a', 'c', 'b']);
});

test('of one moment, the greater id is the newer', () => {
  assert.deepEqual(ids([row('a', 5), row('c', 5), row('b', 5)].sort(newestFirst)), ['c', 'b', 'a']);
});

test('moments of other offsets are compared as moments', () => {
  const [noon, later] = [
    { id: 'a', created_at: '2026-11-23T12:00:00+00:00' },
    { id: 'b', created_at: '2026-11-23T13:30:00+01:00' },
  ];
  assert.deepEqual(ids([later, noon].sort(newestFirst)), ['b', 'a']);
});

test('rows come in by id, in order, and a later one adds to what is known', () => {
  const shown = together([row('a', 1)], [{ ...row('a', 1), more: true }, row('b', 2)], newestFirst);
  assert.deepEqual(shown, [row('b', 2), { ...row('a', 1), more: true }]);
});

test('an older row never replaces a newer one, though they differ by microseconds', () => {
  const old = { updated_at: moment(123_456), title: 'old' };
  const young = { updated_at: moment(123_457), title: 'young' };
  assert.equal(newer(young, old).title, 'young');
  assert.equal(newer(old, young).title, 'young');
  assert.equal(newer(null, old).title, 'old');
});

test('a row of the same moment adds what it knows', () => {
  assert.deepEqual(newer({ updated_at: moment(1), a: 1 }, { updated_at: moment(1), b: 2 }), { updated_at: moment(1), a: 1, b: 2 });
});

// The rows of the bell ---------------------------------------------------------------------------------------------

const alert = (id, seq, loud, more = {}) => ({
  id,
  seq,
  loud_seq: loud,
  is_quiet: false,
  unread: true,
  done: false,
  snoozed_until: null,
  ...more,
});
/** As it is broadcast: nobody's. */
const broadcast = (row) => ({ ...row, unread: true, done: false, snoozed_until: null, loud: row.seq === row.loud_seq });

test('rows stand by their last loud change, whatever changed since', () => {
  assert.deepEqual(ids(merge([], [alert('a', 9, 1), alert('b', 2, 2), alert('c', 5, 5)])), ['c', 'b', 'a']);
});

test('an older row of one thing changes nothing', () => {
  const known = alert('a', 7, 5, { unread: false, title: 'new' });
  assert.deepEqual(merge([known], [broadcast(alert('a', 6, 5, { title: 'old' }))]), [{ ...known, cursor: undefined }]);
});

test('a quiet broadcast changes what is shown, and not that it was read', () => {
  const [row] = merge([alert('a', 5, 5, { unread: false, cursor: 'x' })], [broadcast(alert('a', 6, 5, { title: 'new' }))]);
  assert.deepEqual([row.unread, row.title, row.cursor], [false, 'new', 'x']);
});

test('a loud one is unread again', () => {
  assert.equal(merge([alert('a', 5, 5, { unread: false })], [broadcast(alert('a', 6, 6))])[0].unread, true);
});

test('what was first heard of quietly is not unread', () => {
  assert.equal(merge([], [broadcast(alert('a', 1, 1, { is_quiet: true }))])[0].unread, false);
});

test('what is done or snoozed leaves the list, until it rings', () => {
  const items = [alert('a', 5, 5), alert('b', 4, 4)];
  assert.deepEqual(ids(merge(items, [alert('a', 5, 5, { done: true, unread: false })])), ['b']);
  const receipt = (id, seq) => ({ id, seq, unread: false, done: true, snoozed_until: null });
  assert.deepEqual(ids(withReceipts(items, [receipt('b', 4)])), ['a']);
  assert.equal(withReceipts(items, [receipt('b', 3)]), items, 'it has rung since');
  assert.deepEqual(ids(merge([items[1]], [broadcast(alert('a', 6, 6))])), ['a', 'b']);
});

const history = fc.array(fc.record({ loud: fc.boolean(), read: fc.boolean() }), { minLength: 1, maxLength: 8 }).chain((steps) => {
  const [answers, told] = [[], []];
  let loud = 1;
  let read = false;
  steps.forEach((step, at) => {
    if (step.loud && at) {
      loud = at + 1;
      read = false;
    }
    read ||= step.read;
    answers.push(alert('a', at + 1, loud, { unread: !read }));
    told.push(broadcast(answers.at(-1)));
  });
  return fc.record({ answers: fc.constant(answers), told: fc.shuffledSubarray(told), cut: fc.nat(told.length) });
});

test('however broadcasts are lost, doubled and late, the last answer holds', () => {
  fc.assert(
    fc.property(history, ({ answers, told, cut }) => {
      const last = answers.at(-1);
      const before = told.slice(0, cut).reduce((items, row) => merge(items, [row]), merge([], [answers[0]]));
      const [row] = told.slice(cut).reduce((items, one) => merge(items, [one]), merge(before, [last]));
      assert.deepEqual([row.seq, row.loud_seq, row.unread], [last.seq, last.loud_seq, last.unread]);
    }),
  );
});

test('late is what arrived minutes after it happened', () => {
  const at = (occurred) => isLate({ occurred_at: occurred, loud_at: '2026-11-23T12:00:00+00:00' });
  assert.deepEqual(
    [at('2026-11-23T11:59:00Z'), at('2026-11-23T11:57:59Z'), at(null), at('2026-11-23T20:00:00Z')],
    [false, true, false, false],
  );
});

test('how it stands is said in words', () => {
  const state = (status, more) => stateOf({ pagerduty_status: status, acknowledged_by: null, event_type: 'service.updated', ...more });
  assert.equal(state('acknowledged', { acknowledged_by: 'Rita' }), 'Acknowledged by Rita');
  assert.equal(state('resolved', { acknowledged_by: 'Rita' }), 'Resolved');
  assert.equal(state(null), 'Updated');
});

test('while rows are held, new ones and those that ring again wait, and all others stay where they are', () => {
  const at = (id, seq, more = {}) => ({ id, loud_seq: seq, ...more });
  const places = placesOf([at('c', 3), at('b', 2)]);
  const later = [at('new', 5), at('b', 4, { changed: true }), at('c', 3), at('a', 1)];
  assert.deepEqual(inPlaces(later, places), { rows: [at('c', 3), at('b', 4, { changed: true }), at('a', 1)], waiting: 2 });
  assert.deepEqual(ids(inPlaces(later, placesOf(later)).rows), ['new', 'b', 'c', 'a']);
  assert.deepEqual(inPlaces([], placesOf([])), { rows: [], waiting: 0 });
});

test('what an action makes of a row', () => {
  const row = { unread: true, done: false, snoozed_until: null };
  const until = '2026-11-24T09:00:00Z';
  assert.deepEqual(afterAction(row, 'read', null), { ...row, unread: false });
  assert.deepEqual(afterAction(row, 'done', null), { ...row, unread: false, done: true });
  assert.deepEqual(afterAction(row, 'snooze', until), { ...row, unread: false, snoozed_until: until });
  const out = { unread: false, done: true, snoozed_until: null };
  assert.deepEqual(afterAction(out, 'undo', null), { ...out, done: false });
  assert.deepEqual(afterAction(out, 'unread', null), row);
});

test('tomorrow at nine is the next day, wherever that is', () => {
  const late = new Date(2026, 11, 31, 23, 59).getTime();
  assert.equal(morning(late), new Date(2027, 0, 1, 9).getTime());
  assert.equal(morning(new Date(2027, 0, 1, 0, 1).getTime()), new Date(2027, 0, 2, 9).getTime());
});
