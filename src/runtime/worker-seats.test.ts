import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from '../base/shared-table.ts';
import { WorkerCounters } from '../base/worker-counters.ts';
import type { SharedZone } from '../modules/shared-zones.ts';
import { WorkerSeats, zoneLines } from './worker-seats.ts';

const bytes = 32_768;

function zone(change: Partial<SharedZone> = {}): SharedZone {
  const buffer = SharedTable.create(bytes);
  return { kind: 'limit_conn_zone', bytes, key: '$arg_key', buffer, ...change };
}

test('no two workers that live have one seat', () => {
  const seats = new WorkerSeats();
  const [one, two, three] = [seats.take(), seats.take(), seats.take()];
  assert.deepEqual([one.number, two.number, three.number], [1, 2, 3]);
  seats.free(two, new Map());
  assert.equal(seats.take().number, 2);
  assert.equal(seats.take().number, 4);
});

test('with its seat a worker gives back what it held and what it was doing', () => {
  const seats = new WorkerSeats();
  const [one, two] = [seats.take(), seats.take()];
  const shared = zone();
  for (const seat of [one, two]) {
    const table = new SharedTable(shared.buffer, bytes, seat.number);
    table.select('key');
    table.setNumber(table.add(seat.number), 0, seat.number * 10);
    const counters = new WorkerCounters(seat.counters, seat.number);
    counters.accepted();
    counters.started();
  }
  seats.free(one, new Map([['zone', shared]]));
  const table = new SharedTable(shared.buffer, bytes, 0);
  table.select('key');
  assert.equal(table.sum(0), 20);
  const { accepts, active, writing } = new WorkerCounters(two.counters, 0).totals();
  assert.deepEqual({ accepts, active, writing }, { accepts: 2, active: 1, writing: 1 });
});

test('a reload names the zones that begin anew, and why', () => {
  const kept = zone();
  const old = new Map([
    ['kept', kept],
    ['key', zone()],
    ['size', zone()],
    ['use', zone()],
    ['gone', zone()],
  ]);
  const fresh = new Map([
    ['kept', kept],
    ['key', zone({ key: '$uri' })],
    ['size', zone({ bytes: 65_536 })],
    ['use', zone({ kind: 'limit_req_zone' })],
    ['new', zone()],
  ]);
  assert.deepEqual(
    zoneLines(old, fresh).map(({ level, text }) => `${level} ${text}`),
    [
      'notice the shared memory zone "key" begins anew: its key was "$arg_key" and is "$uri"',
      'notice the shared memory zone "size" begins anew: its size was 32768 and is 65536',
      'notice the shared memory zone "use" begins anew: it is one of "limit_req_zone" now',
    ],
  );
});
