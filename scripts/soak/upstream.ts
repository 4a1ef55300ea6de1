// The server behind the proxy of a soak run: answers of all kinds, by path, over TLS. Node's own
// HTTP server, so that it has nothing in common with what is tested.

import { createServer } from 'node:https';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';

const body = Buffer.alloc(1_000_000, 'x');
const small = Buffer.alloc(100, 'y');

/** Listens on a port of its own choice; gives that port. */
export async function startUpstream(tls: { cert: string; key: string }): Promise<number> {
  const server = createServer(tls, answer);
  server.keepAliveTimeout = 3_000;
  server.on('upgrade', upgrade);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  (server as unknown as Server).unref();
  return (server.address() as AddressInfo).port;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const answers: Readonly<Record<string, Answer>> = {
  '/small': (_, response) => response.end(small),
  '/large': (_, response) => response.end(body),
  '/chunked': (_, response) => {
    for (let i = 0; i < 10; i += 1) response.write(body.subarray(0, 20_000));
    response.end();
  },
  '/reset': (request) => request.socket.destroy(),
  '/silent': () => undefined,
  '/short': (request, response) => {
    response.writeHead(200, { 'Content-Length': '1000' });
    response.write(small, () => request.socket.destroy());
  },
  '/early': (_, response) => response.writeHead(403, { Connection: 'close' }).end(small),
  '/error': (_, response) => response.writeHead(503).end(small),
};

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname } = new URL(request.url ?? '/', 'http://x');
  const known = answers[`/${pathname.split('/').at(-1) ?? ''}`];
  if (known !== undefined) {
    known(request, response);
    return;
  }
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => response.end(String(bytes)));
}

function upgrade(_: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
  socket.pipe(socket);
}
