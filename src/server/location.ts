// What a location is at run time: its handlers, filters and the few settings that the connection
// itself needs. Everything else lives in the closures of the handlers.

import type { Exchange, LocationFacts } from '../exchange/exchange.ts';
import type { Matcher } from '../exchange/matcher.ts';
import type { Handler } from '../exchange/handler.ts';
import type { Template } from '../exchange/template.ts';
import type { CaptureSlot, Getter } from '../exchange/variable.ts';
import type { ErrorLog } from '../log/error-log.ts';
import type { RateLimit } from './pacer.ts';
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
  /** Milliseconds for which an idle connection outlives the end of its worker. */
  readonly keepaliveMinTimeout: number;
  /** Bits of `KeepaliveDisable`. */
  readonly keepaliveDisable: number;
  readonly sendTimeout: number;
  /** Bytes, 0 for no limit. */
  readonly clientMaxBodySize: number;
  readonly clientBodyTimeout: number;
  readonly lingeringClose: 'off' | 'on' | 'always';
  readonly lingeringTime: number;
  readonly lingeringTimeout: number;
  /** Value of the Server field, and what error pages sign with; empty: nothing. */
  readonly serverToken: string;
  /** The same where it depends on the request; null for nearly all. */
  readonly serverTemplate: Template | null;
  readonly chunkedTransferEncoding: boolean;
  readonly absoluteRedirect: boolean;
  readonly serverNameInRedirect: boolean;
  readonly portInRedirect: boolean;
  readonly logNotFound: boolean;
  /** Timed out connections and those closed with 444 are reset. */
  readonly resetTimedOut: boolean;
  readonly noDelay: boolean;
  readonly msiePadding: boolean;
  readonly msieRefresh: boolean;
}

/** One `error_page` for one status. */
export interface ErrorPage {
  /** A URI, an absolute URL or "@name". */
  readonly target: Template;
  /** Status to answer with: 0 keeps the original, -1 takes what the target answers ("="). */
  readonly status: number;
}

export type LocationKind = 'exact' | 'prefix' | 'regex' | 'named' | 'server' | 'implicit';

/** One location, or the server itself as the location of requests that match none. */
export interface Location extends LocationFacts {
  readonly kind: LocationKind;
  /** "^~": a match here ends the search before regular expressions. */
  readonly noRegex: boolean;
  readonly regex: Matcher | null;
  readonly slots: readonly CaptureSlot[];
  /** A request for this prefix without its final slash is redirected to it. */
  readonly autoRedirect: boolean;
  readonly internalOnly: boolean;
  /** `uninitialized_variable_warn` */
  readonly warnsUninitialized: boolean;
  readonly nested: LocationTree | null;
  /** `limit_except`: what holds for all methods but these. */
  readonly except: { readonly methods: ReadonlySet<string>; readonly location: Location } | null;
  readonly handlers: readonly Handler[];
  /** The same without the checks of access, which a subrequest's parent has passed. */
  readonly subrequestHandlers: readonly Handler[];
  readonly logsSubrequests: boolean;
  readonly headerFilters: readonly ((x: Exchange) => void)[];
  readonly logHandlers: readonly ((x: Exchange) => void)[];
  /** Variables that depend on the location. */
  readonly values: ReadonlyMap<symbol, Getter>;
  readonly errorPages: ReadonlyMap<number, ErrorPage> | null;
  readonly recursiveErrorPages: boolean;
  /** `post_action`: a path or "@name"; null for none. */
  readonly postAction: string | null;
  /** Null where bodies leave as fast as they can. */
  readonly rateLimit: RateLimit<Exchange> | null;
  readonly client: ClientSettings;
  readonly errorLog: ErrorLog;
}
