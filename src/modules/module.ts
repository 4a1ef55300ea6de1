// What a feature is: rows, and what it contributes when a location is built. `index.ts` lists all
// features in order; the order of the list is the order within a phase.

import type { Scope } from '../config/scope.ts';
import type { DirectiveRow } from '../config/row.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Handler } from '../exchange/handler.ts';
import type { Getter, VariableRow } from '../exchange/variable.ts';
import type { ErrorPage, Location } from '../server/location.ts';
import type { RateLimit } from '../server/pacer.ts';
import type { BuildContext } from './build-context.ts';

/** nginx's phases that a handler may belong to, in order. */
export const phases = ['rewrite', 'preaccess', 'access', 'precontent', 'content'] as const;
export type Phase = (typeof phases)[number];

/** A location while it is being built. */
export interface LocationBuild {
  /** Its name, prefix or pattern; empty for the server itself. */
  readonly name: string;
  readonly isServer: boolean;
  add(phase: Phase, handler: Handler): void;
  /** Builds the location that `if` or `limit_except` stand for. */
  implicit(scope: Scope): Location;
  /** Takes the content phase for itself (`proxy_pass`): the last one to say so wins. */
  setContent(handler: Handler): void;
  readonly headerFilters: ((x: Exchange) => void)[];
  readonly logHandlers: ((x: Exchange) => void)[];
  /** What variables are in this location, by a key of each. */
  readonly values: Map<symbol, Getter>;
  /** `satisfy any`: one of the access handlers has to say ALLOWED. */
  satisfiesAny: boolean;
  /** Milliseconds for which a refusal with 401 is held back. */
  authDelay: number;
  errorPages: ReadonlyMap<number, ErrorPage> | null;
  /** A request for the prefix without its slash is redirected. */
  autoRedirect: boolean;
  documentRoot: ((x: Exchange) => string) | null;
  requestFilename: ((x: Exchange) => string) | null;
  /** How fast bodies are sent; null for as fast as they can. */
  rateLimit: RateLimit<Exchange> | null;
}

/** One feature. */
export interface Module {
  readonly name: string;
  readonly directives: readonly DirectiveRow[];
  readonly variables?: readonly VariableRow[];
  /** Host names in this scope that have to be resolved before the configuration is built. */
  hosts?(scope: Scope): readonly string[];
  /**
   * Defines variables of the configuration's own (`map`) before anything is compiled. What it
   * returns compiles their values, once the names of all features are known.
   */
  define?(http: Scope, context: BuildContext): () => void;
  /** Contributes to a location, or to the server as a location. */
  location?(scope: Scope, build: LocationBuild, context: BuildContext): void;
}
