// Against zlib's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { crcByte, crcEnd, crcStart, crcText } from './crc32.ts';

test('the checksum of any bytes is that of zlib, in one step or in two', () => {
  fc.assert(
    fc.property(fc.uint8Array(), fc.nat(), (bytes, cut) => {
      const text = Buffer.from(bytes).toString('latin1');
      const at = cut % (text.length + 1);
      const state = crcText(crcText(crcStart, text.slice(0, at)), text.slice(at));
      assert.equal(crcEnd(state), crc32(bytes));
      assert.equal(crcEnd(bytes.reduce(crcByte, crcStart)), crc32(bytes));
    }),
  );
});
