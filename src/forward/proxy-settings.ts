// Everything that one location's `proxy_*` directives say, compiled. Frozen per snapshot.

import type { ConnectionBudget } from '../base/connection-budget.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { ConnectionPool } from '../upstream/pool.ts';
import type { ConnectTarget } from '../upstream/connect-target.ts';
import type { UpstreamGroup } from '../upstream/group.ts';
import type { Peer } from '../upstream/peer.ts';
import type { ReadBufferPool } from '../upstream/read-buffers.ts';
import type { RefusalBook } from '../upstream/refusals.ts';
import type { PendingDestination } from './pending-destination.ts';
import type { BodyStorage } from './request-spool.ts';
import type { TempFolder } from './temp-file.ts';
import type { UpstreamHeadTemplate } from './upstream-head.ts';

/** A group with the idle connections of this worker. */
export interface LiveGroup {
  readonly group: UpstreamGroup;
  readonly pool: ConnectionPool;
}

/** Where one request goes. For a URL without variables it is the same object for all requests. */
export interface Destination {
  readonly live: LiveGroup;
  readonly secure: boolean;
  /** `$proxy_host`: host of the URL, with its port unless that is the scheme's own. */
  readonly proxyHost: string;
  readonly proxyPort: string;
  /** Path and query as they go out; null where the client's target decides. */
  readonly uri: string | null;
  /** "http://name" for log lines. */
  readonly origin: string;
}

/**
 * Says where a request goes, or with which status it ends instead (the reason is logged), or that its
 * host has to be looked up first.
 */
export type Router = (x: Exchange) => Destination | PendingDestination | number;

/**
 * Gives the identity under which to connect to a peer for this request. Null: there is none, the
 * reason is logged, and the request ends with 502.
 */
export type Connector = (x: Exchange, peer: Peer, destination: Destination) => ConnectTarget | null;

/** `proxy_redirect`: rewrites Location and Refresh. Null: this rule does not match. */
export type RedirectRule = (value: string, x: Exchange, destination: Destination) => string | null;

/** Rewrites the value of a Set-Cookie; null: it stays as it is. */
export type CookieRewriter = (value: string, x: Exchange) => string | null;

/** Gives the target of a connection what its socket is to be opened with. */
export type SocketRule = (x: Exchange, target: ConnectTarget) => ConnectTarget;

/** What takes the place of parts of the client's request. */
export interface RequestReplacement {
  readonly method: Template | null;
  readonly body: Template | null;
  readonly passBody: boolean;
}

/** The `X-Accel-*` fields that are obeyed, as bits. */
export const Accel = { redirect: 1, limitRate: 2, buffering: 4, charset: 8 } as const;

export interface AccelSettings {
  /** Bits of `Accel`. */
  readonly obeyed: number;
  /** Charsets that the configuration names, in lower case. */
  readonly charsets: ReadonlySet<string>;
}

/** How an upstream server gets ahead of a slow client beyond `buffersBytes`. */
export interface OverflowSettings {
  readonly folder: TempFolder;
  /** Bytes in the temporary file; 0: there is none. */
  readonly maxBytes: number;
  /** Bytes written to it at once. */
  readonly writeBytes: number;
  /** Bytes of it that may be on their way to the client. */
  readonly busyBytes: number;
}

/** The part of a response that a client asked for; the end is excluded. */
export interface ResponseRange {
  readonly start: number;
  readonly end: number;
}

/**
 * `proxy_force_ranges`: which part to send. Called when the response is about to be sent; sets
 * status and fields. Null: all of it.
 */
export type RangePicker = (x: Exchange) => ResponseRange | 'unsatisfiable' | null;

/** `proxy_store`. */
export interface StoreSettings {
  /** The path of the copy. */
  readonly path: (x: Exchange) => string;
  /** Where it is written before it is complete. */
  readonly folder: TempFolder;
  readonly fileMode: number;
  readonly folderMode: number;
}

export interface HiddenFields {
  /** Indexed by known field id. */
  readonly ids: Uint8Array;
  /** Content-Type, which is written from the parsed head and so is in `ids` in any case. */
  readonly contentType: boolean;
  /** Lower-case names of others. */
  readonly names: ReadonlySet<string>;
}

export interface ProxySettings {
  readonly router: Router;
  readonly connector: Connector;
  readonly head: UpstreamHeadTemplate;
  /** Path and query for a request where the destination leaves it open. */
  readonly outgoingUri: (x: Exchange) => string;
  /** All times in milliseconds. */
  readonly connectTimeout: number;
  readonly sendTimeout: number;
  readonly readTimeout: number;
  readonly buffering: boolean;
  /** Limit of the response head, in bytes. */
  readonly bufferSize: number;
  /** Bytes that may wait for a slow client while `buffering`. */
  readonly buffersBytes: number;
  readonly overflow: OverflowSettings;
  readonly requestBuffering: boolean;
  /** Requests go out as HTTP/1.0, which has no chunks. */
  readonly http10: boolean;
  readonly bodyStorage: BodyStorage;
  /** Null: nothing is replaced. */
  readonly replaced: RequestReplacement | null;
  /** Null: the socket has no settings. */
  readonly socket: SocketRule | null;
  /** Bits of the conditions of `proxy_next_upstream`. */
  readonly retry: number;
  /** 0: no limit. */
  readonly retryTries: number;
  readonly retryTimeout: number;
  readonly ignoreClientAbort: boolean;
  readonly interceptErrors: boolean;
  readonly hidden: HiddenFields;
  readonly redirects: readonly RedirectRule[];
  readonly cookies: CookieRewriter | null;
  readonly accel: AccelSettings;
  /** Bytes per second that are read of a buffered response, 0 for no limit. */
  readonly limitRate: ((x: Exchange) => number) | null;
  readonly ranges: RangePicker | null;
  /** Field lines for the end of a body in chunks (`proxy_pass_trailers`). */
  readonly trailerLines: ((x: Exchange) => string) | null;
  readonly store: StoreSettings | null;
  /** Does this client want to see 103 Early Hints? */
  readonly earlyHints: ((x: Exchange) => boolean) | null;
  /** Servers that this location has refused. */
  readonly refusals: RefusalBook;
  readonly buffers: ReadBufferPool;
  /** The worker's. */
  readonly budget: ConnectionBudget;
}

/** What choosing servers and connecting to them needs. */
export type AttemptSettings = Pick<
  ProxySettings,
  | 'connector'
  | 'connectTimeout'
  | 'readTimeout'
  | 'socket'
  | 'retry'
  | 'retryTries'
  | 'retryTimeout'
  | 'ignoreClientAbort'
  | 'refusals'
  | 'buffers'
  | 'budget'
>;

/** A `proxy_set_header` line. */
export interface HeaderEdit {
  readonly name: string;
  readonly value: Template;
}
