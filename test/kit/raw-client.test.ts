import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { headerValues } from './message.ts';
import { freePort } from './ports.ts';
import { RawConnection, exchange, formatRequest, request } from './raw-client.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';

async function serve(scope: Scope, onSocket: (socket: Socket) => void): Promise<number> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  atEnd(scope, () => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return port;
}

/** Answers whatever comes with fixed bytes, cut into pieces. */
function answering(scope: Scope, ...pieces: string[]): Promise<number> {
  return serve(scope, (socket) => {
    socket.once('data', () => {
      for (const piece of pieces) socket.write(piece);
    });
  });
}

test('a response with Content-Length is read to its last byte and no further', async (t) => {
  const port = await answering(
    t,
    'HTTP/1.1 200 Fine\r\nX-A: 1\r\nx-a:2\r\nContent-Le',
    'ngth: 3\r\n\r\nabcdef',
  );
  const connection = await RawConnection.open({ port });
  await connection.send('GET / HTTP/1.1\r\n\r\n');
  const response = await connection.response();
  assert.equal(response.status, 200);
  assert.equal(response.reason, 'Fine');
  assert.deepEqual(headerValues(response.headers, 'X-A'), ['1', '2']);
  assert.equal(response.body.toString(), 'abc');
  assert.equal(response.raw.toString().endsWith('\r\n\r\nabc'), true);
  assert.equal((await connection.bytes(3)).toString(), 'def');
  connection.close();
});

test('chunks are joined, and trailers kept', async (t) => {
  const port = await answering(
    t,
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r',
    '\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r',
    '\n',
  );
  const response = await request({ port });
  assert.equal(response.body.toString(), 'abcde');
  assert.deepEqual(response.trailers, [['T', 'v']]);
  assert.equal(response.framing, 'chunked');
});

test('a response without length ends with the connection', async (t) => {
  const port = await serve(t, (socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nall of it'));
  const response = await request({ port });
  assert.equal(response.framing, 'close');
  assert.equal(response.body.toString(), 'all of it');
});

test('HEAD, 204 and 304 have no body, and interim responses come before the final one', async (t) => {
  const port = await answering(
    t,
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
    'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nz',
  );
  const connection = await RawConnection.open({ port });
  await connection.send('whatever');
  const responses = await connection.responses(['HEAD', 'GET', 'GET', 'GET']);
  assert.deepEqual(
    responses.map((response) => [response.status, response.body.toString()]),
    [
      [200, ''],
      [204, ''],
      [304, ''],
      [200, 'z'],
    ],
  );
  assert.equal(responses[3]?.interim[0]?.startLine, 'HTTP/1.1 103 Early Hints');
  connection.close();
});

test('a request is sent as it was written', () => {
  assert.equal(formatRequest({}).toString(), 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.equal(
    formatRequest({
      method: 'POST',
      path: '/x',
      headers: [
        ['hOST', 'b'],
        ['A', '1'],
        ['A', '2'],
      ],
      body: 'hé',
    }).toString(),
    'POST /x HTTP/1.1\r\nhOST: b\r\nA: 1\r\nA: 2\r\nContent-Length: 3\r\n\r\nhé',
  );
  assert.equal(
    formatRequest({
      method: 'PUT',
      headers: { 'Transfer-Encoding': 'chunked' },
      body: 'abc',
    }).toString(),
    'PUT / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  );
});

test('bytes sent in pieces arrive as they are, and the exchange ends with the close', async (t) => {
  const port = await serve(t, (socket) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      if (text.endsWith('!')) socket.end(`<${text}>`);
    });
  });
  const connection = await RawConnection.open({ port });
  await connection.sendInPieces('hello!');
  assert.equal((await connection.closed()).toString(), '<hello!>');
  assert.equal((await exchange({ port }, 'again!')).toString(), '<again!>');
});

test('a wait that is in vain fails and shows what had come', async (t) => {
  const port = await answering(t, 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort');
  await assert.rejects(request({ port, limitMs: 50 }), /did not come within 50 ms.*short/);
});

test('a connection that nobody accepts is an error, plain and with TLS', async () => {
  const port = await freePort();
  await assert.rejects(request({ port }), /ECONNREFUSED/);
  await assert.rejects(request({ port, tls: {} }), /ECONNREFUSED/);
});
