import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { test } from 'node:test';
import { ipFamily } from './ip-family.ts';

const texts = [
  ['', 'a', 'localhost', 'a.example', '127.0.0.1', '1.2.3', '256.1.1.1', '01.2.3.4', ' 1.2.3.4'],
  ['::', '::1', 'fe80::1%eth0', '::ffff:1.2.3.4', '1:2:3:4:5:6:7:8', '1:2', '[::1]', ':', 'a:b'],
].flat();

test('a text is an IP address just where it is one for net.isIP', () => {
  for (const text of texts) assert.equal(ipFamily(text), isIP(text), text);
  assert.deepEqual(['a', '1.2.3.4', '::1'].map(ipFamily), [0, 4, 6]);
});
