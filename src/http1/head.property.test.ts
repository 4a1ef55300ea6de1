import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { canonicalNames, fieldIdOf } from './field-id.ts';
import { HeadResult } from './head-result.ts';
import type { RequestHeadLimits } from './request-head.ts';
import { parseRequestHead, RequestHead } from './request-head.ts';
import { parseResponseHead, ResponseHead } from './response-head.ts';

const limits: RequestHeadLimits = {
  lineBytes: 256,
  totalBytes: 1024,
  maxFields: 12,
  underscores: true,
  ignoreInvalid: true,
};

const results: readonly number[] = Object.values(HeadResult);
const special = canonicalNames.slice(1, 7).map((name) => name.toLowerCase());

const alphanumeric = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_'];
const name = fc.oneof(
  fc
    .string({ unit: fc.constantFrom(...alphanumeric), minLength: 1, maxLength: 20 })
    .filter((text) => !special.includes(text.toLowerCase())),
  fc.constantFrom(...canonicalNames.slice(7)),
  fc.constantFrom(...canonicalNames.slice(7).map((text) => text.toLowerCase())),
);
const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
const visible = byte.filter((char) => /[!-~\x80-\xff]/.test(char));
const inner = byte.filter((char) => /[\t -~\x80-\xff]/.test(char));
const value = fc
  .tuple(visible, fc.string({ unit: inner, maxLength: 40 }), visible)
  .map((parts) => parts.join(''));
const field = fc.tuple(name, fc.oneof(fc.constant(''), visible, value));
const space = fc.string({ unit: fc.constantFrom(' ', '\t'), maxLength: 3 });
const path = fc.string({ unit: visible.filter((char) => !'?#'.includes(char)), maxLength: 40 });

/** Heads near enough to real ones that a mutation of them reaches every branch. */
const words = fc.constantFrom(
  ...[
    'GET ',
    '/ ',
    'HTTP/1.1',
    'HTTP/1.1 200 OK',
    '\r\n',
    '\r\n',
    '\r\n\r\n',
    '\r',
    '\n',
    ' ',
    ':',
  ],
  ...['Host: a', 'Content-Length: 1', 'Transfer-Encoding: chunked', 'Connection: ', 'close', ', x'],
  ...['http://a', 'CONNECT a:1 ', 'OPTIONS * ', '?', '#', '\t', '\0', '\xff', '[::1]', 'x', '_'],
);
const nearHead = fc.oneof(
  fc.string({ unit: words, maxLength: 24 }),
  fc.string({ unit: words, maxLength: 24 }).map((text) => `GET / HTTP/1.1\r\nHost: a\r\n${text}`),
  fc.string({ unit: words, maxLength: 24 }).map((text) => `HTTP/1.1 200 OK\r\n${text}`),
  fc.string({ unit: byte, maxLength: 400 }),
);

test('a generated request head comes back as it was written', () => {
  const arbitrary = fc.tuple(path, path, fc.array(field, { maxLength: 11 }), space, space);
  const head = new RequestHead();
  fc.assert(
    fc.property(arbitrary, ([pathTail, query, fields, before, after]) => {
      const lines = fields.map(([key, content]) => `${key}:${before}${content}${after}\r\n`);
      const text = `PUT /${pathTail}?${query} HTTP/1.1\r\nHost: a\r\n${lines.join('')}\r\n`;
      const input = Buffer.from(text, 'latin1');
      const end = parseRequestHead(input, 0, input.length, head, limits);
      if (text.length > limits.totalBytes) {
        assert.equal(end, HeadResult.fieldTooLarge);
        return;
      }
      assert.equal(end, text.length, head.error);
      assert.equal(head.path, `/${pathTail}`);
      assert.equal(head.query, query);
      const names = ['Host', ...fields.map(([key]) => key)];
      assert.deepEqual(head.fields.names, names);
      assert.deepEqual(head.fields.values, ['a', ...fields.map(([, content]) => content)]);
      assert.deepEqual(head.fields.ids, names.map(fieldIdOf));
    }),
    { numRuns: 500 },
  );
});

test('a generated response head comes back as it was written', () => {
  const arbitrary = fc.tuple(fc.integer({ min: 100, max: 999 }), fc.array(field), space);
  const head = new ResponseHead();
  fc.assert(
    fc.property(arbitrary, ([status, fields, before]) => {
      const lines = fields.map(([key, content]) => `${key}:${before}${content}\r\n`);
      const text = `HTTP/1.1 ${status} x y\r\n${lines.join('')}\r\n`;
      const input = Buffer.from(text, 'latin1');
      assert.equal(parseResponseHead(input, 0, input.length, head, 65536), text.length);
      assert.deepEqual([head.status, head.reason], [status, 'x y']);
      assert.deepEqual(
        head.fields.names,
        fields.map(([key]) => key),
      );
      assert.deepEqual(
        head.fields.values,
        fields.map(([, content]) => content),
      );
    }),
    { numRuns: 500 },
  );
});

test('any bytes give a documented result, and no error with control characters', () => {
  const request = new RequestHead();
  const response = new ResponseHead();
  fc.assert(
    fc.property(nearHead, (text) => {
      const input = Buffer.from(text, 'latin1');
      const one = parseRequestHead(input, 0, input.length, request, limits);
      assert.ok(results.includes(one) || (one > 0 && one <= input.length));
      if (one < 0) assert.match(request.error, /^[ -~]+$/);
      const other = parseResponseHead(input, 0, input.length, response, 512);
      assert.ok(results.includes(other) || (other > 0 && other <= input.length));
      if (other < 0) assert.match(response.error, /^[ -~]+$/);
    }),
    { numRuns: 5000 },
  );
});

test('what is said of a beginning holds for all that can follow', () => {
  const head = new RequestHead();
  const response = new ResponseHead();
  fc.assert(
    fc.property(nearHead, (text) => {
      const input = Buffer.from(text, 'latin1');
      let request = 0;
      let answer = 0;
      for (let end = 0; end <= input.length; end += 1) {
        const one = parseRequestHead(input, 0, end, head, limits);
        if (request > 0) assert.equal(one, request);
        if (request < 0) assert.ok(one < 0);
        request = one;
        const other = parseResponseHead(input, 0, end, response, 256);
        if (answer > 0) assert.equal(other, answer);
        if (answer < 0) assert.ok(other < 0);
        answer = other;
      }
    }),
    { numRuns: 1500 },
  );
});

test('what a head parser accepts holds no control character but tab in values', () => {
  const head = new RequestHead();
  fc.assert(
    fc.property(nearHead, (text) => {
      const input = Buffer.from(text, 'latin1');
      if (parseRequestHead(input, 0, input.length, head, limits) <= 0) return;
      for (const content of head.fields.values) assert.match(content, /^[\t -~\x80-\xff]*$/);
      for (const key of head.fields.names) assert.match(key, /^[A-Za-z0-9_-]+$/);
      assert.match(head.target, /^[!-~\x80-\xff]+$/);
      assert.ok(!(head.chunked && head.contentLength >= 0));
    }),
    { numRuns: 5000 },
  );
});
