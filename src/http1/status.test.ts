import assert from 'node:assert/strict';
import { test } from 'node:test';

import { reasonPhrase, statusLine, statusLineOf, statusText } from './status.ts';

test('reason phrases are those of nginx', () => {
  const rows: [number, string][] = [
    [200, 'OK'],
    [302, 'Moved Temporarily'],
    [405, 'Not Allowed'],
    [408, 'Request Time-out'],
    [413, 'Request Entity Too Large'],
    [414, 'Request-URI Too Large'],
    [416, 'Requested Range Not Satisfiable'],
    [503, 'Service Temporarily Unavailable'],
    [504, 'Gateway Time-out'],
    [418, ''],
    [999, ''],
  ];
  for (const [status, reason] of rows) assert.equal(reasonPhrase(status), reason);
});

test('a status line keeps the space after the code where there is no phrase', () => {
  assert.equal(statusLine(404), 'HTTP/1.1 404 Not Found\r\n');
  assert.equal(statusLine(418), 'HTTP/1.1 418 \r\n');
});

test('a status line has the phrase that came with it', () => {
  assert.equal(statusLineOf(404, 'Not Found'), statusLine(404));
  assert.equal(statusLineOf(302, 'Found'), 'HTTP/1.1 302 Found\r\n');
  assert.equal(statusLineOf(200, ''), 'HTTP/1.1 200 \r\n');
});

test('a status is logged as three digits', () => {
  assert.deepEqual([0, 9, 200, 999, 1000].map(statusText), ['000', '009', '200', '999', '1000']);
});

test('what is no status code gives the line of 500', () => {
  for (const status of [0, 99, 1000, -1, 200.5, Number.NaN]) {
    assert.equal(statusLine(status), 'HTTP/1.1 500 Internal Server Error\r\n');
  }
});
