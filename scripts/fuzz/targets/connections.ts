// What comes first on a connection: the PROXY protocol's header and TLS's ClientHello.

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { findTlv, readProxyHeader } from '../../../src/http1/proxy-protocol.ts';
import { ClientHelloReader, largestHello, type HelloState } from '../../../src/tls/client-hello.ts';
import { inPieces, type FuzzTarget } from '../target.ts';

const signature = '\r\n\r\n\0\r\nQUIT\n';

function binary(command: number, family: number, content: string): string {
  const length = String.fromCharCode(content.length >> 8, content.length & 255);
  return `${signature}${String.fromCharCode(command, family)}${length}${content}`;
}

const proxyProtocol: FuzzTarget = {
  name: 'proxy-protocol',
  code: ['http1/proxy-protocol.ts'],
  seeds: [
    'PROXY TCP4 10.0.0.1 10.0.0.2 1 65535\r\nGET',
    'PROXY TCP6 ::1 fe80::1 80 443\r\n',
    'PROXY UNKNOWN anything\r\n',
    binary(0x21, 0x11, '\x0a\0\0\x01\x0a\0\0\x02\x01\x02\x03\x04'),
    binary(0x21, 0x21, `${'\0'.repeat(15)}\x01${'\x20\x01'.repeat(8)}\0\x50\x01\xbb\x02\0\x03abc`),
    binary(0x20, 0x00, ''),
    binary(0x21, 0x31, '\0'.repeat(216)),
  ],
  words: ['PROXY ', 'TCP4', 'TCP6', 'UNKNOWN', ' ', '\r\n', signature, '::', '::ffff:1.2.3.4', '%'],
  maxBytes: 4400,
  run(input) {
    const whole = readProxyHeader(input);
    let previous = 'incomplete';
    for (let end = 0; end <= Math.min(input.length, 300); end += 1) {
      const beginning = readProxyHeader(input.subarray(0, end));
      // What is said of a beginning holds for all that can follow.
      if (previous !== 'incomplete') assert.equal(beginning.kind, previous);
      previous = beginning.kind;
      if (beginning.kind === 'complete') assert.deepEqual(beginning, whole);
    }
    if (previous !== 'incomplete') assert.equal(whole.kind, previous);
    if (whole.kind === 'error') assert.match(whole.reason, /^[ -~]+$/);
    if (whole.kind === 'incomplete') assert.ok(input.length < 4096, 'it is bounded');
    if (whole.kind !== 'complete') return;
    assert.ok(whole.end > 0 && whole.end <= input.length);
    if (whole.header === null) return;
    const { sourceAddress, sourcePort, destinationAddress, destinationPort, tlvs } = whole.header;
    assert.ok(isIP(sourceAddress) > 0 && isIP(sourceAddress) === isIP(destinationAddress));
    for (const port of [sourcePort, destinationPort]) assert.ok(port >= 0 && port <= 65_535);
    if (tlvs !== null) for (const type of [0, 1, 2, 5, 0x20, 0x30]) findTlv(tlvs, type);
    const family = isIP(sourceAddress) === 4 ? 'TCP4' : 'TCP6';
    const line = `PROXY ${family} ${sourceAddress} ${destinationAddress} ${sourcePort} ${destinationPort}\r\n`;
    const again = readProxyHeader(Buffer.from(line, 'latin1'));
    const header = { ...whole.header, tlvs: null };
    assert.deepEqual(again, { kind: 'complete', end: line.length, header });
  },
};

function uint16(value: number): Buffer {
  return Buffer.from([value >> 8, value & 255]);
}

function extension(type: number, content: Buffer): Buffer {
  return Buffer.concat([uint16(type), uint16(content.length), content]);
}

function list(content: Buffer, lengthBytes: 1 | 2 = 2): Buffer {
  const length = lengthBytes === 1 ? Buffer.from([content.length]) : uint16(content.length);
  return Buffer.concat([length, content]);
}

function record(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([22, 3, 1]), uint16(payload.length), payload]);
}

function helloMessage(extensions: Buffer | null): Buffer {
  const body = Buffer.concat([
    ...[uint16(0x0303), Buffer.alloc(32, 7), list(Buffer.alloc(32, 8), 1)],
    ...[list(Buffer.from([0x13, 1, 0x13, 2, 0xc0, 0x2f])), Buffer.from([1, 0])],
    extensions === null ? Buffer.alloc(0) : list(extensions),
  ]);
  return Buffer.concat([Buffer.from([1, 0]), uint16(body.length), body]);
}

const manyExtensions = Buffer.concat([
  extension(0, list(Buffer.concat([Buffer.from([0]), list(Buffer.from('a.test'))]))),
  extension(10, list(Buffer.from([0x11, 0xec, 0, 29]))),
  extension(13, list(Buffer.from([4, 3, 8, 4]))),
  extension(
    16,
    list(Buffer.concat([list(Buffer.from('h2'), 1), list(Buffer.from('http/1.1'), 1)])),
  ),
  extension(35, Buffer.alloc(20, 9)),
  extension(43, list(Buffer.from([3, 4, 3, 3]), 1)),
  extension(
    41,
    Buffer.concat([
      list(Buffer.concat([list(Buffer.alloc(17, 5)), uint16(0), uint16(0)])),
      uint16(0),
    ]),
  ),
]);

const whole = helloMessage(manyExtensions);

function readHello(pieces: readonly Buffer[]): { state: HelloState; taken: number } {
  const reader = new ClientHelloReader();
  let state: HelloState = { kind: 'incomplete' };
  const given: Buffer[] = [];
  for (const piece of pieces) {
    given.push(piece);
    state = reader.push(piece);
    if (state.kind !== 'incomplete') break;
  }
  const bytes = Buffer.concat(given);
  // What was looked at is put back into the socket.
  assert.ok(reader.bytes.equals(bytes), 'no byte is lost or changed');
  if (state.kind === 'incomplete') assert.ok(bytes.length <= largestHello, 'it is bounded');
  return { state, taken: bytes.length };
}

const clientHello: FuzzTarget = {
  name: 'client-hello',
  code: ['tls/client-hello.ts', 'tls/byte-cursor.ts'],
  seeds: [
    record(whole),
    Buffer.concat([
      record(whole.subarray(0, 3)),
      record(whole.subarray(3, 60)),
      record(whole.subarray(60)),
    ]),
    record(helloMessage(null)),
    'GET / HTTP/1.1\r\n',
    '\x80\x2e\x01\x03\x01',
  ],
  words: [
    '\x16\x03\x01',
    '\0\0',
    '\0\x01',
    '\0\x10',
    '\0\x0d',
    '\0\x2b',
    '\0\x29',
    '\0\x23',
    '\xff\xff',
  ],
  maxBytes: 4096,
  run(input) {
    const { state } = readHello([input]);
    for (const cut of [0, 1, 2]) {
      const pieces = readHello(inPieces(input, cut)).state;
      if (state.kind === 'hello' || state.kind === 'incomplete') assert.deepEqual(pieces, state);
      else assert.equal(pieces.kind, state.kind);
    }
    if (state.kind === 'error') assert.match(state.reason, /^[ -~]+$/);
    if (state.kind !== 'hello') return;
    const { serverName, ticketName, versions, ciphers } = state.hello;
    assert.ok(!serverName.includes('\0') && serverName.length <= 255);
    assert.ok(ticketName === '' || ticketName.length === 16);
    assert.ok(versions.length > 0 && ciphers.length > 0);
  },
};

export const connectionTargets: readonly FuzzTarget[] = [proxyProtocol, clientHello];
