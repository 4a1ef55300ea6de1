import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectPlain, createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import { pairFiles } from './certificates.test-kit.ts';
import type { Door } from './front-door.test-kit.ts';
import { leafB, openDoor, serverPolicy, serversOf, visit } from './front-door.test-kit.ts';
import { listen, root } from './upstream.test-kit.ts';

const policyA = serverPolicy();
const policyB = serverPolicy({
  id: 'b',
  certificates: [pairFiles(leafB)],
  protocols: ['TLSv1.2'],
});

function chooseByName(name: string): typeof policyA | null {
  if (name === 'b.test') return policyB;
  return name === 'nobody.test' ? null : policyA;
}

const trusting = { servername: 'a.test', ca: root.pem, rejectUnauthorized: true };

function knock(t: TestContext, door: Door): Socket {
  const socket = connectPlain(door.port, '127.0.0.1');
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  return socket;
}

test('the server name chooses certificate and protocols on one port', async (t) => {
  const door = await openDoor(t, chooseByName);
  const a = await visit(door);
  assert.equal(a.error, null);
  assert.deepEqual([a.peer, a.protocol, a.received], ['CN=a', 'TLSv1.3', 'secure']);
  const b = await visit(door, { servername: 'b.test' });
  assert.deepEqual([b.peer, b.protocol, b.received], ['CN=b', 'TLSv1.2', 'secure']);
  assert.equal((await door.next()).facts?.policyKey, policyA.key);
  assert.equal((await door.next()).facts?.policyKey, policyB.key);
});

test('the server name is asked for in lower case, without trailing dot, and empty for none', async (t) => {
  const door = await openDoor(t, chooseByName);
  for (const servername of ['B.Test', 'b.test.', '']) await visit(door, { servername });
  assert.deepEqual(door.asked, ['b.test', 'b.test', '']);
  assert.equal((await door.next()).facts?.serverName, 'b.test');
});

test('the facts tell what was offered and what was agreed', async (t) => {
  const door = await openDoor(t, chooseByName);
  await visit(door, {
    ALPNProtocols: ['h2', 'http/1.1'],
    ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
    ecdhCurve: 'X25519:P-256',
    minVersion: 'TLSv1.2',
  });
  const { facts } = await door.next();
  assert.equal(facts?.protocol, 'TLSv1.3');
  assert.equal(facts.cipher, 'TLS_AES_128_GCM_SHA256');
  assert.equal(facts.alpn, 'http/1.1');
  assert.deepEqual(facts.alpnOffered, ['h2', 'http/1.1']);
  assert.equal(facts.ciphersOffered, 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256');
  assert.equal(facts.curvesOffered, 'X25519:prime256v1');
  assert.deepEqual([facts.verify, facts.subject, facts.fingerprint], ['NONE', '', '']);
});

test('a client that offers only other protocols by ALPN is refused', async (t) => {
  const door = await openDoor(t, chooseByName);
  const { error } = await visit(door, { ALPNProtocols: ['h2'] });
  assert.match(error?.code ?? '', /NO_APPLICATION_PROTOCOL/);
  assert.equal((await door.next()).error?.code, 'CLIENT_TLS_FAILED');
});

// Passes bytes on in pieces of the given size, one segment each.
async function slowWay(t: TestContext, door: Door, size: number): Promise<number> {
  const between = createServer({ noDelay: true }, (client) => {
    const server = connectPlain({ port: door.port, host: '127.0.0.1', noDelay: true });
    server.on('error', () => client.destroy());
    server.pipe(client);
    const pass = async (bytes: Buffer): Promise<void> => {
      for (let at = 0; at < bytes.length; at += size) {
        server.write(bytes.subarray(at, at + size));
        await new Promise(setImmediate);
      }
    };
    let last = Promise.resolve();
    client.on('data', (bytes: Buffer) => {
      last = last.then(() => pass(bytes));
    });
    client.on('close', () => server.destroy());
  });
  return await listen(t, between);
}

for (const size of [1, 7, 100]) {
  test(`a handshake in pieces of ${size} bytes comes in`, async (t) => {
    const door = await openDoor(t, chooseByName);
    const port = await slowWay(t, door, size);
    const { received, error } = await visit(door, { port, servername: 'b.test' });
    assert.equal(error, null);
    assert.equal(received, 'secure');
  });
}

test('plain HTTP is handed over with all its bytes', async (t) => {
  const door = await openDoor(t, chooseByName);
  const client = knock(t, door);
  client.write('GET / HTTP/1.1\r\n');
  const { plain } = await door.next();
  assert.ok(plain !== null);
  client.write('Host: a.test\r\n\r\n');
  let text = '';
  for await (const chunk of plain) {
    text += String(chunk);
    if (text.endsWith('\r\n\r\n')) break;
  }
  assert.equal(text, 'GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
  assert.deepEqual(door.asked, []);
});

test('a name without a server is rejected with unrecognized_name', async (t) => {
  const door = await openDoor(t, chooseByName);
  const { error, received } = await visit(door, { servername: 'nobody.test' });
  assert.match(error?.code ?? '', /UNRECOGNIZED_NAME/);
  assert.equal(received, '');
  const { error: failure, raw } = await door.next();
  assert.equal(failure?.code, 'CLIENT_TLS_FAILED');
  assert.match(failure.message, /"nobody\.test"/);
  assert.ok(raw.destroyed);
});

test('a client that says nothing is dropped in time', async (t) => {
  const door = await openDoor(t, chooseByName, 100);
  const client = knock(t, door);
  const { error, raw } = await door.next();
  assert.match(error?.message ?? '', /timed out/);
  assert.ok(raw.destroyed);
  await once(client, 'close');
});

test('a client that stops in the middle of hello or handshake is dropped in time', async (t) => {
  const door = await openDoor(t, chooseByName, 100);
  knock(t, door).write(Buffer.of(22, 3, 1, 0, 200, 1));
  assert.match((await door.next()).error?.message ?? '', /timed out/);
  // The hello of a client that never answers the server's part.
  const hello = await helloBytes(t);
  knock(t, door).write(hello);
  const { error, raw } = await door.next();
  assert.match(error?.message ?? '', /timed out/);
  assert.ok(raw.destroyed);
  assert.deepEqual(door.asked, ['a.test']);
});

async function helloBytes(t: TestContext): Promise<Buffer> {
  const server = createServer();
  const port = await listen(t, server);
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const trap: Door = { port, asked: [], next: () => Promise.reject(new Error('no door')) };
  const visiting = visit(trap);
  const [raw] = await accepted;
  const chunks: Buffer[] = [];
  raw.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(raw, 'data');
  await new Promise((resolve) => setTimeout(resolve, 20));
  raw.destroy();
  await visiting;
  return Buffer.concat(chunks);
}

test('garbage after a hello fails the handshake and closes', async (t) => {
  const door = await openDoor(t, chooseByName);
  const client = knock(t, door);
  client.write(await helloBytes(t));
  client.write('garbage, garbage, garbage');
  const { error, raw } = await door.next();
  assert.equal(error?.code, 'CLIENT_TLS_FAILED');
  assert.ok(raw.destroyed);
});

test('a malformed hello closes', async (t) => {
  const door = await openDoor(t, chooseByName);
  const client = knock(t, door);
  client.write(Buffer.of(22, 3, 1, 0, 4, 2, 0, 0, 0));
  const { error, raw } = await door.next();
  assert.match(error?.message ?? '', /malformed ClientHello/);
  assert.ok(raw.destroyed);
});

test('a client that leaves before, in or after its hello is one failure', async (t) => {
  const door = await openDoor(t, chooseByName);
  const hello = await helloBytes(t);
  for (const bytes of [Buffer.alloc(0), hello.subarray(0, 50), hello]) {
    const client = knock(t, door);
    client.end(bytes);
    assert.equal((await door.next()).error?.code, 'CLIENT_TLS_FAILED');
    const resetting = knock(t, door);
    resetting.write(bytes, () => resetting.resetAndDestroy());
    assert.equal((await door.next()).error?.code, 'CLIENT_TLS_FAILED');
  }
});

test('a client that closes its half after the handshake still gets its answer', async (t) => {
  const door = await openDoor(t, chooseByName);
  const client = connectTls({ port: door.port, host: '127.0.0.1', ...trusting });
  t.after(() => client.destroy());
  let received = '';
  client.on('data', (bytes: Buffer) => (received += bytes.toString()));
  const { socket } = await door.next();
  assert.ok(socket !== null);
  socket.resume();
  client.end();
  await once(socket, 'end');
  socket.end(' and late');
  await once(client, 'end');
  assert.equal(received, 'secure and late');
});

test('an error after the handshake destroys the socket', async (t) => {
  const door = await openDoor(t, chooseByName);
  const visiting = visit(door);
  const { socket, raw } = await door.next();
  assert.ok(socket !== null);
  socket.emit('error', new Error('bad record'));
  assert.ok(socket.destroyed);
  await once(raw, 'close');
  await visiting;
});

test('a policy that cannot be had ends the handshake with an alert', async (t) => {
  const door = await openDoor(t, () => {
    throw new SallyportError('CERTIFICATE_INVALID', '"a.crt": no such file');
  });
  const { error } = await visit(door);
  assert.equal(error?.code, 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR');
  const arrival = await door.next();
  assert.deepEqual(
    [arrival.error?.code, arrival.error?.message],
    ['CERTIFICATE_INVALID', '"a.crt": no such file'],
  );
});

test('a defect while a policy is chosen costs this client alone', async (t) => {
  let broken = true;
  const door = await openDoor(t, () => {
    if (broken) throw new TypeError('a defect');
    return policyA;
  });
  assert.equal((await visit(door)).error?.code, 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR');
  const { error } = await door.next();
  assert.deepEqual([error?.code, error?.message], ['INTERNAL', 'TLS handshake: a defect']);
  broken = false;
  assert.equal((await visit(door)).received, 'secure');
});

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a ${version} ticket resumes with its own policy and with no other`, async (t) => {
    // Same certificate, keys and protocols: only the server block differs.
    const twin = serverPolicy({ id: 'twin' });
    const door = await openDoor(t, (name) => (name === 'a.test' ? policyA : twin));
    const first = await visit(door, { maxVersion: version });
    assert.ok(first.session !== null);
    const again = await visit(door, { maxVersion: version, session: first.session });
    assert.equal(again.reused, true);
    let current = policyA;
    const swapping = await openDoor(t, () => current);
    const own = await visit(swapping, { maxVersion: version });
    assert.ok(own.session !== null);
    current = twin;
    const other = await visit(swapping, { maxVersion: version, session: own.session });
    assert.deepEqual([other.reused, other.received], [false, 'secure']);
  });

  test(`the session id context alone keeps ${version} tickets of two policies apart`, async (t) => {
    const one = serverPolicy({ id: 'one' });
    const two = serverPolicy({ id: 'two' });
    const [from] = serversOf(one);
    const [to] = serversOf(two);
    assert.ok(from !== undefined && to !== undefined);
    to.setTicketKeys(from.getTicketKeys());
    let current = one;
    const door = await openDoor(t, () => current);
    const first = await visit(door, { maxVersion: version });
    assert.ok(first.session !== null);
    current = two;
    const other = await visit(door, { maxVersion: version, session: first.session });
    assert.deepEqual([other.reused, other.received], [false, 'secure']);
  });

  test(`a ${version} ticket of one worker resumes at another with the same keys`, async (t) => {
    let current = policyA;
    const door = await openDoor(t, () => current);
    const first = await visit(door, { maxVersion: version });
    assert.ok(first.session !== null);
    current = serverPolicy();
    assert.notEqual(serversOf(current)[0], serversOf(policyA)[0]);
    const again = await visit(door, { maxVersion: version, session: first.session });
    assert.equal(again.reused, true);
  });

  test(`without tickets nothing resumes over ${version}`, async (t) => {
    const without = serverPolicy({ sessionTickets: false });
    const door = await openDoor(t, () => without);
    const { session } = await visit(door, { maxVersion: version });
    const again = await visit(door, {
      maxVersion: version,
      ...(session === null ? {} : { session }),
    });
    assert.deepEqual([again.reused, again.received], [false, 'secure']);
  });
}
