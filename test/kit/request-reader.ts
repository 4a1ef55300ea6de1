// Turns the bytes of one connection into recorded requests, for the recording upstream.

import { framingOf, headerValue, headerValues, readBody, readHead } from './message.ts';
import type { Framing, HeaderLines } from './message.ts';

/** What the upstream knows of the TLS connection that a request came on. */
export interface TlsFacts {
  /** The server name that was sent (SNI); null where none was. */
  readonly serverName: string | null;
  /** The common name of the client certificate; null where none was presented. */
  readonly clientName: string | null;
  /** Whether the client certificate verified; only meaningful where one was requested. */
  readonly clientVerified: boolean;
  readonly reused: boolean;
  readonly protocol: string | null;
  readonly cipher: string;
}

/** One request as it was received. */
export interface RecordedRequest {
  readonly requestLine: string;
  readonly method: string;
  readonly target: string;
  readonly version: string;
  readonly headers: HeaderLines;
  /** The exact bytes of the head, with its empty line. */
  readonly rawHead: Buffer;
  /** The content, chunked coding undone; empty until `complete`. */
  body: Buffer;
  trailers: HeaderLines;
  readonly framing: Framing['kind'];
  /** False while the body is still coming, and for ever where it never came completely. */
  complete: boolean;
  /** Number of the connection, from 1, in the order in which they were accepted. */
  readonly connection: number;
  /** Null on a plain connection. */
  readonly tls: TlsFacts | null;
  /** The first value of a header. */
  header(name: string): string | undefined;
  /** All values of a header. */
  headerAll(name: string): string[];
}

/** A request that has made progress: its head has come, or all of it. */
interface Progress {
  readonly request: RecordedRequest;
  /** True the first time that it is handed out. */
  readonly isNew: boolean;
}

/**
 * Cuts one connection's bytes into requests. A request is handed out when its head is there and
 * again, complete, when its body is.
 */
export class RequestReader {
  readonly #connection: number;
  readonly #tls: TlsFacts | null;
  #bytes = Buffer.alloc(0);
  #open: { request: RecordedRequest; framing: Framing } | null = null;

  constructor(connection: number, tls: TlsFacts | null) {
    this.#connection = connection;
    this.#tls = tls;
  }

  feed(chunk: Buffer): Progress[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const progress: Progress[] = [];
    for (;;) {
      const isNew = this.#open === null;
      if (!this.#readHead()) return progress;
      const done = this.#readBody();
      if (done !== null) progress.push({ request: done, isNew });
      else {
        const open = this.#open;
        if (isNew && open !== null) progress.push({ request: open.request, isNew });
        return progress;
      }
    }
  }

  #readHead(): boolean {
    if (this.#open !== null) return true;
    const head = readHead(this.#bytes);
    if (head === null) return false;
    const [method = '', target = '', version = ''] = head.startLine.split(' ');
    const framing = framingOf(head.headers, { kind: 'none' });
    const request: RecordedRequest = {
      requestLine: head.startLine,
      method,
      target,
      version,
      headers: head.headers,
      rawHead: Buffer.from(head.raw),
      body: Buffer.alloc(0),
      trailers: [],
      framing: framing.kind,
      complete: false,
      connection: this.#connection,
      tls: this.#tls,
      header: (name) => headerValue(head.headers, name),
      headerAll: (name) => headerValues(head.headers, name),
    };
    this.#open = { request, framing };
    this.#bytes = this.#bytes.subarray(head.raw.length);
    return true;
  }

  #readBody(): RecordedRequest | null {
    const open = this.#open;
    if (open === null) return null;
    const body = readBody(this.#bytes, 0, open.framing, false);
    if ('atLeast' in body) return null;
    open.request.body = Buffer.from(body.content);
    open.request.trailers = body.trailers;
    open.request.complete = true;
    this.#bytes = this.#bytes.subarray(body.end);
    this.#open = null;
    return open.request;
  }
}
