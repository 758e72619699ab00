// The list machine: pages, cursors, retries and gaps.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { List } from '../src/core/list.js';
import { newestFirst, oldestFirst, together } from '../src/core/rows.js';

const row = (number) => ({
  id: String(number).padStart(4, '0'),
  created_at: `2026-11-23T12:00:00.${String(number).padStart(6, '0')}+00:00`,
});
const numbers = (list) => list.state.items.map(({ id }) => Number(id));

/** Rows as the API answers them: cursors are the rows' numbers. `log` is what was asked. */
class Table {
  rows = new Map();
  log = [];
  failing = false;

  add(...fresh) {
    for (const number of fresh) this.rows.set(number, row(number));
  }

  newestFirst = async ({ limit, before, after }) => {
    this.log.push({ limit, ...(before && { before }), ...(after && { after }) });
    if (this.failing) throw new Error('out of order');
    const wanted = [...this.rows.keys()]
      .filter((number) => !(number >= (before ?? Infinity)) && number > (after ?? -1))
      .sort((a, b) => b - a);
    const items = wanted.slice(0, limit);
    return {
      items: items.map((number) => this.rows.get(number)),
      next: wanted.length > limit ? items.at(-1) : null,
    };
  };

  oldestFirst = async ({ limit, after = -1 }) => {
    this.log.push({ limit, after });
    const wanted = [...this.rows.keys()].filter((number) => number > after).sort((a, b) => a - b);
    const items = wanted.slice(0, limit);
    return { items: items.map((number) => this.rows.get(number)), next: wanted.length > limit ? items.at(-1) : null };
  };
}

const range = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => from + index);
const down = (from, to) => range(to, from).reverse();
const listOf = (ask, { page = 3, most = 5, order = newestFirst } = {}) =>
  new List({ ask, page, most, merge: (items, rows) => together(items, rows, order) });

test('it reads on by cursor to the end, each row once, though new ones come on top', async () => {
  const table = new Table();
  table.add(...range(1, 8));
  const list = listOf(table.newestFirst);
  await list.refresh();
  assert.deepEqual(numbers(list), [8, 7, 6]);
  table.add(9);
  await list.more();
  await list.more();
  assert.deepEqual(numbers(list), down(8, 1));
  assert.equal(list.state.next, null);
  await list.more();
  assert.deepEqual(table.log, [{ limit: 3 }, { limit: 3, before: 6 }, { limit: 3, before: 3 }]);
});

test('two who ask for more at once get one page', async () => {
  const table = new Table();
  table.add(...range(1, 9));
  const list = listOf(table.newestFirst);
  await list.refresh();
  await Promise.all([list.more(), list.more()]);
  assert.deepEqual(numbers(list), down(9, 4));
});

test('reading again takes the place of what it covers, and keeps what is older', async () => {
  const table = new Table();
  table.add(...range(1, 9));
  const list = listOf(table.newestFirst);
  await list.refresh();
  await list.more();
  await list.more();
  table.rows.delete(8);
  table.add(10);
  await list.refresh();
  assert.deepEqual(numbers(list), [10, 9, ...down(7, 1)]);
  assert.equal(table.log.at(-1).limit, 5);
});

test('what a read throws is told, and what is shown stays until one succeeds', async () => {
  const table = new Table();
  table.add(1, 2);
  const list = listOf(table.newestFirst);
  await list.refresh();
  table.failing = true;
  await list.refresh();
  assert.equal(list.state.problem.message, 'out of order');
  assert.deepEqual(numbers(list), [2, 1]);
  table.failing = false;
  await list.refresh();
  assert.equal(list.state.problem, null);
});

test('more that fails can be asked for again', async () => {
  const table = new Table();
  table.add(...range(1, 5));
  const list = listOf(table.newestFirst);
  await list.refresh();
  table.failing = true;
  await list.more();
  assert.equal(list.state.loadingMore, false);
  assert.ok(list.state.problem);
  table.failing = false;
  await list.more();
  assert.deepEqual(numbers(list), down(5, 1));
  assert.equal(list.state.problem, null);
});

test('asked while it reads, it reads once more afterwards', async () => {
  const table = new Table();
  const list = listOf(table.newestFirst);
  const first = list.refresh();
  list.refresh();
  list.refresh();
  table.add(1);
  await first;
  await list.refresh();
  assert.deepEqual(numbers(list), [1]);
  assert.ok(table.log.length <= 3);
});

test('after a change of the question no answer to the one before is shown', async () => {
  const late = Promise.withResolvers ? Promise.withResolvers() : deferred();
  let question = 'before';
  const list = listOf(async ({ signal }) => {
    if (question === 'after') return { items: [row(2)], next: null };
    signal.addEventListener('abort', () => late.reject(signal.reason));
    return late.promise;
  });
  list.refresh();
  question = 'after';
  await list.change();
  await list.refresh();
  assert.deepEqual(numbers(list), [2]);
  assert.equal(list.state.problem, null);
});

function deferred() {
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

test('after its end nothing changes any more', async () => {
  const table = new Table();
  table.add(1);
  const list = listOf(table.newestFirst);
  const reading = list.refresh();
  list.end();
  await reading;
  assert.deepEqual(list.state.items, []);
});

/** As a timeline reads. */
class Onward extends List {
  sync() {
    return this.onward();
  }
}

test('a list that grows at its end reads its last page again, for what became visible late', async () => {
  const table = new Table();
  table.add(1, 2, 3, 4, 6);
  const list = new Onward({ ask: table.oldestFirst, page: 3, merge: (items, rows) => together(items, rows, oldestFirst) });
  await list.refresh();
  assert.deepEqual(numbers(list), [1, 2, 3, 4, 6]);
  table.add(5);
  await list.refresh();
  assert.deepEqual(numbers(list), range(1, 6));
  assert.deepEqual(table.log.at(-1), { limit: 3, after: 3 });
});
