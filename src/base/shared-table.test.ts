import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { SharedTable, tableCapacity } from './shared-table.ts';
import type { TableWork } from './shared-table.test-kit.ts';

const small = 64 * 12;

function empty(bytes: number): { buffer: SharedArrayBuffer; table: SharedTable } {
  const buffer = SharedTable.create(bytes);
  return { buffer, table: new SharedTable(buffer, bytes, 0) };
}

interface Step {
  readonly kind: 'set' | 'remove' | 'touch' | 'forget';
  readonly key: string;
  readonly owner: number;
  readonly value: number;
}

const steps = fc.array(
  fc.record<Step>({
    kind: fc.constantFrom('set', 'set', 'set', 'remove', 'touch', 'forget'),
    key: fc.constantFrom('', 'a', 'b', '\xff'.repeat(40), '10.0.0.1', '10.0.0.2'),
    owner: fc.integer({ min: 0, max: 2 }),
    value: fc.double({ noNaN: true }),
  }),
  { maxLength: 60 },
);

// The model: a Map has its keys in the order of their arrival, so a touch is to delete and set.
function apply(step: Step, table: SharedTable, model: Map<string, number>): void {
  const { kind, key, owner, value } = step;
  const name = `${owner} ${key}`;
  if (kind === 'forget') {
    table.forget(owner);
    for (const one of model.keys()) if (one.startsWith(`${owner} `)) model.delete(one);
    return;
  }
  table.select(key);
  table.lock();
  let record = table.find(owner);
  assert.equal(record >= 0, model.has(name));
  if (kind === 'set') {
    if (record < 0) record = table.add(owner);
    const full = record < 0;
    assert.equal(full, model.size === table.capacity && !model.has(name));
    if (!full) {
      table.setNumber(record, 3, value);
      model.set(name, value);
    }
  } else if (record >= 0 && kind === 'remove') {
    table.remove(record);
    model.delete(name);
  } else if (record >= 0) {
    table.touch(record);
    model.delete(name);
    model.set(name, table.number(record, 3));
  }
  table.unlock();
}

function assertSame(table: SharedTable, model: Map<string, number>): void {
  table.lock();
  assert.equal(table.size, model.size);
  for (const [name, value] of model) {
    const owner = Number(name[0]);
    table.select(name.slice(2));
    const record = table.find(owner);
    assert.ok(table.isOf(record, owner));
    assert.equal(table.number(record, 3), value);
  }
  const [first] = model.keys();
  if (first === undefined) assert.equal(table.oldest(), -1);
  else {
    table.select(first.slice(2));
    assert.equal(table.oldest(), table.find(Number(first[0])));
  }
  table.unlock();
}

test('it holds what a map holds, in the order of use', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const { table } = empty(small);
      const model = new Map<string, number>();
      for (const step of all) apply(step, table, model);
      assertSame(table, model);
    }),
    { numRuns: 500 },
  );
});

test('a table is full after one record for each 64 bytes, and a removed one makes room', () => {
  const { table } = empty(32_768);
  assert.equal(tableCapacity(32_768), 512);
  for (let i = 0; i < 512; i += 1) {
    table.select(`key ${i}`);
    assert.ok(table.add(1) >= 0);
  }
  table.select('one too many');
  assert.equal(table.add(1), -1);
  table.remove(table.oldest());
  assert.ok(table.add(1) >= 0);
  table.select('key 0');
  assert.equal(table.find(1), -1);
  table.select('key 1');
  assert.ok(table.find(1) >= 0);
});

test('numbers of one key are summed over those who own them', () => {
  const { table } = empty(32_768);
  for (const [key, owner, value] of [
    ['a', 1, 5],
    ['a', 2, 7],
    ['b', 1, 100],
  ] as const) {
    table.select(key);
    table.setNumber(table.add(owner), 0, value);
  }
  table.select('a');
  assert.equal(table.sum(0), 12);
  table.forget(2);
  assert.equal(table.sum(0), 5);
});

function start(workerData: TableWork): Worker {
  const script = new URL('./shared-table.test-kit.ts', import.meta.url);
  return new Worker(script, { workerData });
}

test('nothing is lost among threads, even where one ends with the lock in its hands', async () => {
  const bytes = 65_536;
  const { buffer, table } = empty(bytes);
  const keys = Array.from({ length: 50 }, (_, i) => `key ${i}`);
  const work = { buffer, bytes, keys, rounds: 200 };
  const threads = [1, 2, 3].map((thread) => start({ ...work, thread, dies: thread === 2 }));
  threads.forEach((thread, i) => {
    thread.once('exit', () => table.forget(i + 1));
  });
  await Promise.all(threads.map((thread) => once(thread, 'exit')));
  table.lock();
  for (const key of keys) {
    table.select(key);
    assert.equal(table.number(table.find(9_999), 0), 600);
  }
  assert.equal(table.size, keys.length);
  table.unlock();
});

test('a lock whose holder is gone is taken over although nobody says so', async () => {
  const bytes = 65_536;
  const { buffer, table } = empty(bytes);
  const thread = start({ buffer, bytes, keys: ['a'], rounds: 3, thread: 1, dies: true });
  await once(thread, 'exit');
  table.lock();
  table.select('a');
  assert.equal(table.number(table.find(9_999), 0), 3);
  table.select('of thread 1');
  assert.equal(table.sum(0), 0);
  assert.equal(table.size, 2);
  table.unlock();
});
