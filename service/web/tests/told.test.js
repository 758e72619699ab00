import assert from 'node:assert/strict';
import { test } from 'node:test';
import { told } from '../src/core/told.js';

const never = () => assert.fail('nothing is to be read');

test('a row alone is itself', () => {
  assert.deepEqual(told('notification', { id: 1 }, never), [['notification', { id: 1 }]]);
  assert.deepEqual(told('moved', { within: 2 }, never), [['moved', { within: 2 }]]);
});

test('rows that changed together are told one by one', () => {
  const payload = { notifications: [{ id: 1 }, { id: 2 }], incidents: [{ id: 3 }], incident_updates: [{ id: 4 }] };
  assert.deepEqual(told('changes', payload, never), [
    ['notification', { id: 1 }],
    ['notification', { id: 2 }],
    ['incident', { id: 3 }],
    ['incident_update', { id: 4 }],
  ]);
  assert.deepEqual(told('changes', {}, never), []);
});

test('however many say that there is more, it is read once, within the time', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  context.mock.method(Math, 'random', () => 0.5);
  let reads = 0;
  const more = () => told('more', { since: 1, within: 4 }, () => reads++);
  assert.deepEqual(more(), []);
  more();
  context.mock.timers.tick(1999);
  assert.equal(reads, 0);
  context.mock.timers.tick(1);
  assert.equal(reads, 1);
  more();
  context.mock.timers.tick(4000);
  assert.equal(reads, 2);
});

test('a time that is none is at once', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  let reads = 0;
  told('more', {}, () => reads++);
  context.mock.timers.tick(1);
  assert.equal(reads, 1);
});
