import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findTlv, readProxyHeader } from './proxy-protocol.ts';

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');

function read(text: string): ReturnType<typeof readProxyHeader> {
  return readProxyHeader(Buffer.from(text, 'latin1'));
}

function binary(bytes: readonly number[], content: Buffer, length = content.length): Buffer {
  const rest = Buffer.alloc(2);
  rest.writeUInt16BE(length);
  return Buffer.concat([signature, Buffer.from(bytes), rest, content]);
}

const ipv4 = Buffer.of(192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb);

test('a line names both ends, and what follows it is left', () => {
  const result = read('PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\nGET / HTTP/1.1\r\n');
  assert.deepEqual(result, {
    kind: 'complete',
    end: 45,
    header: {
      sourceAddress: '192.0.2.1',
      sourcePort: 12_345,
      destinationAddress: '198.51.100.2',
      destinationPort: 443,
      tlvs: null,
    },
  });
});

test('IPv6 comes in a line as well', () => {
  const result = read('PROXY TCP6 2001:db8::1 ::1 1 2\r\n');
  assert.equal(result.kind === 'complete' && result.header?.sourceAddress, '2001:db8::1');
});

test('an unknown network says nothing of the client', () => {
  for (const line of ['PROXY UNKNOWN\r\n', 'PROXY UNKNOWN ff::1 ff::2 1 2\r\n']) {
    assert.deepEqual(read(line), { kind: 'complete', end: line.length, header: null });
  }
});

test('what is no header is refused, with its beginning for the log', () => {
  for (const line of [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.2 12345 65536\r\n',
    'PROXY TCP4 ::1 ::1 1 2\r\n',
    'PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n',
    'PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n',
    'PROXY UNKNOWNS\r\n',
    `PROXY UNKNOWN ${'x'.repeat(107)}`,
  ]) {
    const shown = line.slice(0, 107).replace('\r\n', '');
    assert.deepEqual(read(line), { kind: 'error', reason: `broken header: "${shown}"` });
  }
});

test('a header that has not come completely is waited for', () => {
  const line = 'PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n';
  for (let length = 0; length < line.length; length += 1) {
    assert.deepEqual(read(line.slice(0, length)), { kind: 'incomplete' });
  }
  const whole = binary([0x21, 0x11], ipv4);
  for (let length = 0; length < whole.length; length += 1) {
    assert.deepEqual(readProxyHeader(whole.subarray(0, length)), { kind: 'incomplete' });
  }
});

test('the binary form names both ends and carries more', () => {
  const tlvs = Buffer.from('\x02\x00\x04host\x05\x00\x02id', 'latin1');
  const result = readProxyHeader(binary([0x21, 0x11], Buffer.concat([ipv4, tlvs])));
  assert.deepEqual(result, {
    kind: 'complete',
    end: 28 + tlvs.length,
    header: {
      sourceAddress: '192.0.2.1',
      sourcePort: 12_345,
      destinationAddress: '198.51.100.2',
      destinationPort: 443,
      tlvs,
    },
  });
  assert.equal(findTlv(tlvs, 2)?.toString(), 'host');
  assert.equal(findTlv(tlvs, 5)?.toString(), 'id');
  assert.equal(findTlv(tlvs, 1), null);
});

test('IPv6 in the binary form is written short', () => {
  const addresses = Buffer.from(
    '20010db8000000000000000000000001' + '00000000000000000000000000000000' + '00010002',
    'hex',
  );
  const result = readProxyHeader(binary([0x21, 0x21], addresses));
  assert.ok(result.kind === 'complete');
  assert.equal(result.header?.sourceAddress, '2001:db8::1');
  assert.equal(result.header.destinationAddress, '::');
});

test('health checks, unix sockets and datagrams say nothing of the client', () => {
  for (const [command, family] of [
    [0x20, 0x00],
    [0x20, 0x11],
    [0x21, 0x31],
    [0x21, 0x12],
  ] as const) {
    const result = readProxyHeader(binary([command, family], ipv4));
    assert.deepEqual(result, { kind: 'complete', end: 28, header: null });
  }
});

test('another version, too little and too much are refused', () => {
  const kinds = [
    binary([0x11, 0x11], ipv4),
    binary([0x21, 0x11], ipv4.subarray(1)),
    binary([0x21, 0x21], ipv4),
    binary([0x21, 0x11], ipv4, 4096),
  ].map((bytes) => readProxyHeader(bytes).kind);
  assert.deepEqual(new Set(kinds), new Set(['error']));
});

test('no bytes make it throw, and a complete header ends within them', () => {
  const beginnings = fc.constantFrom('PROXY TCP4 ', 'PROXY ', '', signature.toString('latin1'));
  fc.assert(
    fc.property(beginnings, fc.uint8Array({ maxLength: 200 }), (beginning, bytes) => {
      const input = Buffer.concat([Buffer.from(beginning, 'latin1'), bytes]);
      const result = readProxyHeader(input);
      if (result.kind === 'complete') assert.ok(result.end > 0 && result.end <= input.length);
    }),
    { numRuns: 2000 },
  );
});

test('no TLVs make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.nat(255), (bytes, type) => {
      findTlv(Buffer.from(bytes), type);
    }),
    { numRuns: 1000 },
  );
});
