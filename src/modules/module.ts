// What a feature is: rows, and what it contributes when a location is built. `index.ts` lists all
// features in order; the order of the list is the order within a phase.

import type { Scope } from '../config/scope.ts';
import type { DirectiveRow } from '../config/row.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Handler } from '../exchange/handler.ts';
import type { VariableRow } from '../exchange/variable.ts';
import type { ErrorPage } from '../server/location.ts';
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
  /** Takes the content phase for itself (`proxy_pass`): the last one to say so wins. */
  setContent(handler: Handler): void;
  readonly headerFilters: ((x: Exchange) => void)[];
  readonly logHandlers: ((x: Exchange) => void)[];
  errorPages: ReadonlyMap<number, ErrorPage> | null;
  /** A request for the prefix without its slash is redirected. */
  autoRedirect: boolean;
  documentRoot: ((x: Exchange) => string) | null;
  requestFilename: ((x: Exchange) => string) | null;
}

/** One feature. */
export interface Module {
  readonly name: string;
  readonly directives: readonly DirectiveRow[];
  readonly variables?: readonly VariableRow[];
  /** Host names in this scope that have to be resolved before the configuration is built. */
  hosts?(scope: Scope): readonly string[];
  /** Contributes to a location, or to the server as a location. */
  location?(scope: Scope, build: LocationBuild, context: BuildContext): void;
}
