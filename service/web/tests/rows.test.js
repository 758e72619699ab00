// The order of rows, and which of two rows of one thing holds.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { newer, newestFirst, oldestFirst, together } from '../src/core/rows.js';
import { group, markRead, merge } from '../src/inbox/rows.js';

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

const notifications = fc
  .array(fc.integer({ min: 0, max: 3000 }), { minLength: 1, maxLength: 8 })
  .map((offsets) => offsets.map((offset, number) => ({ ...row(`${number}`.padStart(8, '0'), offset), offset, read_at: null })));
/** Notifications; the batches they arrive in, some of them twice, some read by then; receipts that came before. */
const arrivals = notifications.chain((rows) =>
  fc
    .record({
      copies: fc.array(fc.constantFrom(...rows), { maxLength: 8 }),
      read: fc.array(
        fc.constantFrom(...rows).map((one) => ({ ...one, read_at: 'read' })),
        { maxLength: 4 },
      ),
      receipts: fc.array(fc.constantFrom(...ids(rows)), { maxLength: 3 }),
    })
    .chain(({ copies, read, receipts }) => {
      const all = [...rows, ...copies, ...read];
      return fc.record({
        rows: fc.constant(rows),
        receipts: fc.constant(receipts),
        arrived: fc.shuffledSubarray(all, { minLength: all.length }),
        cut: fc.nat(all.length),
      });
    }),
);

test('however notifications arrive the list is the same', () => {
  fc.assert(
    fc.property(arrivals, ({ rows, receipts, arrived, cut }) => {
      const readAt = new Map(receipts.map((id) => [id, 'read']));
      const shown = [arrived.slice(0, cut), arrived.slice(cut)].reduce((items, batch) => merge(items, batch, readAt), []);
      const read = new Set([...receipts, ...arrived.filter((one) => one.read_at).map(({ id }) => id)]);
      const expected = rows.toSorted((a, b) => b.offset - a.offset || (a.id < b.id ? 1 : -1));
      assert.deepEqual(
        shown.map(({ id, read_at: at }) => [id, at !== null]),
        expected.map(({ id }) => [id, read.has(id)]),
      );
    }),
  );
});

test('what has an incident keeps it, whatever was sent before that', () => {
  const known = { ...row('a', 1), read_at: null, incident_id: 'made' };
  assert.equal(merge([known], [{ ...known, incident_id: null }])[0].incident_id, 'made');
});

test('one group for each PagerDuty incident, where its newest stands', () => {
  const of = (id, incident, read) => ({ ...row(id, 1), pagerduty_incident_id: incident, read_at: read ? 'read' : null });
  const groups = group([of('d', 'P1'), of('c', null), of('b', 'P1', true), of('a', null)]);
  assert.deepEqual(
    groups.map(({ latest, older, unread }) => [latest.id, ids(older), unread]),
    [
      ['d', ['b'], ['d']],
      ['c', [], ['c']],
      ['a', [], ['a']],
    ],
  );
});

test('marking as read changes nothing where there is nothing to mark', () => {
  const items = [{ ...row('a', 1), read_at: 'before' }];
  assert.equal(markRead(items, ['a', 'b'], 'now'), items);
  assert.equal(markRead([{ ...row('a', 1), read_at: null }], ['a'], 'now')[0].read_at, 'now');
});
