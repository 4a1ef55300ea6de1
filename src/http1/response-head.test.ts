import assert from 'node:assert/strict';
import { test } from 'node:test';

import { HeadResult } from './head-result.ts';
import { parseResponseHead, ResponseHead } from './response-head.ts';

function parse(text: string, limit = 4096): [number, ResponseHead] {
  const head = new ResponseHead();
  const input = Buffer.from(text, 'latin1');
  return [parseResponseHead(input, 0, input.length, head, limit), head];
}

function accepted(text: string): ResponseHead {
  const [result, head] = parse(text);
  assert.equal(result, text.length, `${JSON.stringify(text)}: ${head.error}`);
  assert.equal(head.bytes, text.length);
  return head;
}

function ok(...lines: string[]): string {
  return ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n');
}

test('a response head is read with all that follows from it', () => {
  const head = accepted(ok('Server: x', 'content-LENGTH: 5', 'Set-Cookie: a=\xe9', 'X_Y.z: 1'));
  assert.equal(head.status, 200);
  assert.equal(head.reason, 'OK');
  assert.equal(head.version, 11);
  assert.equal(head.contentLength, 5);
  assert.equal(head.chunked, false);
  assert.equal(head.keepAlive, true);
  assert.deepEqual(head.fields.names, ['Server', 'content-LENGTH', 'Set-Cookie', 'X_Y.z']);
  assert.deepEqual(head.fields.values, ['x', '5', 'a=\xe9', '1']);
});

test('the reason phrase may be anything printable, empty, or missing', () => {
  const rows: [string, number, string][] = [
    ['HTTP/1.1 200 OK', 200, 'OK'],
    ['HTTP/1.1 200 ', 200, ''],
    ['HTTP/1.1 200', 200, ''],
    ['HTTP/1.1 404 Not  Found\t\xe9', 404, 'Not  Found\t\xe9'],
    ['HTTP/1.1 100 Continue', 100, 'Continue'],
    ['HTTP/1.1 200 OX', 200, 'OX'],
    ['HTTP/1.1 404 not found', 404, 'not found'],
    ['HTTP/1.1 418 ', 418, ''],
    ['HTTP/1.0 999 x', 999, 'x'],
  ];
  for (const [text, status, reason] of rows) {
    const head = accepted(`${text}\r\n\r\n`);
    assert.deepEqual([head.status, head.reason], [status, reason]);
  }
});

test('a malformed status line is refused', () => {
  const rows = [
    '',
    'OK',
    'ICY 200 OK',
    'http/1.1 200 OK',
    ' HTTP/1.1 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1\t200 OK',
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/0.9 200 OK',
    'HTTP/1.1',
    'HTTP/1.',
    'HTTP/1.1 ',
    'HTTP/1.1 20',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 099 x',
    'HTTP/1.1 20x OK',
    'HTTP/1.1 +20 OK',
    'HTTP/1.1 200\tOK',
    'HTTP/1.1 200OK',
    'HTTP/1.1 200 O\0K',
    'HTTP/1.1 200 O\rK',
    'HTTP/1.1 200 O\nK',
    'HTTP/1.1 200 O\x7fK',
  ];
  for (const text of rows) {
    const [result, head] = parse(`${text}\r\nA: b\r\n\r\n`);
    assert.equal(result, HeadResult.badRequest, JSON.stringify(text));
    assert.match(head.error, /^[ -~]+$/);
  }
});

test('malformed field lines and ambiguous framing are refused', () => {
  const rows = [
    'A : b',
    ' A: b',
    'A: b\r\n c',
    'A',
    ': b',
    'A(: b',
    'A: \0',
    'A: a\x01',
    'A: b\nC: d',
    'A: b\rC: d',
    'Content-Length: 5, 5',
    'Content-Length: +5',
    'Content-Length:',
    'Content-Length: 9007199254740992',
    'Content-Length: 5\r\nContent-Length: 5',
    'Content-Length: 5\r\nTransfer-Encoding: chunked',
    'Transfer-Encoding: chunked\r\nContent-Length: 0',
    'Transfer-Encoding: gzip',
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: identity',
    'Transfer-Encoding:',
    'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked',
  ];
  for (const text of rows) {
    const [result, head] = parse(ok(text));
    assert.equal(result, HeadResult.badRequest, JSON.stringify(text));
    assert.match(head.error, /^[ -~]+$/);
    assert.deepEqual(head.fields.names, []);
  }
  const old = 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';
  assert.equal(parse(old)[0], HeadResult.badRequest);
  assert.equal(accepted(ok('Transfer-Encoding: CHUNKED')).chunked, true);
});

test('bare LF ends no response head', () => {
  assert.equal(parse('HTTP/1.1 200 OK\n')[0], HeadResult.badRequest);
  assert.equal(parse('HTTP/1.1 200 OK\nA: b\n\n\r\n\r\n')[0], HeadResult.badRequest);
  assert.equal(parse('HTTP/1.1 200 OK\r\nA: b\n\r\n\r\n')[0], HeadResult.badRequest);
});

test('persistence, tokens and upgrade follow version and Connection', () => {
  const old = (line: string): string => `HTTP/1.0 200 OK\r\n${line}\r\n`;
  assert.equal(accepted(ok('Connection: Close')).keepAlive, false);
  assert.equal(accepted(old('')).keepAlive, false);
  assert.equal(accepted(old('Connection: Keep-Alive\r\n')).keepAlive, true);
  assert.equal(accepted(ok('Connection: keep alive')).keepAlive, false);
  const head = accepted(ok('Connection: Upgrade, X-A', 'Upgrade: websocket'));
  assert.equal(head.upgrade, 'websocket');
  assert.deepEqual(head.connectionTokens, ['upgrade', 'x-a']);
  assert.equal(accepted(ok('Upgrade: h2c')).upgrade, null);
});

test('a head must fit the limit, and one that does not end is refused at the limit', () => {
  const text = ok('A: b');
  assert.equal(parse(text, text.length)[0], text.length);
  assert.equal(parse(text, text.length - 1)[0], HeadResult.fieldTooLarge);
  const endless = `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(100)}`;
  assert.equal(parse(endless, endless.length + 1)[0], HeadResult.incomplete);
  assert.equal(parse(endless, endless.length)[0], HeadResult.fieldTooLarge);
});

test('what cannot become a response is refused at its first wrong byte', () => {
  for (const text of ['\x15\x03\x01', 'HTTP/2', 'HTTPS', '\r\n', 'x']) {
    assert.equal(parse(text)[0], HeadResult.badRequest, JSON.stringify(text));
  }
  for (const text of ['', 'H', 'HTTP/1.', 'HTTP/1.1 2']) {
    assert.equal(parse(text)[0], HeadResult.incomplete, JSON.stringify(text));
  }
});

test('only input between start and end counts', () => {
  const one = ok('A: b');
  const input = Buffer.from(`xx${one}body${ok()}`, 'latin1');
  const head = new ResponseHead();
  assert.equal(parseResponseHead(input, 2, input.length, head, 4096), 2 + one.length);
  for (let end = 2; end < 2 + one.length; end += 1) {
    assert.equal(parseResponseHead(input, 2, end, head, 4096), HeadResult.incomplete);
  }
});

test('nothing of a head stays behind in the next one', () => {
  const head = new ResponseHead();
  const feed = (text: string): number =>
    parseResponseHead(Buffer.from(text, 'latin1'), 0, text.length, head, 4096);
  assert.ok(feed(ok('Content-Length: 5', 'Connection: upgrade', 'Upgrade: x', 'A: b')) > 0);
  assert.ok(feed('HTTP/1.0 204 \r\nA: b\r\n\r\n') > 0);
  assert.deepEqual(head, accepted('HTTP/1.0 204 \r\nA: b\r\n\r\n'));
  head.reset();
  assert.deepEqual(head, new ResponseHead());
});

test('1xx that promises a body is refused, and nothing follows such a 204', () => {
  for (const line of ['Content-Length: 1', 'Transfer-Encoding: chunked']) {
    for (const status of ['100 Continue', '101 Switching', '103 Early Hints']) {
      const [result, head] = parse(`HTTP/1.1 ${status}\r\n${line}\r\n\r\n`);
      assert.equal(result, HeadResult.badRequest);
      assert.equal(head.error, 'interim response with a body');
    }
    assert.equal(accepted(`HTTP/1.1 204 No\r\n${line}\r\n\r\n`).keepAlive, false);
    assert.equal(accepted(`HTTP/1.1 304 Not\r\n${line}\r\n\r\n`).keepAlive, true);
  }
  assert.equal(accepted('HTTP/1.1 100 C\r\nContent-Length: 0\r\n\r\n').status, 100);
  assert.equal(accepted('HTTP/1.1 204 No\r\nContent-Length: 0\r\n\r\n').keepAlive, true);
});

test('a bare LF anywhere is seen before the head is complete', () => {
  for (const text of ['HTTP/1.1 200 OK\n', ok('X: y\n').slice(0, -4), `${ok().slice(0, -2)}\n`]) {
    const [result, head] = parse(text);
    assert.equal(result, HeadResult.badRequest, JSON.stringify(text));
    assert.match(head.error, /^bare LF at byte \d+$/);
  }
});
