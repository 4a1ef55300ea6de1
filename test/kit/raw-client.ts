// An HTTP client that sends exactly the bytes it is told to, over TCP, TLS or a unix socket, and
// shows exactly the bytes of the answer. `request` for one request on its own connection,
// `RawConnection` for keepalive, pipelining, half-sent requests and upgrades.

import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';
import { framingOf, headerValue, readBody, readHead } from './message.ts';
import type { Framing, Head, HeaderLines } from './message.ts';
import { ReceivedBytes } from './received-bytes.ts';

/** Where to connect: a port (on 127.0.0.1 unless `host` says otherwise) or a unix socket. */
export interface Target {
  readonly port?: number;
  readonly host?: string;
  readonly socketPath?: string;
  /** Where to connect from. */
  readonly localAddress?: string;
  /** TLS with these options; give `ca` and `servername`. Default: plain. */
  readonly tls?: ConnectionOptions;
  /** Milliseconds after which any wait on the connection fails. Default 5000. */
  readonly limitMs?: number;
}

/** One response. `raw` is what came on the wire; `body` has the chunked coding undone. */
export interface RawResponse {
  readonly statusLine: string;
  readonly version: string;
  readonly status: number;
  readonly reason: string;
  readonly headers: HeaderLines;
  readonly body: Buffer;
  readonly trailers: HeaderLines;
  readonly framing: Framing['kind'];
  readonly raw: Buffer;
  /** Responses of class 1xx that came before it (not 101, which is final). */
  readonly interim: readonly Head[];
}

/** A connection to the proxy under test. */
export class RawConnection {
  readonly socket: Socket;
  readonly received: ReceivedBytes;

  private constructor(socket: Socket, limitMs: number) {
    this.socket = socket;
    this.received = new ReceivedBytes(socket, limitMs);
  }

  /** Connects, with TLS until the handshake is done. Rejects where that fails. */
  static async open(target: Target): Promise<RawConnection> {
    const socket = dial(target);
    const connection = new RawConnection(socket, target.limitMs ?? 5000);
    await new Promise<void>((resolve, reject) => {
      socket.once(target.tls === undefined ? 'connect' : 'secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('closed before the connection was open')));
    });
    return connection;
  }

  /** Sends bytes; text is taken as latin1. Resolves when the kernel has them. */
  send(bytes: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
      this.socket.write(data, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
  }

  /** Sends in pieces of `size` bytes with a pause, so that each is likely its own segment. */
  async sendInPieces(bytes: string | Buffer, size = 1, pauseMs = 2): Promise<void> {
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    for (let at = 0; at < data.length; at += size) {
      await this.send(data.subarray(at, at + size));
      await sleep(pauseMs);
    }
  }

  /** The next final response. `method`: of its request, because HEAD has no body. Default GET. */
  response(method = 'GET'): Promise<RawResponse> {
    return this.received.until('a complete response', (bytes, ended) => {
      const found = readResponse(bytes, method, ended);
      if ('atLeast' in found) {
        this.received.expect(found.atLeast);
        return null;
      }
      this.received.take(found.length);
      return found.response;
    });
  }

  /** The next responses, one for each method. */
  async responses(methods: readonly string[]): Promise<RawResponse[]> {
    const answers: RawResponse[] = [];
    for (const method of methods) answers.push(await this.response(method));
    return answers;
  }

  /** Sends a well-formed request and reads its response. */
  async request(options: RequestOptions = {}): Promise<RawResponse> {
    await this.send(formatRequest(options));
    return this.response(options.method);
  }

  /** Takes exactly `length` bytes: for upgraded connections and tunnels. */
  bytes(length: number): Promise<Buffer> {
    return this.received.until(`${length} bytes`, (rest) =>
      rest.length < length ? null : this.received.take(length),
    );
  }

  /** Waits until the other side closes; gives all bytes that came and were not taken. */
  async closed(): Promise<Buffer> {
    await this.received.until('the close', (_, ended) => (ended ? true : null));
    return this.received.take(Infinity);
  }

  /** Sends the end, and goes on reading. */
  end(): void {
    this.socket.end();
  }

  /** Drops the connection. */
  close(): void {
    this.socket.destroy();
  }

  /** Drops a plain connection with a TCP reset. */
  reset(): void {
    this.socket.resetAndDestroy();
  }
}

/** What to ask for. Without `headers` the only header is `Host: localhost`. */
export interface RequestOptions {
  readonly method?: string;
  /** The request target as it is to be sent. Default `/`. */
  readonly path?: string;
  readonly version?: '1.0' | '1.1';
  /** Sent in this order and case. `Host` and the body's framing are added where they are missing. */
  readonly headers?: HeaderLines | Readonly<Record<string, string>>;
  /** Sent with Content-Length, or chunked where the headers say so. */
  readonly body?: string | Buffer;
}

/** The bytes of a request. */
export function formatRequest(options: RequestOptions): Buffer {
  const { method = 'GET', path = '/', version = '1.1', body } = options;
  const headers: HeaderLines = headerLines(options.headers);
  if (headerValue(headers, 'host') === undefined) headers.unshift(['Host', 'localhost']);
  const content = Buffer.from(body ?? '');
  const framing = framingOf(headers, { kind: 'none' });
  if (body !== undefined && framing.kind === 'none') {
    headers.push(['Content-Length', String(content.length)]);
  }
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = Buffer.from(`${method} ${path} HTTP/${version}\r\n${lines}\r\n`, 'latin1');
  return Buffer.concat([head, framing.kind === 'chunked' ? chunked(content) : content]);
}

/** One request on a connection of its own, which is dropped after the response. */
export async function request(options: Target & RequestOptions): Promise<RawResponse> {
  const connection = await RawConnection.open(options);
  try {
    return await connection.request(options);
  } finally {
    connection.close();
  }
}

/** Sends exact bytes on a new connection; gives everything that comes until the other side closes. */
export async function exchange(target: Target, bytes: string | Buffer): Promise<Buffer> {
  const connection = await RawConnection.open(target);
  try {
    await connection.send(bytes);
    return await connection.closed();
  } finally {
    connection.close();
  }
}

/** Header lines from lines or from a record. */
export function headerLines(
  headers: HeaderLines | Readonly<Record<string, string>> | undefined,
): HeaderLines {
  if (headers === undefined) return [];
  return Array.isArray(headers) ? [...headers] : Object.entries(headers);
}

/** Chunked coding with a single chunk. */
export function chunked(content: Buffer): Buffer {
  if (content.length === 0) return Buffer.from('0\r\n\r\n');
  const size = Buffer.from(`${content.length.toString(16)}\r\n`);
  return Buffer.concat([size, content, Buffer.from('\r\n0\r\n\r\n')]);
}

function dial(target: Target): Socket {
  const { port, socketPath, localAddress, host = '127.0.0.1', tls } = target;
  const from = localAddress === undefined ? {} : { localAddress };
  const socket =
    socketPath !== undefined
      ? connectTcp({ path: socketPath, noDelay: true })
      : connectTcp({ port: port ?? 0, host, noDelay: true, ...from });
  return tls === undefined ? socket : connectTls({ rejectUnauthorized: true, ...tls, socket });
}

interface Read {
  readonly response: RawResponse;
  readonly length: number;
}

function readResponse(bytes: Buffer, method: string, ended: boolean): Read | { atLeast: number } {
  const interim: Head[] = [];
  let at = 0;
  for (;;) {
    const head = readHead(bytes.subarray(at));
    if (head === null) return { atLeast: bytes.length + 1 };
    at += head.raw.length;
    const [version = '', code = '', ...words] = head.startLine.split(' ');
    const status = Number(code);
    if (status >= 100 && status < 200 && status !== 101) {
      interim.push(head);
      continue;
    }
    const framing = responseFraming(head, status, method);
    const body = readBody(bytes, at, framing, ended);
    if ('atLeast' in body) return body;
    const response = {
      statusLine: head.startLine,
      version,
      status,
      reason: words.join(' '),
      headers: head.headers,
      body: body.content,
      trailers: body.trailers,
      framing: framing.kind,
      raw: bytes.subarray(0, body.end),
      interim,
    };
    return { response, length: body.end };
  }
}

// RFC 9112, 6.3: these have no body whatever their headers say.
function responseFraming(head: Head, status: number, method: string): Framing {
  const bodiless = status === 101 || status === 204 || status === 304;
  if (method === 'HEAD' || bodiless) return { kind: 'none' };
  if (method === 'CONNECT' && status >= 200 && status < 300) return { kind: 'none' };
  return framingOf(head.headers, { kind: 'close' });
}
