import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SharedTable } from '../base/shared-table.ts';
import { Look, RequestZone } from './request-zone.ts';

const start = 5_000_000;

function zoneOf(rate: number, bytes = 32_768): RequestZone {
  const table = new SharedTable(SharedTable.create(bytes), bytes, 0);
  return new RequestZone('z', rate, table);
}

test('each request raises the excess by one, and time lowers it by the rate', () => {
  const zone = zoneOf(10_000);
  const excessAt = (time: number): number => {
    assert.equal(zone.look('a', 5_000, start + time, true), Look.counted);
    return zone.excess;
  };
  assert.equal(excessAt(0), 0);
  assert.equal(excessAt(0), 1000);
  assert.equal(excessAt(50), 1500);
  assert.equal(excessAt(51), 2490);
  assert.equal(excessAt(10_000), 0);
});

test('a request over the burst is refused and changes nothing', () => {
  const zone = zoneOf(1_000);
  const look = (time: number): number => zone.look('a', 2_000, start + time, true);
  assert.deepEqual([look(0), look(0), look(0)], [Look.counted, Look.counted, Look.counted]);
  for (let time = 0; time < 1_000; time += 50) assert.equal(look(time), Look.over);
  assert.equal(zone.excess, 3_000 - 950);
  assert.equal(look(1_000), Look.counted);
  assert.equal(look(1_000), Look.over);
});

test('what is drained is in whole thousandths, of the whole time since the last request', () => {
  const zone = zoneOf(16);
  const excessAt = (time: number): number => {
    zone.look('a', 1e6, start + time, true);
    return zone.excess;
  };
  assert.equal(excessAt(0), 0);
  // 16 thousandths a second: nothing in 62 ms, one in 63.
  assert.equal(excessAt(62), 1000);
  assert.equal(excessAt(62 + 63), 1999);
});

test('a clock that lags behind that of another worker drains nothing, and does not go back', () => {
  const zone = zoneOf(1_000);
  zone.look('a', 1e6, start, true);
  zone.look('a', 1e6, start + 500, true);
  assert.equal(zone.excess, 500);
  zone.look('a', 1e6, start + 400, true);
  assert.equal(zone.excess, 1500);
  zone.look('a', 1e6, start + 500, true);
  assert.equal(zone.excess, 2500);
});

test('what is only looked at is counted when all limits let it pass', () => {
  const zone = zoneOf(1_000);
  for (let i = 0; i < 3; i += 1) assert.equal(zone.look('a', 0, start, false), Look.within);
  zone.count('a', start);
  assert.equal(zone.excess, 0);
  assert.equal(zone.look('a', 0, start, false), Look.over);
  assert.equal(zone.look('a', 1000, start, false), Look.within);
  zone.count('a', start);
  assert.equal(zone.excess, 1000);
});

test('the delay is the time in which the excess above the free ones drains', () => {
  const zone = zoneOf(3_000);
  assert.equal(zone.delayFor(0, 0), 0);
  assert.equal(zone.delayFor(1000, 0), 333);
  assert.equal(zone.delayFor(3500, 2000), 500);
  assert.equal(zone.delayFor(2000, 2000), 0);
  assert.equal(zone.delayFor(1e9, Infinity), 0);
});

test('where there is no room the key that was used longest ago goes', () => {
  const zone = zoneOf(1_000, 64 * 4);
  for (const key of ['a', 'b', 'c', 'd']) zone.look(key, 0, start, true);
  assert.equal(zone.look('a', 0, start, true), Look.over);
  assert.equal(zone.look('e', 0, start, true), Look.counted);
  assert.equal(zone.look('a', 0, start, true), Look.over);
  assert.equal(zone.look('b', 0, start, true), Look.counted);
});

test('keys that have drained for a minute make room before any is pushed out', () => {
  const zone = zoneOf(1_000, 64 * 4);
  for (const key of ['a', 'b', 'c']) zone.look(key, 1e6, start, true);
  for (let i = 0; i < 200; i += 1) zone.look('c', 1e6, start, true);
  zone.look('d', 1e6, start + 60_000, true);
  // "a" and "b" have gone, "c" has not drained.
  zone.look('c', 1e6, start + 60_000, true);
  assert.equal(zone.excess, 200_000 - 60_000 + 1000);
});
