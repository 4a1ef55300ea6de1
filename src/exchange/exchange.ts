// The record of one request and its response, from the first byte of the head to the log line.
// One fixed shape: every field is set in the constructor, in this order, and keeps its type, so
// that all code that touches it stays monomorphic.

import type { Fields } from '../http1/fields.ts';
import type { RequestHead } from '../http1/request-head.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import { Fields as FieldList } from '../http1/fields.ts';
import type { BodyFilter } from './body-filter.ts';
import type { Downstream, ExchangeOwner } from './downstream.ts';
import type { Ending } from './ending.ts';
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
  /** Is all of it in memory? */
  readonly inMemory: boolean;
  /** The whole body, where it is in memory. */
  parts(): readonly Buffer[];
  /** Head and body in one piece, if they are; never where several requests have the same body. */
  precededBy?(head: string): Buffer | null;
  /** Of a file that keeps its name while the request lasts; else null. */
  readonly fileName?: string | null;
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
  /** `rewrite` gave it another URI, for which a location has still to be found. */
  uriChanged: boolean;
  /** The URI begins with the location's name; false after `rewrite … break`. */
  locationValid: boolean;
  /** No `rewrite` of this level has matched yet: `set` and `if` see captures escaped. */
  quotesCaptures: boolean;
  /** `try_files` found a file below an alias of a regular expression: it adds to the alias. */
  addsUriToAlias: boolean;
  /** Address and port of the client; `set_real_ip_from` may take them from a field. */
  remoteAddress: string;
  remotePort: number;
  bodyLength: number;
  bodyChunked: boolean;
  /** The body, once a handler has begun to read it into a store. */
  storedBody: StoredBody | null;
  /** Bytes of head and body that the client sent. */
  requestLength: number;
  /** It had begun to arrive before the response to the one before it was complete. */
  pipelined: boolean;

  // ---- where it is
  /** The exchange that it is a subrequest of; null for those of clients. */
  parent: Exchange | null;
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
  /** No further `error_page` is followed: one was, where `recursive_error_pages` is off. */
  errorPagesOver: boolean;
  /** `satisfy any`: -1 before a check has spoken, 0 let through, else the status of a refusal. */
  accessCode: number;
  /** What `limit_req` and `limit_conn` said of it; 0 before they were asked. */
  requestLimit: number;
  connectionLimit: number;
  owner: ExchangeOwner | null;
  /** What is given back at its end. */
  endings: Ending | null;

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
  /** A file: parts of it may be asked for. */
  allowRanges: boolean;
  fields: Fields;
  /** Path of a Location that still has to be made absolute; it stands before all other fields. */
  redirectPath: string | null;
  /** The header filters have run. */
  headFiltered: boolean;
  /** `gzip_vary` has added its field: more than one feature asks for it. */
  saysVary: boolean;
  headSent: boolean;
  /** The whole answer went out. */
  completed: boolean;
  /** Ended, in whichever way: logged and released. */
  finished: boolean;
  keepAlive: boolean;
  chunked: boolean;
  /** The answer has no body: with it the connection becomes a tunnel (CONNECT). */
  tunnels: boolean;
  /** Field lines that follow the body, which is sent in chunks then. */
  trailerLines: ((x: Exchange) => string) | null;
  /** What changes the body on its way; null for nearly all. Put in by header filters. */
  filters: BodyFilter[] | null;
  /** The lines that followed the body. */
  sentTrailers: string;
  /** Bytes per second that `set $limit_rate` asks for; -1 where nothing did, 0 for no limit. */
  limitRate: number;
  bytesSent: number;
  bodyBytesSent: number;

  // ---- behind the proxy
  tries: UpstreamTry[] | null;
  upstreamHead: ResponseHead | null;
  /** Fields after the body of its response. */
  upstreamTrailers: Fields | null;
  /** Lines of its fields that came from the upstream; those after them were added here. */
  upstreamFields: number;
  /** `$proxy_host`, `$proxy_port` of the location that passed the request on. */
  proxyHost: string;
  proxyPort: string;
  /** Bytes of the body that went upstream, -1 in chunks, -2 where there is or was none. */
  passedBody: number;
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
    this.uriChanged = false;
    this.locationValid = true;
    this.quotesCaptures = false;
    this.addsUriToAlias = false;
    this.remoteAddress = client.remoteAddress;
    this.remotePort = client.remotePort;
    this.bodyLength = request.contentLength;
    this.bodyChunked = request.chunked;
    this.storedBody = null;
    this.requestLength = request.bytes;
    this.pipelined = false;
    this.parent = null;
    this.server = start.server;
    this.location = null;
    this.handlers = noHandlers;
    this.phase = 0;
    this.captures = null;
    this.slots = null;
    this.internal = false;
    this.redirects = 0;
    this.fixedStatus = 0;
    this.errorPagesOver = false;
    this.accessCode = -1;
    this.requestLimit = 0;
    this.connectionLimit = 0;
    this.owner = null;
    this.endings = null;
    this.status = 0;
    this.reason = null;
    this.ownServer = true;
    this.ownDate = true;
    this.contentType = null;
    this.contentLength = -1;
    this.allowRanges = false;
    this.fields = start.fields;
    this.redirectPath = null;
    this.headFiltered = false;
    this.saysVary = false;
    this.headSent = false;
    this.completed = false;
    this.finished = false;
    this.keepAlive = request.keepAlive;
    this.chunked = false;
    this.tunnels = false;
    this.trailerLines = null;
    this.filters = null;
    this.sentTrailers = '';
    this.limitRate = -1;
    this.bytesSent = 0;
    this.bodyBytesSent = 0;
    this.tries = null;
    this.upstreamHead = null;
    this.upstreamTrailers = null;
    this.upstreamFields = 0;
    this.proxyHost = '';
    this.proxyPort = '';
    this.passedBody = -2;
    this.requestId = null;
  }

  /** The client's own request, of which this is perhaps a subrequest. */
  get main(): Exchange {
    return this.parent === null ? this : this.parent.main;
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
    this.allowRanges = false;
    this.headFiltered = false;
    this.saysVary = false;
    this.trailerLines = null;
    this.filters = null;
  }

  /** Has something given back when it ends. */
  addEnding(ending: Ending): void {
    ending.next = this.endings;
    this.endings = ending;
  }

  /** Puts a filter at the end of those that the body passes. */
  addFilter(filter: BodyFilter): void {
    this.filters ??= [];
    this.filters.push(filter);
  }

  /** Has the request a body, as its framing says? */
  get hasBody(): boolean {
    return this.bodyChunked || this.bodyLength > 0;
  }
}
