import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import type { ClientHello, HelloState } from './client-hello.ts';
import { ClientHelloReader, largestHello } from './client-hello.ts';

function vector(lengthBytes: 1 | 2 | 3, ...parts: (Buffer | number[])[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const length = Buffer.alloc(lengthBytes);
  length.writeUIntBE(body.length, 0, lengthBytes);
  return Buffer.concat([length, body]);
}

function extension(type: number, ...parts: (Buffer | number[])[]): Buffer {
  return Buffer.concat([Buffer.of(type >> 8, type & 0xff), vector(2, ...parts)]);
}

function serverName(name: string): Buffer {
  return extension(0, vector(2, [0], vector(2, Buffer.from(name, 'latin1'))));
}

function message(...extensions: Buffer[]): Buffer {
  const body = Buffer.concat([
    Buffer.of(3, 3),
    Buffer.alloc(32, 7),
    vector(1, Buffer.alloc(32)),
    vector(2, [0x13, 0x01, 0x00, 0xff]),
    vector(1, [0]),
    vector(2, ...extensions),
  ]);
  return Buffer.concat([Buffer.of(1), vector(3, body)]);
}

function records(bytes: Buffer, size = 16_384): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    parts.push(Buffer.of(22, 3, 1), vector(2, bytes.subarray(at, at + size)));
  }
  return Buffer.concat(parts);
}

function read(bytes: Buffer, step = bytes.length): HelloState {
  const reader = new ClientHelloReader();
  let state: HelloState = { kind: 'incomplete' };
  for (let at = 0; at < bytes.length && state.kind === 'incomplete'; at += step) {
    state = reader.push(Buffer.from(bytes.subarray(at, at + step)));
  }
  if (state.kind === 'hello') assert.deepEqual(reader.bytes, bytes);
  return state;
}

function helloOf(state: HelloState): ClientHello {
  if (state.kind !== 'hello') assert.fail(JSON.stringify(state));
  return state.hello;
}

const full = message(
  serverName('A.test.'),
  extension(10, vector(2, [0x11, 0xec, 0, 29])),
  extension(13, vector(2, [4, 3, 8, 4])),
  extension(35, Buffer.from('key name of 16 bytes and the rest')),
  extension(16, vector(2, vector(1, Buffer.from('h2')), vector(1, Buffer.from('http/1.1')))),
  extension(43, vector(1, [3, 4, 3, 3])),
  extension(0x4a4a),
);

const expected: ClientHello = {
  serverName: 'A.test.',
  ciphers: [0x1301, 0xff],
  groups: [0x11ec, 29],
  alpn: ['h2', 'http/1.1'],
  versions: [0x304, 0x303],
  sigalgs: [0x0403, 0x0804],
  takesTicket: true,
  ticketName: 'key name of 16 b',
};

for (const step of [1, 2, 7, 100, 10_000]) {
  for (const recordSize of [1, 3, 50, 16_384]) {
    test(`a hello in pieces of ${step} and records of ${recordSize} is read`, () => {
      assert.deepEqual(helloOf(read(records(full, recordSize), step)), expected);
    });
  }
}

test('what Node itself sends is read', async (t) => {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const client = connect({
    host: '127.0.0.1',
    port: address.port,
    servername: 'a.test',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
  });
  client.on('error', () => undefined);
  const [raw] = await accepted;
  t.after(() => {
    client.destroy();
    raw.destroy();
    server.close();
  });
  const reader = new ClientHelloReader();
  let state: HelloState = { kind: 'incomplete' };
  while (state.kind === 'incomplete') {
    const [chunk] = (await once(raw, 'data')) as [Buffer];
    state = reader.push(chunk);
  }
  const hello = helloOf(state);
  assert.equal(hello.serverName, 'a.test');
  assert.deepEqual(hello.alpn, ['http/1.1']);
  assert.ok(hello.versions.includes(0x304));
  assert.ok(hello.ciphers.includes(0x1301));
  assert.ok(hello.groups.includes(29));
});

test('a hello without extensions is read', () => {
  const bare = message().subarray(0, -2);
  bare.writeUIntBE(bare.length - 4, 1, 3);
  assert.deepEqual(helloOf(read(records(bare))), {
    serverName: '',
    ciphers: [0x1301, 0xff],
    groups: [],
    alpn: [],
    versions: [0x303],
    sigalgs: [],
    takesTicket: false,
    ticketName: '',
  });
});

const age = Buffer.alloc(4);
const binders = vector(2, vector(1, Buffer.alloc(32)));

function identities(...names: string[]): Buffer {
  const list = names.map((name) => Buffer.concat([vector(2, Buffer.from(name)), age]));
  return extension(41, vector(2, ...list), binders);
}

test('the key name of a ticket is that of the first identity of TLS 1.3', () => {
  const name = (...extensions: Buffer[]): string =>
    helloOf(read(records(message(...extensions)))).ticketName;
  const ticket = extension(35, Buffer.from('the ticket of TLS 1.2'));
  assert.equal(name(identities('first key name 1 and more', 'another')), 'first key name 1');
  assert.equal(name(ticket, identities('first key name 1 and more')), 'first key name 1');
  assert.equal(name(ticket, identities('short')), 'the ticket of TL');
  assert.equal(name(identities('short')), '');
  assert.equal(name(extension(35)), '');
  assert.equal(helloOf(read(records(message(extension(35))))).takesTicket, true);
});

test('plain text is told apart by its first byte', () => {
  assert.equal(read(Buffer.from('G')).kind, 'plain');
  assert.equal(read(Buffer.from('\r\nGET / HTTP/1.1\r\n')).kind, 'plain');
});

const malformed: readonly (readonly [string, Buffer])[] = [
  ['an SSLv2 hello', Buffer.of(0x80, 0x2e, 1, 3, 1)],
  [
    'another kind of record after the first',
    Buffer.concat([records(full, 10).subarray(0, 15), Buffer.of(23, 3, 3, 0, 1, 0)]),
  ],
  ['another version of the record layer', Buffer.of(22, 2, 0, 0, 1, 1)],
  ['an empty record', Buffer.of(22, 3, 1, 0, 0)],
  ['a record above the limit', Buffer.of(22, 3, 1, 0x40, 1)],
  ['another message than a ClientHello', records(Buffer.of(2, 0, 0, 0))],
  ['a message above the limit', records(Buffer.of(1, 1, 0, 0))],
  [
    'two server names in one list',
    records(message(extension(0, vector(2, [0, 0, 1, 97], [0, 0, 1, 98])))),
  ],
  ['the server name twice', records(message(serverName('a.test'), serverName('b.test')))],
  ['a server name of another type', records(message(extension(0, vector(2, [1, 0, 1, 97]))))],
  ['an empty server name', records(message(serverName('')))],
  ['a server name that is too long', records(message(serverName('a'.repeat(256))))],
  ['NUL in the server name', records(message(serverName('a.test\0.evil.test')))],
  ['an extension longer than the hello', records(message(Buffer.of(0, 0, 0, 9, 0)))],
  ['bytes after the end of an extension', records(message(extension(10, vector(2, [0, 29]), [0])))],
  ['an odd list of groups', records(message(extension(10, vector(2, [0, 29, 0]))))],
  ['an odd list of signature schemes', records(message(extension(13, vector(2, [4, 3, 8]))))],
  ['an empty list of signature schemes', records(message(extension(13, vector(2))))],
  ['identities longer than their list', records(message(extension(41, [0, 9, 0, 8, 1, 1])))],
  ['an empty name of a protocol', records(message(extension(16, vector(2, [0, 0]))))],
];

for (const [name, bytes] of malformed) {
  test(`${name} is an error`, () => {
    assert.equal(read(bytes).kind, 'error');
    assert.equal(read(bytes, 1).kind, 'error');
  });
}

test('a hello that never ends is given up', () => {
  const reader = new ClientHelloReader();
  const head = Buffer.concat([Buffer.of(22, 3, 1), vector(2, Buffer.of(1, 0, 0x7f, 0xff))]);
  let state = reader.push(head);
  const filler = records(Buffer.alloc(1000), 1);
  while (state.kind === 'incomplete') {
    assert.ok(reader.bytes.length <= largestHello);
    state = reader.push(filler);
  }
  assert.deepEqual(state, { kind: 'error', reason: 'too large' });
});

test('every shortened hello is incomplete, and no changed byte makes the reader throw', () => {
  const bytes = records(full);
  for (let length = 1; length < bytes.length; length++) {
    assert.equal(read(bytes.subarray(0, length)).kind, 'incomplete');
  }
  for (let at = 0; at < bytes.length; at++) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const changed = Buffer.from(bytes);
      changed[at] = value;
      read(changed);
    }
  }
});
