// Who explains a configuration sees what is built and what a request then does, in place of log files
// and upstream servers. Nothing of it is there where requests are served.

import type { DirectiveNode } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Handler } from '../exchange/handler.ts';
import type { ProxySettings } from '../forward/proxy-settings.ts';
import type { ErrorLogSink } from '../log/error-log.ts';
import type { Location } from '../server/location.ts';
import type { ServerName } from '../server/server-names.ts';
import type { VirtualServer } from '../server/virtual-server.ts';
import type { LineWriter } from './log-format.ts';

/** The seams of a build that is not to serve. */
export interface BuildTrace {
  /** A location was made of a scope. */
  builtLocation(location: Location, scope: Scope): void;
  builtServer(server: VirtualServer, scope: Scope, names: readonly ServerName[]): void;
  /** A request begins with the handlers of a location, or of an `if` or `limit_except`. */
  enter(x: Exchange, scope: Scope): void;
  /** Wraps a step of the rewrite phase. */
  step(node: DirectiveNode, run: Handler): Handler;
  /** In place of passing a request on. */
  pass(x: Exchange, settings: ProxySettings, scope: Scope): number;
  /** In place of a line in an access log. @param target - file or syslog server, as configured */
  accessLine(x: Exchange, target: string, write: LineWriter): void;
  /** In place of an error log. */
  errorSink(target: string): ErrorLogSink;
}
