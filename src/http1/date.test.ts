import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDate } from './date.ts';

test('the three forms are read', () => {
  const seconds = 784_111_777;
  assert.equal(parseDate('Sun, 06 Nov 1994 08:49:37 GMT'), seconds);
  assert.equal(parseDate('Sunday, 06-Nov-94 08:49:37 GMT'), seconds);
  assert.equal(parseDate('Sun Nov  6 08:49:37 1994'), seconds);
  assert.equal(parseDate('Sun Nov 13 08:49:37 1994'), seconds + 7 * 86_400);
});

test('every day and month is read as it is written', () => {
  for (let day = 0; day < 3000; day += 1) {
    const seconds = day * 86_400 + ((day * 7919) % 86_400);
    assert.equal(parseDate(new Date(seconds * 1000).toUTCString()), seconds);
  }
  for (const iso of ['0001-01-01T00:00:00Z', '1969-12-31T23:59:59Z', '9999-12-31T23:59:59Z']) {
    const date = new Date(iso);
    assert.equal(parseDate(date.toUTCString()), date.getTime() / 1000, iso);
  }
});

test('a minute may have a leap second', () => {
  const next = Date.UTC(2017, 0, 1) / 1000;
  assert.equal(parseDate('Sat, 31 Dec 2016 23:59:60 GMT'), next);
  assert.equal(parseDate('Sat, 31 Dec 2016 23:59:61 GMT'), null);
});

test('years of two digits are at most 50 years ahead', () => {
  const thisYear = new Date().getUTCFullYear();
  for (let year = thisYear - 48; year <= thisYear + 49; year += 1) {
    const digits = String(year % 100).padStart(2, '0');
    const seconds = Date.UTC(year, 5, 1) / 1000;
    assert.equal(parseDate(`Monday, 01-Jun-${digits} 00:00:00 GMT`), seconds, `year ${year}`);
  }
});

const noDates = [
  '',
  '0',
  '-1',
  '2030',
  'Nov 6 1994',
  '1994-11-06T08:49:37Z',
  'Sun, 06 Nov 1994 08:49:37',
  'Sun, 06 Nov 1994 08:49:37 UTC',
  'Sun, 06 Nov 1994 08:49:37 +0000',
  'Sun, 06 Nov 1994 08:49:37 GMT; length=1',
  'Sun, 06 Nov 1994 08:49:37 gmt',
  'sun, 06 Nov 1994 08:49:37 GMT',
  'Sun, 06 nov 1994 08:49:37 GMT',
  'Sun, 6 Nov 1994 08:49:37 GMT',
  'Sun,06 Nov 1994 08:49:37 GMT',
  'Sun, 06  Nov 1994 08:49:37 GMT',
  ' Sun, 06 Nov 1994 08:49:37 GMT',
  'Sun, 06 Nov 94 08:49:37 GMT',
  'Sun, 06-Nov-94 08:49:37 GMT',
  'Sunday, 06-Nov-1994 08:49:37 GMT',
  'Sun Nov 6 08:49:37 1994',
  'Sun Nov  6 08:49:37 1994 GMT',
  '06 Nov 1994 08:49:37 GMT',
];

const noSuchTimes = [
  'Wed, 00 Nov 1994 08:49:37 GMT',
  'Thu, 31 Nov 1994 08:49:37 GMT',
  'Wed, 29 Feb 1995 08:49:37 GMT',
  'Thu, 29 Feb 1900 08:49:37 GMT',
  'Sun, 06 Nov 1994 24:00:00 GMT',
  'Sun, 06 Nov 1994 08:60:00 GMT',
];

for (const text of [...noDates, ...noSuchTimes]) {
  test(`"${text}" is no date`, () => {
    assert.equal(parseDate(text), null);
  });
}
