// What a location is at run time: its handlers, filters and the few settings that the connection
// itself needs. Everything else lives in the closures of the handlers.

import type { Exchange, LocationFacts } from '../exchange/exchange.ts';
import type { Handler } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import type { CaptureSlot } from '../exchange/variable.ts';
import type { ErrorLog } from '../log/error-log.ts';
import type { LocationTree } from './location-tree.ts';

/** Settings of client connection and response, all in effect at a location. */
export interface ClientSettings {
  /** Milliseconds; 0 switches keepalive off. */
  readonly keepaliveTimeout: number;
  /** Seconds for a `Keep-Alive: timeout=` field, 0 for none. */
  readonly keepaliveHeader: number;
  readonly keepaliveRequests: number;
  /** Milliseconds a connection may live before its next response closes it. */
  readonly keepaliveTime: number;
  readonly sendTimeout: number;
  /** Bytes, 0 for no limit. */
  readonly clientMaxBodySize: number;
  readonly clientBodyTimeout: number;
  readonly lingeringTime: number;
  readonly lingeringTimeout: number;
  /** Value of the Server field, and what error pages sign with. */
  readonly serverToken: string;
  readonly chunkedTransferEncoding: boolean;
  readonly absoluteRedirect: boolean;
  readonly serverNameInRedirect: boolean;
  readonly portInRedirect: boolean;
  readonly logNotFound: boolean;
}

/** One `error_page` for one status. */
export interface ErrorPage {
  /** A URI, an absolute URL or "@name". */
  readonly target: Template;
  /** Status to answer with: 0 keeps the original, -1 takes what the target answers ("="). */
  readonly status: number;
}

export type LocationKind = 'exact' | 'prefix' | 'regex' | 'named' | 'server';

/** One location, or the server itself as the location of requests that match none. */
export interface Location extends LocationFacts {
  readonly kind: LocationKind;
  /** "^~": a match here ends the search before regular expressions. */
  readonly noRegex: boolean;
  readonly regex: RegExp | null;
  readonly slots: readonly CaptureSlot[];
  /** A request for this prefix without its final slash is redirected to it. */
  readonly autoRedirect: boolean;
  readonly internalOnly: boolean;
  readonly nested: LocationTree | null;
  readonly handlers: readonly Handler[];
  readonly headerFilters: readonly ((x: Exchange) => void)[];
  readonly logHandlers: readonly ((x: Exchange) => void)[];
  readonly errorPages: ReadonlyMap<number, ErrorPage> | null;
  readonly recursiveErrorPages: boolean;
  readonly client: ClientSettings;
  readonly errorLog: ErrorLog;
}
