import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Framing, requestFraming, responseFraming } from './framing.ts';
import { RequestHead } from './request-head.ts';
import { ResponseHead } from './response-head.ts';

test('a request without Content-Length and Transfer-Encoding has no body', () => {
  const head = new RequestHead();
  assert.equal(requestFraming(head), Framing.none);
  head.contentLength = 0;
  assert.equal(requestFraming(head), Framing.length);
  head.contentLength = -1;
  head.chunked = true;
  assert.equal(requestFraming(head), Framing.chunked);
});

test('the framing of a response follows its status, the method, then its fields', () => {
  const rows: [number, string, Partial<ResponseHead>, number][] = [
    [200, 'GET', {}, Framing.close],
    [200, 'GET', { contentLength: 0 }, Framing.length],
    [200, 'GET', { chunked: true }, Framing.chunked],
    [200, 'HEAD', { contentLength: 9 }, Framing.none],
    [200, 'HEAD', { chunked: true }, Framing.none],
    [204, 'GET', { contentLength: 9 }, Framing.none],
    [304, 'GET', { contentLength: 9 }, Framing.none],
    [100, 'POST', { contentLength: 9 }, Framing.none],
    [103, 'GET', {}, Framing.none],
    [205, 'GET', {}, Framing.close],
    [404, 'POST', { contentLength: 9 }, Framing.length],
  ];
  for (const [status, method, some, wanted] of rows) {
    const head = Object.assign(new ResponseHead(), some, { status });
    assert.equal(responseFraming(head, method), wanted, `${status} ${method}`);
  }
});
