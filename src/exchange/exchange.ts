// The record of one request and its response, from the first byte of the head to the log line.
// One fixed shape: every field is set in the constructor, in this order, and keeps its type, so
// that all code that touches it stays monomorphic.

import type { Fields } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { Fields as FieldList } from '../http1/fields.ts';
import type { Downstream, ExchangeOwner } from './downstream.ts';
import type { Handler } from './handler.ts';
import type { UpstreamTry } from './upstream-try.ts';

/** What lower rooms know of the virtual server and location; the full types live in `server/`. */
export interface ServerFacts {
  /** The first name of `server_name`. */
  readonly name: string;
}

/** Opaque to this room. */
export interface LocationFacts {
  readonly name: string;
  readonly documentRoot: ((x: Exchange) => string) | null;
  /** The path of the file that a request maps to (`$request_filename`). */
  readonly requestFilename: ((x: Exchange) => string) | null;
}

/** A request body that was read whole: it can be sent again, also after an internal redirect. */
export interface StoredBody {
  readonly length: number;
  /** The whole body where it is in memory, else null. */
  readonly inMemory: readonly Buffer[] | null;
  append(chunk: Buffer): void;
  /** Some bytes from `position` on; empty at the end. */
  read(position: number): Buffer;
  close(): void;
}

/** What an exchange begins with. */
export interface ExchangeStart {
  readonly request: RequestHead;
  readonly server: ServerFacts;
  readonly startedAt: number;
  /** Empty; for the fields of the response. */
  readonly fields: Fields;
}

const noHandlers: readonly Handler[] = [];

export class Exchange {
  readonly client: Downstream;
  /** Milliseconds since the epoch at the first byte of the request. */
  readonly startedAt: number;

  // ---- the request, as understood
  readonly request: RequestHead;
  method: string;
  /** Normalised and decoded path; one character is one byte. */
  uri: string;
  args: string;
  /** Lower-case host without port, or the server's name. */
  host: string;
  /** The client's own target still says what is meant: no rewrite or redirect changed it. */
  targetValid: boolean;
  bodyLength: number;
  bodyChunked: boolean;
  /** The body, once a handler has begun to read it into a store. */
  storedBody: StoredBody | null;
  /** Bytes of head and body that the client sent. */
  requestLength: number;

  // ---- where it is
  server: ServerFacts;
  location: LocationFacts | null;
  handlers: readonly Handler[];
  phase: number;
  /** Positional captures of the last regular expression that matched. */
  captures: RegExpExecArray | null;
  /** Values of variables that the configuration defines (named captures). */
  slots: (string | null)[] | null;
  internal: boolean;
  redirects: number;
  /** Status that `error_page` fixed for the response, 0 for none. */
  fixedStatus: number;
  errorPageUsed: boolean;
  owner: ExchangeOwner | null;

  // ---- the response
  status: number;
  /** The upstream server's reason phrase; null: the usual one of the status. */
  reason: string | null;
  /** Server and Date are this proxy's own; false where `proxy_pass_header` lets the upstream's through. */
  ownServer: boolean;
  ownDate: boolean;
  contentType: string | null;
  /** -1: not known before the end. */
  contentLength: number;
  fields: Fields;
  /** Path of a Location that still has to be made absolute; it stands before all other fields. */
  redirectPath: string | null;
  headSent: boolean;
  /** The whole answer went out. */
  completed: boolean;
  /** Ended, in whichever way: logged and released. */
  finished: boolean;
  keepAlive: boolean;
  chunked: boolean;
  bytesSent: number;
  bodyBytesSent: number;

  // ---- behind the proxy
  tries: UpstreamTry[] | null;
  upstreamHead: ResponseHead | null;
  /** `$proxy_host`, `$proxy_port` of the location that passed the request on. */
  proxyHost: string;
  proxyPort: string;
  requestId: string | null;

  constructor(client: Downstream, start: ExchangeStart) {
    const { request } = start;
    this.client = client;
    this.startedAt = start.startedAt;
    this.request = request;
    this.method = request.method;
    this.uri = '';
    this.args = request.query;
    this.host = '';
    this.targetValid = true;
    this.bodyLength = request.contentLength;
    this.bodyChunked = request.chunked;
    this.storedBody = null;
    this.requestLength = request.bytes;
    this.server = start.server;
    this.location = null;
    this.handlers = noHandlers;
    this.phase = 0;
    this.captures = null;
    this.slots = null;
    this.internal = false;
    this.redirects = 0;
    this.fixedStatus = 0;
    this.errorPageUsed = false;
    this.owner = null;
    this.status = 0;
    this.reason = null;
    this.ownServer = true;
    this.ownDate = true;
    this.contentType = null;
    this.contentLength = -1;
    this.fields = start.fields;
    this.redirectPath = null;
    this.headSent = false;
    this.completed = false;
    this.finished = false;
    this.keepAlive = request.keepAlive;
    this.chunked = false;
    this.bytesSent = 0;
    this.bodyBytesSent = 0;
    this.tries = null;
    this.upstreamHead = null;
    this.proxyHost = '';
    this.proxyPort = '';
    this.requestId = null;
  }

  /** The body is lost: what follows is done as if there were none. */
  dropBody(): void {
    this.storedBody?.close();
    this.storedBody = null;
    this.bodyLength = -1;
    this.bodyChunked = false;
  }

  /** Forgets a response that was prepared but not sent. */
  resetResponse(): void {
    this.fields = new FieldList();
    this.redirectPath = null;
    this.reason = null;
    this.ownServer = true;
    this.ownDate = true;
    this.contentType = null;
    this.contentLength = -1;
  }

  /** Has the request a body, as its framing says? */
  get hasBody(): boolean {
    return this.bodyChunked || this.bodyLength > 0;
  }
}
