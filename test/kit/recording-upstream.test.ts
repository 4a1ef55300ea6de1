import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { testPki } from './pki.ts';
import { RawConnection, exchange, request } from './raw-client.ts';
import { RecordingUpstream } from './recording-upstream.ts';
import { tempFolder } from './temp-folder.ts';

test('a request is recorded byte for byte', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const { port } = upstream;
  const response = await request({
    port,
    method: 'POST',
    path: '/a%20b?c',
    headers: [
      ['HOST', 'x'],
      ['X-Odd', '  a  b '],
      ['x-odd', 'c'],
    ],
    body: 'payload',
  });
  assert.equal(response.body.toString(), 'ok\n');
  const got = upstream.onlyRequest;
  assert.equal(got.requestLine, 'POST /a%20b?c HTTP/1.1');
  assert.equal(
    got.rawHead.toString(),
    'POST /a%20b?c HTTP/1.1\r\nHOST: x\r\nX-Odd:   a  b \r\nx-odd: c\r\nContent-Length: 7\r\n\r\n',
  );
  assert.deepEqual(got.headerAll('X-ODD'), ['a  b', 'c']);
  assert.equal(got.body.toString(), 'payload');
  assert.equal(got.complete, true);
  assert.equal(got.tls, null);
});

test('requests on one connection share its number, and pipelined ones are answered in order', async (t) => {
  const upstream = await RecordingUpstream.start(
    { answer: (received) => ({ body: received.target }) },
    t,
  );
  const { port } = upstream;
  const connection = await RawConnection.open({ port });
  await connection.send('GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n');
  const bodies = (await connection.responses(['GET', 'GET'])).map(({ body }) => body.toString());
  assert.deepEqual(bodies, ['/1', '/2']);
  connection.close();
  await request({ port, path: '/3' });
  assert.deepEqual(
    upstream.requests.map((received) => received.connection),
    [1, 1, 2],
  );
});

test('a request whose body does not come is recorded as incomplete', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const connection = await RawConnection.open({ port: upstream.port, limitMs: 100 });
  await connection.send('POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc');
  await assert.rejects(connection.response());
  connection.close();
  assert.equal(upstream.onlyRequest.complete, false);
});

test('exact bytes, early closes and connections taken over can be scripted', async (t) => {
  const upstream = await RecordingUpstream.start({ answer: { raw: 'nonsense', close: true } }, t);
  const target = { port: upstream.port };
  assert.equal((await exchange(target, 'GET / HTTP/1.1\r\n\r\n')).toString(), 'nonsense');
  upstream.answer = (_, socket) => {
    socket.end('taken over');
    return undefined;
  };
  assert.equal((await exchange(target, 'GET / HTTP/1.1\r\n\r\n')).toString(), 'taken over');
});

test('HTTP/1.0 and Connection: close end the connection after the answer', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const target = { port: upstream.port };
  const old = await exchange(target, 'GET / HTTP/1.0\r\n\r\n');
  const closing = await exchange(target, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n');
  assert.match(old.toString(), /ok\n$/);
  assert.deepEqual(closing, old);
});

test('it listens on a unix socket', async (t) => {
  const socketPath = join(tempFolder(t), 'up.sock');
  const upstream = await RecordingUpstream.start({ socketPath }, t);
  assert.equal(upstream.address, `unix:${socketPath}`);
  assert.equal((await request({ socketPath })).status, 200);
});

test('TLS facts are recorded: the name sent, the protocol, the client certificate', async (t) => {
  const pki = await testPki();
  const tls = { ...pki.a.tls, requestCert: true, rejectUnauthorized: false, ca: pki.ca };
  const upstream = await RecordingUpstream.start({ tls }, t);
  const { port } = upstream;
  await request({ port, tls: { ca: pki.ca, servername: 'a.test', ...pki.client.tls } });
  await request({ port, tls: { ca: pki.ca, servername: 'a.test', ...pki.untrustedClient.tls } });
  const [known, unknown] = upstream.requests.map((received) => received.tls);
  assert.equal(known?.serverName, 'a.test');
  assert.equal(known?.clientName, 'client');
  assert.equal(known?.clientVerified, true);
  assert.equal(known?.protocol, 'TLSv1.3');
  assert.equal(known?.reused, false);
  assert.equal(unknown?.clientName, 'untrusted client');
  assert.equal(unknown?.clientVerified, false);
});

test('a handshake that the client breaks off is recorded, and nothing is served', async (t) => {
  const pki = await testPki();
  const upstream = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const tls = { ca: pki.otherCa, servername: 'a.test' };
  await assert.rejects(request({ port: upstream.port, tls }), /unable to/);
  assert.equal(upstream.requests.length, 0);
});

test('dropped connections are closed, and new ones accepted', async (t) => {
  const upstream = await RecordingUpstream.start({}, t);
  const connection = await RawConnection.open({ port: upstream.port });
  await connection.request();
  upstream.dropConnections();
  await connection.closed();
  assert.equal((await request({ port: upstream.port })).status, 200);
  assert.equal(upstream.connectionCount, 2);
});
