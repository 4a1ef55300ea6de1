import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FilterOutput } from '../exchange/body-filter.ts';
import { bytesAtOnce, Pacer } from './pacer.ts';

interface Paced {
  readonly pacer: Pacer;
  readonly got: Buffer[];
  readonly happened: string[];
  pass(ms: number): void;
}

// The timer fires when it likes; what leaves then is decided by the clock alone.
function paced(rate: number, after = 0): Paced {
  let time = 0;
  const got: Buffer[] = [];
  const happened: string[] = [];
  const out: FilterOutput = {
    write: (chunk) => void got.push(chunk),
    end: () => void happened.push('end'),
    fail: () => void happened.push('fail'),
    ready: () => void happened.push('ready'),
  };
  const pacer = new Pacer(rate, after, () => time);
  pacer.begin(out);
  const pass = (ms: number): void => {
    time += ms;
    pacer.go();
  };
  return { pacer, got, happened, pass };
}

const sum = (chunks: readonly Buffer[]): number =>
  chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);

test('an eighth of a second leaves at once, then as much as time allows', (t) => {
  const { pacer, got, pass, happened } = paced(8_000);
  t.after(() => pacer.close());
  pacer.write(Buffer.alloc(10_000));
  assert.equal(sum(got), 1_000);
  assert.equal(pacer.queued, 9_000);
  assert.ok(pacer.busy);
  pass(125);
  assert.equal(sum(got), 2_000);
  pass(500);
  assert.equal(sum(got), 6_000);
  assert.deepEqual(happened, []);
  pass(500);
  assert.equal(sum(got), 10_000);
  assert.deepEqual(happened, ['ready']);
  assert.ok(!pacer.busy);
});

test('over many seconds it is the rate, however the calls fall', (t) => {
  const { pacer, got, pass } = paced(3_333);
  t.after(() => pacer.close());
  pacer.write(Buffer.alloc(1_000_000));
  let time = 0;
  for (let i = 0; i < 300; i += 1) {
    const ms = 17 + ((i * 37) % 150);
    time += ms;
    pass(ms);
  }
  const expected = bytesAtOnce(3_333, 0) + (3_333 * time) / 1000;
  assert.ok(Math.abs(sum(got) - expected) <= 1, `${sum(got)} of ${expected}`);
});

test('the first bytes are free where the location says so', (t) => {
  const { pacer, got, pass } = paced(800, 5_000);
  t.after(() => pacer.close());
  pacer.write(Buffer.alloc(3_000));
  pacer.write(Buffer.alloc(3_000));
  assert.equal(sum(got), 5_100);
  pass(1_000);
  assert.equal(sum(got), 5_900);
});

test('time without anything to send is worth a second at most', (t) => {
  const { pacer, got, pass } = paced(1_000);
  t.after(() => pacer.close());
  pass(60_000);
  pacer.write(Buffer.alloc(5_000));
  assert.equal(sum(got), 1_000);
});

test('the end comes behind the last byte', (t) => {
  const { pacer, got, pass, happened } = paced(1_000);
  t.after(() => pacer.close());
  const content = Buffer.from('x'.repeat(500) + 'y'.repeat(500));
  pacer.write(content);
  pacer.end();
  assert.deepEqual(happened, []);
  pass(300);
  pass(1_000);
  assert.deepEqual(happened, ['end']);
  assert.ok(Buffer.concat(got).equals(content));
});

test('without anything that waits the end comes at once', () => {
  const { pacer, happened } = paced(1_000);
  pacer.write(Buffer.alloc(10));
  pacer.end();
  assert.deepEqual(happened, ['end']);
  pacer.close();
});

test('nothing leaves after the close', () => {
  const { pacer, got, pass } = paced(1_000);
  pacer.write(Buffer.alloc(10_000));
  pacer.close();
  pass(5_000);
  assert.equal(sum(got), 125);
  assert.equal(pacer.queued, 0);
});
