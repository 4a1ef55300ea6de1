import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readOptions } from './options.ts';
import { peers } from './peers/index.ts';
import { targets } from './targets.ts';
import { works } from './works/index.ts';

test('works by name, with the usual lengths', () => {
  const options = readOptions(['tls-small', 'plain-small', '--rounds', '7']);
  assert.equal(options?.command, 'table');
  assert.deepEqual(options?.names, ['tls-small', 'plain-small']);
  assert.equal(options?.times.rounds, 7);
  assert.equal(options?.times.millions, 1);
});

test('commands, and --profile as one', () => {
  assert.deepEqual(readOptions(['compare', 'HEAD', '.'])?.names, ['HEAD', '.']);
  const options = readOptions(['tls-small', '--profile']);
  assert.equal(options?.command, 'profile');
  assert.deepEqual(options?.names, ['tls-small']);
});

test('what is unknown is refused by name', () => {
  assert.throws(() => readOptions(['tls-smal']), /no work "tls-smal"; there are plain-small/);
  assert.throws(() => readOptions(['--peers', 'nginx,apache']), /no proxy "apache"/);
  assert.throws(() => readOptions(['--rounds', '0']), /--rounds takes a whole number/);
  assert.throws(() => readOptions(['--fast']));
});

test('help is asked for', () => {
  assert.equal(readOptions(['--help']), null);
});

test('targets and usual proxies name what there is', () => {
  const names = new Set(peers.map(({ name }) => name));
  for (const work of works) {
    for (const name of work.peers) assert.ok(names.has(name), `${work.name}: ${name}`);
  }
  for (const { work, against } of targets) {
    const row = works.find(({ name }) => name === work);
    assert.ok(row !== undefined, work);
    assert.ok(against === null || row.peers.includes(against), `${work}: ${against}`);
  }
});
