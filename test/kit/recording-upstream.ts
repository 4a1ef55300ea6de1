// The server behind the proxy under test. It writes down exactly what it receives and answers what
// the test scripted, including nothing, half an answer or nonsense. Plain or TLS, on a port or a
// unix socket.

import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { TLSSocket, createServer as createTlsServer } from 'node:tls';
import type { TlsOptions } from 'node:tls';
import { freePort } from './ports.ts';
import { RequestReader } from './request-reader.ts';
import type { RecordedRequest, TlsFacts } from './request-reader.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';
import { formatAnswer } from './upstream-answer.ts';
import type { Answer } from './upstream-answer.ts';

export type { RecordedRequest, TlsFacts } from './request-reader.ts';
export type { Answer } from './upstream-answer.ts';

/**
 * Called for each complete request; without a result nothing is sent but what it wrote itself. To
 * take the connection over (an upgrade), it removes the socket's `data` listeners.
 */
export type Script = (
  request: RecordedRequest,
  socket: Socket,
) => Answer | undefined | Promise<Answer | undefined>;

export interface UpstreamOptions {
  /** Default: a free port on 127.0.0.1. */
  readonly port?: number;
  readonly host?: string;
  readonly socketPath?: string;
  /** Speaks TLS with these options: `cert`, `key`, and for client certificates `requestCert`, `ca`. */
  readonly tls?: TlsOptions;
  readonly answer?: Answer | Script;
  /** Called for each raw connection before anything is read: to speak first, or to drop it. */
  readonly onConnection?: (socket: Socket) => void;
}

export class RecordingUpstream {
  /** All requests in the order in which their heads arrived. */
  readonly requests: RecordedRequest[] = [];
  /** Handshakes that failed, in order. */
  readonly tlsErrors: Error[] = [];
  /** What to answer; may be changed between requests. */
  answer: Answer | Script;
  /** 0 on a unix socket. */
  port = 0;
  /** As a configuration writes it: `127.0.0.1:PORT` or `unix:/path`. */
  address = '';
  /** How many connections have been accepted (with TLS: whose handshake succeeded). */
  connectionCount = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(options: UpstreamOptions) {
    this.answer = options.answer ?? {};
    this.#server = options.tls === undefined ? createServer() : createTlsServer(options.tls);
    const event = options.tls === undefined ? 'connection' : 'secureConnection';
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.setNoDelay(true);
      options.onConnection?.(socket);
    });
    this.#server.on(event, (socket: Socket) => this.#serve(socket));
    this.#server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
      this.tlsErrors.push(error);
      socket.destroy();
    });
  }

  /** Listens; closed at the end of `scope`. */
  static async start(options: UpstreamOptions = {}, scope?: Scope): Promise<RecordingUpstream> {
    const upstream = new RecordingUpstream(options);
    atEnd(scope, () => upstream.close());
    await upstream.#listen(options);
    return upstream;
  }

  /** The only request received so far; throws where there are none or several. */
  get onlyRequest(): RecordedRequest {
    const [request] = this.requests;
    if (request === undefined || this.requests.length > 1) {
      throw new Error(`${this.requests.length} requests were received, not one`);
    }
    return request;
  }

  /** Forgets what was recorded. Connections stay open and go on counting. */
  clear(): void {
    this.requests.length = 0;
    this.tlsErrors.length = 0;
  }

  /** Drops all connections that are open, as a restarted server does; goes on listening. */
  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): Promise<void> {
    this.dropConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #listen(options: UpstreamOptions): Promise<void> {
    const { socketPath, host = '127.0.0.1' } = options;
    this.port = socketPath === undefined ? (options.port ?? (await freePort())) : 0;
    this.address = socketPath === undefined ? `${host}:${this.port}` : `unix:${socketPath}`;
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      const place = socketPath === undefined ? { port: this.port, host } : { path: socketPath };
      this.#server.listen(place, resolve);
    });
  }

  #serve(socket: Socket): void {
    this.connectionCount += 1;
    socket.on('error', () => undefined);
    const reader = new RequestReader(this.connectionCount, tlsFacts(socket));
    let busy = Promise.resolve();
    socket.on('data', (chunk: Buffer) => {
      for (const { request, isNew } of reader.feed(chunk)) {
        if (isNew) this.requests.push(request);
        if (request.complete) busy = busy.then(() => this.#reply(request, socket));
      }
    });
  }

  async #reply(request: RecordedRequest, socket: Socket): Promise<void> {
    const answer =
      typeof this.answer === 'function' ? await this.answer(request, socket) : this.answer;
    if (answer === undefined || socket.destroyed) return;
    socket.write(formatAnswer(answer, request.method));
    if (answer.close ?? wantsClose(request)) socket.end();
  }
}

function wantsClose(request: RecordedRequest): boolean {
  const connection = request.headerAll('connection').join(',').toLowerCase();
  if (connection.includes('close')) return true;
  return request.version === 'HTTP/1.0' && !connection.includes('keep-alive');
}

function tlsFacts(socket: Socket): TlsFacts | null {
  if (!(socket instanceof TLSSocket)) return null;
  const serverName: unknown = socket.servername;
  const subject = socket.getPeerX509Certificate()?.subject;
  return {
    serverName: typeof serverName === 'string' && serverName !== '' ? serverName : null,
    clientName: /^CN=(.*)$/m.exec(subject ?? '')?.[1] ?? null,
    clientVerified: socket.authorized,
    reused: socket.isSessionReused(),
    protocol: socket.getProtocol(),
    cipher: socket.getCipher().name,
  };
}
