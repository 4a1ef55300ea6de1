// Addresses, networks and which lies in which.

import assert from 'node:assert/strict';
import { BlockList, isIP } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressBytes, isWithin, parseNetwork } from './network.ts';

const addresses: readonly (readonly [text: string, bytes: readonly number[] | null])[] = [
  ['1.2.3.4', [1, 2, 3, 4]],
  ['::ffff:1.2.3.4', [1, 2, 3, 4]],
  ['::1', [...new Array<number>(15).fill(0), 1]],
  ['::', new Array<number>(16).fill(0)],
  ['2001:db8::8a2e:1', [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0x8a, 0x2e, 0, 1]],
  ['1.2.3', null],
  ['', null],
  ['unix:', null],
];

for (const [text, bytes] of addresses) {
  test(`"${text}" is ${bytes === null ? 'no address' : 'read'}`, () => {
    const found = addressBytes(text);
    assert.deepEqual(found === null ? null : [...found], bytes);
  });
}

for (const text of ['1.2.3.4/33', '1.2.3.4/', '::/129', '1.2.3.4/-1', 'a/8', '1.2.3.4/8/8']) {
  test(`"${text}" is no network`, () => {
    assert.equal(parseNetwork(text), null);
  });
}

test('bits beyond the mask are noticed and do not count', () => {
  const network = parseNetwork('10.1.2.3/8');
  assert.ok(network !== null);
  assert.equal(network.untidy, true);
  assert.deepEqual([...network.bytes], [10, 0, 0, 0]);
  assert.equal(parseNetwork('10.0.0.0/8')?.untidy, false);
});

test('membership is what Node finds as well', () => {
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  const network = fc.tuple(address, fc.nat(128));
  fc.assert(
    fc.property(address, network, (one, [base, width]) => {
      const bits = isIP(base) === 4 ? width % 33 : width;
      const parsed = parseNetwork(`${base}/${bits}`);
      const bytes = addressBytes(one);
      // Mapped addresses are IPv4 here, which Node sees otherwise.
      if (parsed === null || bytes === null || parsed.bytes.length !== bytes.length) return;
      if ((isIP(one) === 6) !== (isIP(base) === 6) || bytes.length * 8 < bits) return;
      const list = new BlockList();
      list.addSubnet(base, bits, isIP(base) === 4 ? 'ipv4' : 'ipv6');
      assert.equal(isWithin(bytes, parsed), list.check(one, isIP(one) === 4 ? 'ipv4' : 'ipv6'));
    }),
    { numRuns: 3000 },
  );
});
