import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { compileRecorded, load } from './load.ts';
import { stubParts, stubWorkerParts } from './stub-engine.test-kit.ts';

function nameOf(snapshot: unknown): string {
  return (snapshot as { readonly name: string }).name;
}

test('a worker compiles what was read, not what has been written since', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'load-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'a.conf');
  writeFileSync(file, JSON.stringify({ name: 'before' }));
  const loaded = await load({ file }, { compile: stubParts.compile });
  writeFileSync(file, JSON.stringify({ name: 'after' }));
  const recorded = structuredClone(loaded.recorded);
  const { snapshot } = await compileRecorded(recorded, stubWorkerParts.compile);
  assert.equal(nameOf(snapshot), 'before');
});

test('a host name is resolved once, and workers get that answer', async () => {
  let asked = 0;
  const lookup = (): Promise<readonly string[]> => {
    asked += 1;
    return Promise.resolve([`10.0.0.${asked}`]);
  };
  const text = JSON.stringify({ name: 'a', lookUp: 'backend.example' });
  const loaded = await load({ text }, { compile: stubParts.compile, lookup });
  const { snapshot } = await compileRecorded(loaded.recorded, stubWorkerParts.compile);
  assert.equal(nameOf(snapshot), 'a 10.0.0.1');
  assert.equal(asked, 1);
});

test('all engines get the ticket keys of the first load', async () => {
  const text = JSON.stringify({ name: 'a' });
  const first = await load({ text }, { compile: stubParts.compile });
  const { ticketKeys } = first.recorded;
  const second = await load({ text }, { compile: stubParts.compile, ticketKeys });
  assert.equal(ticketKeys.length, 48);
  assert.deepEqual(second.recorded.ticketKeys, ticketKeys);
});
