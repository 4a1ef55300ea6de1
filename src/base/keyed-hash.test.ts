import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keyedHash } from './keyed-hash.ts';

// The key of the published vectors: bytes 0 to 15.
const secret = new Int32Array(new Uint8Array([...Array(16).keys()]).buffer);

function hashOf(text: string): string {
  const out = new Int32Array(4);
  keyedHash(text, secret, out);
  return Buffer.from(out.buffer).toString('hex');
}

test('the hashes are those of SipHash-2-4 with 128 bits', () => {
  assert.equal(hashOf(''), 'a3817f04ba25a8e66df67214c7550293');
  assert.equal(hashOf('\x00'), 'da87c1d86b99af44347659119b22fc45');
});

test('each byte and each position counts', () => {
  const seen = new Set<string>();
  for (let length = 0; length < 40; length += 1) seen.add(hashOf('a'.repeat(length)));
  for (let at = 0; at < 20; at += 1) {
    for (const byte of ['\x00', '\x7f', '\x80', '\xff']) {
      seen.add(hashOf('b'.repeat(at) + byte + 'b'.repeat(19 - at)));
    }
  }
  assert.equal(seen.size, 40 + 80);
});

test('another secret gives other hashes', () => {
  const out = new Int32Array(4);
  keyedHash('x', new Int32Array([1, 2, 3, 4]), out);
  assert.notEqual(Buffer.from(out.buffer).toString('hex'), hashOf('x'));
});
