// Text of others, links in it, times, drafts.
import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { ago, since } from '../src/core/ago.js';
import { dropAllDrafts, dropDraft, readDraft, saveDraft } from '../src/core/drafts.js';
import { count, plain, shorten, webAddress } from '../src/core/text.js';

for (const address of [
  'javascript:alert(1)',
  ' JavaScript:alert(1)',
  'data:text/html,x',
  'vbscript:x',
  'file:///etc/passwd',
  'blob:x',
  '//host',
  'no address',
  '',
  null,
]) {
  test(`${JSON.stringify(address)} never becomes a link`, () => assert.equal(webAddress(address), null));
}

test('addresses of the web become links', () => {
  assert.equal(webAddress('https://acme.pagerduty.com/incidents/P1?a=b#c'), 'https://acme.pagerduty.com/incidents/P1?a=b#c');
  assert.equal(webAddress('HTTP://acme.test'), 'http://acme.test/');
});

test('characters that turn the direction are taken out, and nothing else', () => {
  assert.equal(plain('a\u202eb\u2066c\u200f \u05d0'), 'abc \u05d0');
  assert.equal(plain(null), '');
});

test('text is shortened by characters, not by halves of them', () => {
  assert.equal(shorten('😀😀😀😀', 3), '😀😀…');
  assert.equal(shorten('short', 5), 'short');
});

test('one alert, two alerts', () => {
  assert.deepEqual([count(1, 'alert'), count(0, 'alert'), count(2, 'alert')], ['1 alert', '0 alerts', '2 alerts']);
});

const NOW = new Date(2026, 10, 23, 12).getTime();
for (const [seconds, words] of [
  [-90, 'just now'],
  [0, 'just now'],
  [44, 'just now'],
  [50, '1 min. ago'],
  [300, '5 min. ago'],
  [7200, '2 hr. ago'],
  [86_400, 'yesterday'],
  [3 * 86_400, '3 days ago'],
  [20 * 86_400, 'Nov 3'],
  [400 * 86_400, 'Oct 19, 2025'],
]) {
  test(`${seconds} seconds ago is ${words}`, () => assert.equal(ago(NOW - seconds * 1000, NOW), words));
}

for (const [then, words] of [
  [[10, 23, 9, 5], '09:05'],
  [[10, 23, 0, 0], '00:00'],
  [[10, 22, 23, 59], 'Sunday'],
  [[10, 17, 0, 0], 'Tuesday'],
  [[10, 16, 23, 59], 'Nov 16'],
]) {
  test(`since ${words}`, () =>
    assert.equal(since(new Date(2026, .../** @type {[number, number, number, number]} */ (then)).getTime(), NOW), words));
}

/** What browsers have as sessionStorage, as an object with a key a value. */
function storage() {
  return Object.create({
    getItem(key) {
      return Object.hasOwn(this, key) ? this[key] : null;
    },
    setItem(key, value) {
      this[key] = String(value);
    },
    removeItem(key) {
      delete this[key];
    },
  });
}

beforeEach(() => {
  globalThis.sessionStorage = storage();
});

test('a draft is kept until it is dropped', () => {
  saveDraft('comment:1', { text: 'typed' });
  assert.deepEqual(readDraft('comment:1'), { text: 'typed' });
  dropDraft('comment:1');
  assert.equal(readDraft('comment:1'), null);
});

test('all drafts go at once, and nothing else', () => {
  saveDraft('a', 1);
  saveDraft('b', 2);
  sessionStorage.setItem('organization', 'stays');
  dropAllDrafts();
  assert.deepEqual([readDraft('a'), readDraft('b'), sessionStorage.getItem('organization')], [null, null, 'stays']);
});

test('storage that is broken or blocked is as if it were empty', () => {
  sessionStorage.setItem('draft:a', '{not json');
  assert.equal(readDraft('a'), null);
  delete globalThis.sessionStorage;
  saveDraft('a', 1);
  dropDraft('a');
  assert.equal(readDraft('a'), null);
});
