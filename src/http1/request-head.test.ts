import assert from 'node:assert/strict';
import { test } from 'node:test';

import { FieldId } from './field-id.ts';
import type { RequestHeadLimits } from './request-head.ts';
import { HeadResult, parseRequestHead, RequestHead } from './request-head.ts';

const limits: RequestHeadLimits = {
  lineBytes: 1024,
  totalBytes: 4096,
  maxFields: 20,
  underscores: false,
  ignoreInvalid: true,
};

function parse(text: string, some: Partial<RequestHeadLimits> = {}): [number, RequestHead] {
  const head = new RequestHead();
  const input = Buffer.from(text, 'latin1');
  return [parseRequestHead(input, 0, input.length, head, { ...limits, ...some }), head];
}

function accepted(text: string, some: Partial<RequestHeadLimits> = {}): RequestHead {
  const [result, head] = parse(text, some);
  assert.equal(result, text.length, `${JSON.stringify(text)}: ${head.error}`);
  assert.equal(head.bytes, text.length);
  assert.equal(head.error, '');
  return head;
}

/** A request of HTTP/1.1 with Host and the lines given. */
function get(...lines: string[]): string {
  return ['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n');
}

function line(requestLine: string): string {
  return `${requestLine}\r\nHost: a\r\n\r\n`;
}

test('a request head is read with all that follows from it', () => {
  const head = accepted(
    'POST /a/b?x=1&y=?2 HTTP/1.1\r\nHost: Example.org:8080\r\ncontent-length:\t12 \r\n' +
      'X-Empty:\r\nX-Two:  a \t b\t\r\nEXPECT: 100-Continue\r\nx-cafe: no\r\n' +
      'X-Raw: \xe9\xff\r\n\r\n',
  );
  assert.equal(head.method, 'POST');
  assert.equal(head.target, '/a/b?x=1&y=?2');
  assert.equal(head.form, 'origin');
  assert.equal(head.path, '/a/b');
  assert.equal(head.hasQuery, true);
  assert.equal(head.query, 'x=1&y=?2');
  assert.equal(head.version, 11);
  assert.equal(head.host, 'Example.org:8080');
  assert.equal(head.contentLength, 12);
  assert.equal(head.chunked, false);
  assert.equal(head.keepAlive, true);
  assert.equal(head.expectContinue, true);
  assert.equal(head.upgrade, null);
  assert.equal(head.connectionTokens, null);
  assert.deepEqual(head.fields.names, [
    'Host',
    'content-length',
    'X-Empty',
    'X-Two',
    'EXPECT',
    'x-cafe',
    'X-Raw',
  ]);
  assert.deepEqual(head.fields.values, [
    'Example.org:8080',
    '12',
    '',
    'a \t b',
    '100-Continue',
    'no',
    '\xe9\xff',
  ]);
  assert.deepEqual(head.fields.ids, [
    FieldId.host,
    FieldId.contentLength,
    0,
    0,
    FieldId.expect,
    0,
    0,
  ]);
});

test('a method is what was sent, be it a usual one, like one, or any other', () => {
  const methods = 'GET HEAD POST OPTIONS DELETE PUT GOT GE GETS P X-Y_Z'.split(' ');
  for (const method of methods) {
    assert.equal(accepted(line(`${method} / HTTP/1.1`)).method, method);
  }
});

test('targets are split into form, path and query', () => {
  const rows: [string, string, string, string, boolean][] = [
    ['GET / HTTP/1.1', 'origin', '/', '', false],
    ['GET /? HTTP/1.1', 'origin', '/', '', true],
    ['GET //x HTTP/1.1', 'origin', '//x', '', false],
    ['GET /a?b#c HTTP/1.1', 'origin', '/a', 'b', true],
    ['GET /a#c?b HTTP/1.1', 'origin', '/a', '', false],
    ['GET /\xc3\xa9 HTTP/1.1', 'origin', '/\xc3\xa9', '', false],
    ['GET http://a HTTP/1.1', 'absolute', '/', '', false],
    ['GET http://a?q HTTP/1.1', 'absolute', '/', 'q', true],
    ['GET HTTPS://A:443/p?q#f HTTP/1.1', 'absolute', '/p', 'q', true],
    ['GET http://a:80/p HTTP/1.1', 'absolute', '/p', '', false],
    ['OPTIONS * HTTP/1.1', 'asterisk', '*', '', false],
    ['M-S_X / HTTP/1.1', 'origin', '/', '', false],
  ];
  for (const [text, form, path, query, hasQuery] of rows) {
    const head = accepted(line(text));
    const got = [head.form, head.path, head.query, head.hasQuery, head.target];
    assert.deepEqual(got, [form, path, query, hasQuery, text.split(' ')[1]], text);
  }
});

test('CONNECT takes a host with a port and nothing else', () => {
  const head = accepted('CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n');
  assert.deepEqual([head.form, head.host, head.path], ['authority', 'a:443', '']);
  for (const target of ['a', 'a:', '/', '*', 'http://a/', '[::1]', 'a:443/', 'a:443?x', 'u@a:1']) {
    assert.equal(parse(line(`CONNECT ${target} HTTP/1.1`))[0], HeadResult.badRequest, target);
  }
});

test('the authority of the target is the host, and Host may not contradict it', () => {
  const same = accepted('GET http://A.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n');
  assert.equal(same.host, 'A.example');
  assert.equal(accepted('GET http://b/ HTTP/1.0\r\n\r\n').host, 'b');
  const [result, head] = parse('GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n');
  assert.equal(result, HeadResult.hostConflict);
  assert.match(head.error, /Host differs/);
  assert.equal(parse(line('GET http://a:8080/ HTTP/1.1'))[0], HeadResult.hostConflict);
});

test('a malformed request line is refused', () => {
  const rows = [
    'get / HTTP/1.1',
    'G1T / HTTP/1.1',
    'GET/ HTTP/1.1',
    ' GET / HTTP/1.1',
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    'GET / HTTP/1.1 ',
    'GET\t/ HTTP/1.1',
    'GET /\tHTTP/1.1',
    'GET /a b HTTP/1.1',
    'GET /',
    'GET / ',
    'GET',
    'GET / HTTP',
    'GET / HTTP/1',
    'GET / HTTP/1.',
    'GET / HTTP/.1',
    'GET / HTTP/1.10',
    'GET / HTTP/01.1',
    'GET / HTTP/10.0',
    'GET / HTTP/0.9',
    'GET / HTTP/1,1',
    'GET / http/1.1',
    'GET / XTTP/1.1',
    'GET * HTTP/1.1',
    'OPTIONS *a HTTP/1.1',
    'GET a HTTP/1.1',
    'GET ?a HTTP/1.1',
    'GET # HTTP/1.1',
    'GET http:/a HTTP/1.1',
    'GET http:///x HTTP/1.1',
    'GET http://a#f HTTP/1.1',
    'GET http://u@a/ HTTP/1.1',
    'GET http://a,b/ HTTP/1.1',
    'GET http://a:b/ HTTP/1.1',
    'GET ftp://a/ HTTP/1.1',
    'GET https:/a HTTP/1.1',
    'GET /\x7f HTTP/1.1',
    'GET /\x01 HTTP/1.1',
    'GET /\0 HTTP/1.1',
    'GET /\r HTTP/1.1',
    'GET /\n HTTP/1.1',
    'GET /a?\x01 HTTP/1.1',
    'GET /#\x01 HTTP/1.1',
    '\x16\x03\x01\x02',
    '{}',
  ];
  for (const text of rows) {
    const [result, head] = parse(line(text));
    assert.equal(result, HeadResult.badRequest, JSON.stringify(text));
    assert.match(head.error, /^[ -~]+$/);
    assert.deepEqual(head.fields.names, []);
  }
});

test('versions: a higher minor one is 1.1, a higher major one unsupported', () => {
  assert.equal(accepted(line('GET / HTTP/1.1')).version, 11);
  assert.equal(accepted(line('GET / HTTP/1.2')).version, 11);
  assert.equal(accepted(line('GET / HTTP/1.9')).version, 11);
  assert.equal(accepted('GET / HTTP/1.0\r\n\r\n').version, 10);
  assert.equal(parse(line('GET / HTTP/2.0'))[0], HeadResult.versionUnsupported);
  const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  assert.equal(parse(preface)[0], HeadResult.versionUnsupported);
  assert.equal(parse(line('PRI * HTTP/1.1'))[0], HeadResult.badRequest);
  assert.equal(parse(line('PRI *'))[0], HeadResult.badRequest);
  assert.equal(parse(line('OPTIONS * HTTP/3.0'))[0], HeadResult.versionUnsupported);
});

test('field lines with a malformed name or value are refused', () => {
  const rows = [
    'X-A : b',
    'X-A\t: b',
    ' X-A: b',
    '\tX-A: b',
    'X-A: b\r\n c',
    'X-A: b\r\n\tc',
    ': b',
    'X-A',
    'X A: b',
    'X(A: b',
    'X\x80: b',
    'X\0: b',
    'X-A: a\x01b',
    'X-A: a\0b',
    'X-A: a\x7fb',
    'X-A: a\x0bb',
    'X-A: a\rb',
    'X-A: a\nb',
    'X-A: a\r',
    'X-A: a\nX-B: c',
    'X-A: a\n',
    'X-A\r: b',
    'X-A\n: b',
    '\rX-A: b',
    '\nX-A: b',
    '"X": b',
  ];
  for (const text of rows) {
    const [result, head] = parse(get(text));
    assert.equal(result, HeadResult.badRequest, JSON.stringify(text));
    assert.match(head.error, /^[ -~]+$/);
  }
});

test('a bare LF ends no line and no head', () => {
  for (const text of [
    'GET / HTTP/1.1\nHost: a\n\n',
    'GET / HTTP/1.1\r\nHost: a\n\n\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\nGET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\n\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: a\r\n\rX\r\n\r\n',
  ]) {
    assert.equal(parse(text)[0], HeadResult.badRequest, JSON.stringify(text));
  }
});

test('names beyond letters, digits and "-" are left out or kept as configured', () => {
  const text = get('X_A: 1', 'X.A: 2', 'X-A: 3');
  assert.deepEqual(accepted(text).fields.values, ['a', '3']);
  assert.deepEqual(accepted(text, { underscores: true }).fields.values, ['a', '1', '3']);
  const kept = { ignoreInvalid: false };
  assert.deepEqual(accepted(text, kept).fields.values, ['a', '1', '2', '3']);
  assert.deepEqual(accepted(text, kept).fields.names, ['Host', 'X_A', 'X.A', 'X-A']);
  assert.equal(parse(get('X@A: 1'), kept)[0], HeadResult.badRequest);
});

test('a name that is left out stands for no known field', () => {
  const head = accepted(get('Content_Length: 5', 'Transfer_Encoding: chunked'));
  assert.equal(head.contentLength, -1);
  assert.equal(head.chunked, false);
});

test('HTTP/1.1 needs exactly one valid Host, HTTP/1.0 at most one', () => {
  const rows: [string, number][] = [
    ['GET / HTTP/1.1\r\n\r\n', HeadResult.badRequest],
    ['GET / HTTP/1.1\r\nHost:\r\n\r\n', HeadResult.badRequest],
    ['GET / HTTP/1.0\r\nHost:\r\n\r\n', HeadResult.badRequest],
    ['GET http://a/ HTTP/1.1\r\n\r\n', HeadResult.badRequest],
    ['GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n', HeadResult.badRequest],
    ['GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', HeadResult.badRequest],
    ['GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n', HeadResult.badRequest],
    ['GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', HeadResult.badRequest],
    ['GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', HeadResult.badRequest],
    ['GET / HTTP/1.1\r\nHost: a/../b\r\n\r\n', HeadResult.badRequest],
  ];
  for (const [text, wanted] of rows) assert.equal(parse(text)[0], wanted, text);
  assert.equal(accepted('GET / HTTP/1.0\r\n\r\n').host, null);
  assert.equal(accepted('GET / HTTP/1.1\r\nhOST: [::1]:80\r\n\r\n').host, '[::1]:80');
});

test('Content-Length is digits, once, and exact as a number', () => {
  const good: [string, number][] = [
    ['0', 0],
    ['00', 0],
    ['  42  ', 42],
    ['9007199254740991', Number.MAX_SAFE_INTEGER],
    ['000000000000000000000000000001', 1],
  ];
  for (const [value, length] of good) {
    assert.equal(accepted(get(`Content-Length: ${value}`)).contentLength, length);
  }
  const bad = ['', '+1', '-1', '1,1', '1, 1', '1 1', '0x1', '1.0', '1e3', 'a', '\xb2', '1;'];
  bad.push('9007199254740992', '9007199254740993', '18446744073709551617', '1'.repeat(400));
  for (const value of bad) {
    assert.equal(parse(get(`Content-Length: ${value}`))[0], HeadResult.badRequest, value);
  }
  const twice = get('Content-Length: 5', 'content-length: 5');
  assert.equal(parse(twice)[0], HeadResult.badRequest);
});

test('Transfer-Encoding is exactly "chunked", once, alone and not in HTTP/1.0', () => {
  assert.equal(accepted(get('Transfer-Encoding: Chunked')).chunked, true);
  const rows: [string, number][] = [
    [get('Transfer-Encoding: gzip'), HeadResult.badRequest],
    [get('Transfer-Encoding: gzip, chunked'), HeadResult.notImplemented],
    [get('Transfer-Encoding: identity,\tCHUNKED'), HeadResult.notImplemented],
    [get('Transfer-Encoding: chunked, chunked'), HeadResult.badRequest],
    [get('Transfer-Encoding: chunked, gzip'), HeadResult.badRequest],
    [get('Transfer-Encoding: chunked,'), HeadResult.badRequest],
    [get('Transfer-Encoding: ,chunked'), HeadResult.badRequest],
    [get('Transfer-Encoding: identity'), HeadResult.badRequest],
    [get('Transfer-Encoding:'), HeadResult.badRequest],
    [get('Transfer-Encoding: chunked;q=1'), HeadResult.badRequest],
    [get('Transfer-Encoding: \xa0chunked'), HeadResult.badRequest],
    [get('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'), HeadResult.badRequest],
    [get('Transfer-Encoding: chunked', 'Transfer-Encoding: gzip'), HeadResult.badRequest],
    [get('Transfer-Encoding: chunked', 'Content-Length: 5'), HeadResult.badRequest],
    [get('Content-Length: 0', 'Transfer-Encoding: chunked'), HeadResult.badRequest],
    ['GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n', HeadResult.badRequest],
    ['GET / HTTP/1.0\r\nTransfer-Encoding: gzip\r\n\r\n', HeadResult.badRequest],
  ];
  for (const [text, wanted] of rows) assert.equal(parse(text)[0], wanted, text);
});

test('persistence follows version and Connection', () => {
  const old = (value: string): string => `GET / HTTP/1.0\r\n${value}\r\n`;
  const rows: [string, boolean][] = [
    [get(), true],
    [get('Connection: close'), false],
    [get('Connection: CLOSE'), false],
    [get('Connection: keep-alive'), true],
    [get('Connection: keep-alive, close'), false],
    [get('Connection: keep-alive', 'Connection: close'), false],
    [get('Connection: , ,close ,'), false],
    [get('Connection: closed'), true],
    [old(''), false],
    [old('Connection: keep-alive\r\n'), true],
    [old('Connection: Keep-Alive\r\n'), true],
    [old('Connection: close, keep-alive\r\n'), false],
  ];
  for (const [text, keepAlive] of rows) assert.equal(accepted(text).keepAlive, keepAlive, text);
});

test('options of Connection are listed but for close and keep-alive', () => {
  assert.equal(accepted(get('Connection: close')).connectionTokens, null);
  assert.equal(accepted(get('Connection:')).connectionTokens, null);
  const head = accepted(get('Connection: X-Foo, close', 'Connection: TE'));
  assert.deepEqual(head.connectionTokens, ['x-foo', 'te']);
  for (const value of ['a b', 'a;b', '"x"', 'x=1', '\xe9']) {
    assert.equal(parse(get(`Connection: ${value}`))[0], HeadResult.badRequest, value);
  }
  assert.equal(accepted(get(`Connection: ${'a,'.repeat(50)}`)).connectionTokens?.length, 50);
  assert.equal(parse(get(`Connection: ${'a,'.repeat(51)}`))[0], HeadResult.badRequest);
});

test('Connection may not name a field that routing, framing or identity needs', () => {
  const names = ['Host', 'content-length', 'Transfer-Encoding', 'Authorization', 'cookie', 'Via'];
  names.push('X-Forwarded-For', 'x-forwarded-proto', 'X-Real-IP', 'Forwarded', 'Origin');
  for (const name of names) {
    assert.equal(parse(get(`Connection: close, ${name}`))[0], HeadResult.badRequest, name);
    assert.equal(parse(get(`Connection: ${name}`))[0], HeadResult.badRequest, name);
  }
});

test('Upgrade counts only with Connection: upgrade and in HTTP/1.1', () => {
  const head = accepted(get('Connection: keep-alive, Upgrade', 'Upgrade: websocket'));
  assert.equal(head.upgrade, 'websocket');
  assert.deepEqual(head.connectionTokens, ['upgrade']);
  assert.equal(accepted(get('Upgrade: websocket')).upgrade, null);
  assert.equal(accepted(get('Connection: upgrade')).upgrade, null);
  const old = 'GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n';
  assert.equal(accepted(old).upgrade, null);
});

test('only 100-continue of HTTP/1.1 is an expectation', () => {
  assert.equal(accepted(get('Expect: 100-continue')).expectContinue, true);
  assert.equal(accepted(get('Expect: 100-Continue , 100-continue')).expectContinue, true);
  assert.equal(accepted(get('Expect:')).expectContinue, false);
  for (const value of ['other', '100-continue, other', '100-continue=1', '"100-continue"']) {
    assert.equal(parse(get(`Expect: ${value}`))[0], HeadResult.expectationFailed);
  }
  const old = 'GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n';
  assert.equal(accepted(old).expectContinue, false);
});

test('up to two empty lines before the request line are taken and counted', () => {
  accepted(`\r\n${get()}`);
  accepted(`\r\n\r\n${get()}`);
  assert.equal(parse(`\r\n\r\n\r\n${get()}`)[0], HeadResult.badRequest);
  assert.equal(parse(`\n${get()}`)[0], HeadResult.badRequest);
  for (const text of ['', '\r', '\r\n', '\r\n\r', '\r\n\r\n', '\r\n\r\n\r']) {
    assert.equal(parse(text)[0], HeadResult.incomplete, JSON.stringify(text));
  }
  for (const text of ['\r\n\r\n\r\n', '\rG', '\n', ' ', '\x16\x03']) {
    assert.equal(parse(text)[0], HeadResult.badRequest, JSON.stringify(text));
  }
});

test('a head is read wherever it lies, and bytes outside of it have no influence', () => {
  const one = get('X-A: 1');
  const input = Buffer.from(`junk${one}${get('X-B: 2')}body\r\n\r\n`, 'latin1');
  const head = new RequestHead();
  const next = parseRequestHead(input, 4, input.length, head, limits);
  assert.equal(next, 4 + one.length);
  assert.equal(head.bytes, one.length);
  assert.deepEqual(head.fields.names, ['Host', 'X-A']);
  const last = parseRequestHead(input, next, input.length, head, limits);
  assert.deepEqual(head.fields.names, ['Host', 'X-B']);
  assert.equal(input.toString('latin1', last), 'body\r\n\r\n');
  for (let end = 4; end < 4 + one.length; end += 1) {
    assert.equal(parseRequestHead(input, 4, end, head, limits), HeadResult.incomplete);
  }
});

test('a body of any size after the head does not matter', () => {
  const text = get('Content-Length: 100000');
  const input = Buffer.from(`${text}${'x'.repeat(99996)}\r\n\r\n`, 'latin1');
  const head = new RequestHead();
  assert.equal(parseRequestHead(input, 0, input.length, head, limits), text.length);
});

test('nothing of a head stays behind in the next one', () => {
  const head = new RequestHead();
  const feed = (text: string): number =>
    parseRequestHead(Buffer.from(text, 'latin1'), 0, text.length, head, limits);
  assert.ok(
    feed(
      'POST http://a/p?q HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n' +
        'Connection: upgrade, x\r\nUpgrade: y\r\n\r\n',
    ) > 0,
  );
  assert.ok(feed('GET / HTTP/1.0\r\n\r\n') > 0);
  const fresh = new RequestHead();
  const text = 'GET / HTTP/1.0\r\n\r\n';
  parseRequestHead(Buffer.from(text, 'latin1'), 0, text.length, fresh, limits);
  assert.deepEqual(head, fresh);
  assert.ok(feed(get('Transfer-Encoding: chunked')) > 0);
  head.reset();
  assert.deepEqual(head, new RequestHead());
});

test('a refused head leaves its start line for the log and no fields', () => {
  const [, head] = parse('GET /x HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n');
  assert.deepEqual([head.method, head.target, head.fields.names], ['GET', '/x', []]);
  assert.equal(head.error, 'field line without a colon at byte 29');
});

test('a line is as long as the limit at most, CRLF included', () => {
  const path = '/'.repeat(1024 - 'GET  HTTP/1.1\r\n'.length);
  accepted(line(`GET ${path} HTTP/1.1`));
  assert.equal(parse(line(`GET ${path}/ HTTP/1.1`))[0], HeadResult.uriTooLong);
  const value = 'v'.repeat(1024 - 'X: \r\n'.length);
  accepted(get(`X: ${value}`));
  assert.equal(parse(get(`X: ${value}v`))[0], HeadResult.fieldTooLarge);
  assert.equal(parse(get(`X_Y: ${value}v`))[0], HeadResult.fieldTooLarge);
});

test('a head is as long, and has as many lines, as the limits at most', () => {
  const lines = ['a', 'b', 'c', 'd'].map((name) => `${name}: ${'v'.repeat(800)}`);
  const text = get(...lines);
  accepted(text, { totalBytes: text.length });
  assert.equal(parse(text, { totalBytes: text.length - 1 })[0], HeadResult.fieldTooLarge);
  accepted(get(...Array.from({ length: 19 }, () => 'a: b')));
  const many = get(...Array.from({ length: 20 }, () => 'a_: b'));
  assert.equal(parse(many)[0], HeadResult.fieldTooLarge);
});

test('limits hold for a head that never ends', () => {
  const rows: [string, number][] = [
    ['G'.repeat(1023), HeadResult.incomplete],
    ['G'.repeat(1024), HeadResult.uriTooLong],
    [`GET / HTTP/1.1\r\nX: ${'v'.repeat(1020)}`, HeadResult.incomplete],
    [`GET / HTTP/1.1\r\nX: ${'v'.repeat(1021)}`, HeadResult.fieldTooLarge],
    [`GET / HTTP/1.1\r\n${'a: b\r\n'.repeat(680)}`, HeadResult.fieldTooLarge],
    ['GET / HTTP/1.1\nHost', HeadResult.badRequest],
  ];
  for (const [text, wanted] of rows) assert.equal(parse(text)[0], wanted, text.slice(0, 40));
});
