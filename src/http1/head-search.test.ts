// A head in pieces: the search says "parse" at the right bytes, and looks at no byte twice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { HeadSearch } from './head-search.ts';
import { HeadResult, parseRequestHead, RequestHead } from './request-head.ts';

const limits = {
  lineBytes: 40,
  totalBytes: 120,
  maxFields: 10,
  underscores: false,
  ignoreInvalid: true,
};

/** What the parser says at each prefix, and where the search would have asked it. */
function verdicts(text: string): { parsed: number; asked: boolean }[] {
  const bytes = Buffer.from(text, 'latin1');
  const search = new HeadSearch();
  const head = new RequestHead();
  const found: { parsed: number; asked: boolean }[] = [];
  for (let end = 1; end <= bytes.length; end += 1) {
    const input = bytes.subarray(0, end);
    const parsed = parseRequestHead(input, 0, end, head, limits);
    found.push({ parsed, asked: search.concludes(input, limits) });
    if (parsed !== HeadResult.incomplete) break;
  }
  return found;
}

test('a head that comes byte by byte is parsed a few times, not at each byte', () => {
  const text = `GET / HTTP/1.1\r\nHost: a\r\n${'X-A: b\r\n'.repeat(6)}\r\n`;
  const found = verdicts(text);
  assert.equal(found.at(-1)?.parsed, text.length);
  assert.equal(found.at(-1)?.asked, true);
  assert.equal(found.filter(({ asked }) => asked).length, 4);
});

test('limits are noticed at the byte at which the parser notices them', () => {
  for (const text of ['/'.padEnd(60, 'x'), ` / HTTP/1.1\r\nX: ${'y'.repeat(60)}`]) {
    const last = verdicts(`GET${text}`).at(-1);
    assert.ok((last?.parsed ?? 0) < 0);
    assert.equal(last?.asked, true);
  }
  const long = `GET / HTTP/1.1\r\n${'A: b\r\n'.repeat(30)}`;
  assert.deepEqual(verdicts(long).at(-1), { parsed: HeadResult.fieldTooLarge, asked: true });
});

test('whatever comes after its first byte, the search asks no later than the parser knows', () => {
  const piece = fc.constantFrom('\r\n', '\r', '\n', 'A: b', 'x', 'Host: a\r\n', ' / HTTP/1.1\r\n');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const last = verdicts(`GET${pieces.join('')}`).at(-1);
      assert.ok(last === undefined || last.parsed === HeadResult.incomplete || last.asked);
    }),
  );
});
