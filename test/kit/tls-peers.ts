// TLS servers as the other end of a hop: Node's, OpenSSL's own, and whatever a socket can be made to
// say. Each tells whether it ever saw a byte of a request.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import type { CertificateFiles, Made } from './certificate-maker.ts';
import { freePort } from './ports.ts';
import { atEnd, type Scope } from './scope.ts';
import { tempFolder } from './temp-folder.ts';

/** A server that runs. */
export interface Peer {
  /** As a configuration writes it. */
  readonly address: string;
  /** Has it received a byte of a request, in clear or decrypted? */
  sawRequest(): boolean;
}

/** What every honest server answers `GET /page`. */
export const page = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello';

/** Listens for a peer on a free port until the end of `scope`. */
export async function listenForPeer(server: Server, scope: Scope): Promise<string> {
  const port = await freePort();
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.setNoDelay(true);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  atEnd(scope, () => {
    for (const socket of sockets) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return `127.0.0.1:${port}`;
}

/** Node's server. */
export interface NodePeer extends Peer {
  /** Of handshakes that came to an end, in order: was a session resumed? */
  readonly handshakes: readonly boolean[];
}

/** Starts one. `staple`: the OCSP response for clients that ask. */
export async function nodePeer(
  tls: TlsOptions,
  scope: Scope,
  staple: Buffer | null = null,
): Promise<NodePeer> {
  let bytes = 0;
  const handshakes: boolean[] = [];
  const server = createTlsServer(tls, (socket) => {
    handshakes.push(socket.isSessionReused());
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      socket.write(page);
    });
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  if (staple !== null) {
    server.on('OCSPRequest', (_certificate, _issuer, reply: (e: null, der: Buffer) => void) =>
      reply(null, staple),
    );
  }
  const address = await listenForPeer(server, scope);
  return { address, sawRequest: () => bytes > 0, handshakes };
}

/** What `node:tls` takes of a certificate. */
export function pairOf(one: Made): { cert: string; key: string } {
  return { cert: one.chainPem, key: one.keyPem };
}

/** What `openssl s_server` takes of a certificate. */
export function filesOf({ certificate, issuers, key }: CertificateFiles): string[] {
  const above = issuers === null ? [] : ['-cert_chain', issuers];
  return ['-cert', certificate, '-key', key, ...above];
}

/** OpenSSL's server; it serves the file `page`. */
export async function opensslPeer(args: readonly string[], scope: Scope): Promise<Peer> {
  const address = `127.0.0.1:${await freePort()}`;
  const folder = tempFolder(scope);
  writeFileSync(`${folder}/page`, 'hello');
  const child = spawn('openssl', ['s_server', '-accept', address, '-WWW', ...args], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const gone = once(child, 'exit');
  atEnd(scope, async () => {
    child.kill('SIGKILL');
    await gone;
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  await new Promise<void>((resolve, reject) => {
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('ACCEPT')) resolve();
    });
    child.once('exit', () => reject(new Error(`openssl s_server ended: ${text}`)));
  });
  // It says so before it answers.
  return { address, sawRequest: () => text.includes('FILE:') || text.includes('GET ') };
}

/** A socket and what the test does with it. `onBytes` gets everything that came so far. */
export async function rawPeer(
  script: {
    readonly onConnection?: (socket: Socket) => void;
    readonly onBytes?: (socket: Socket, bytes: Buffer) => void;
  },
  scope: Scope,
): Promise<Peer> {
  let all = Buffer.alloc(0);
  const server = createServer((socket) => {
    let bytes = Buffer.alloc(0);
    script.onConnection?.(socket);
    socket.on('data', (chunk: Buffer) => {
      all = Buffer.concat([all, chunk]);
      bytes = Buffer.concat([bytes, chunk]);
      script.onBytes?.(socket, bytes);
    });
  });
  return { address: await listenForPeer(server, scope), sawRequest: () => all.includes('GET ') };
}

/** Called for each connection: what becomes of the server's bytes. `end` closes behind them. */
export type Change = () => (chunk: Buffer, end: () => void) => Buffer;

/** Somebody on the way to `peer`, who changes what the server says. */
export async function relay(peer: Peer, change: Change, scope: Scope): Promise<Peer> {
  const port = Number(peer.address.split(':').at(-1));
  const server = createServer((client) => {
    const changed = change();
    const upstream = connect(port, '127.0.0.1');
    upstream.on('error', () => undefined);
    upstream.on('data', (chunk: Buffer) => {
      let last = false;
      const bytes = changed(chunk, () => (last = true));
      if (last) client.end(bytes);
      else if (!client.writableEnded) client.write(bytes);
    });
    upstream.on('close', () => client.destroy());
    client.on('data', (chunk: Buffer) => upstream.write(chunk));
    client.on('close', () => upstream.destroy());
  });
  return { address: await listenForPeer(server, scope), sawRequest: peer.sawRequest };
}
