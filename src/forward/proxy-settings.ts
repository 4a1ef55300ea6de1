// Everything that one location's `proxy_*` directives say, compiled. Frozen per snapshot.

import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { ConnectionPool } from '../upstream/pool.ts';
import type { ConnectTarget } from '../upstream/connection.ts';
import type { UpstreamGroup } from '../upstream/group.ts';
import type { Peer } from '../upstream/peer.ts';
import type { ReadBufferPool } from '../upstream/read-buffers.ts';
import type { RefusalBook } from '../upstream/refusals.ts';
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

/** Says where a request goes, or with which status it ends instead (the reason is logged). */
export type Router = (x: Exchange) => Destination | number;

/**
 * Gives the identity under which to connect to a peer for this request. Null: there is none, the
 * reason is logged, and the request ends with 502.
 */
export type Connector = (x: Exchange, peer: Peer, destination: Destination) => ConnectTarget | null;

/** `proxy_redirect`: rewrites Location and Refresh. Null: this rule does not match. */
export type RedirectRule = (value: string, x: Exchange, destination: Destination) => string | null;

export interface HiddenFields {
  /** Indexed by known field id. */
  readonly ids: Uint8Array;
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
  readonly requestBuffering: boolean;
  readonly bodyBufferSize: number;
  readonly bodyTempPath: string;
  /** Bits of the conditions of `proxy_next_upstream`. */
  readonly retry: number;
  /** 0: no limit. */
  readonly retryTries: number;
  readonly retryTimeout: number;
  readonly ignoreClientAbort: boolean;
  readonly interceptErrors: boolean;
  readonly hidden: HiddenFields;
  readonly redirects: readonly RedirectRule[];
  /** Servers that this location has refused. */
  readonly refusals: RefusalBook;
  readonly buffers: ReadBufferPool;
}

/** A `proxy_set_header` line. */
export interface HeaderEdit {
  readonly name: string;
  readonly value: Template;
}
