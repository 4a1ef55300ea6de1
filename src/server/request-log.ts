// Error log lines about a request, with the context that nginx gives: client, server, request, host.

import type { LogLevel } from '../base/errors.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Location } from './location.ts';
import type { VirtualServer } from './virtual-server.ts';

/** @param upstream - URL of the upstream server that the line is about, if it is about one */
export function logError(x: Exchange, level: LogLevel, message: string, upstream = ''): void {
  const log = ((x.location ?? (x.server as VirtualServer).outside) as Location).errorLog;
  if (!log.enabled(level)) return;
  const { request, client } = x;
  const sub = x.parent === null ? '' : `, subrequest: "${x.uri}"`;
  const host = request.host === null ? '' : `, host: "${request.host}"`;
  const behind = upstream === '' ? '' : `, upstream: "${upstream}"`;
  log.log(
    level,
    `${message}, client: ${x.remoteAddress}, server: ${x.server.name}, ` +
      `request: "${requestLine(x)}"${sub}${behind}${host}`,
    client.id,
  );
}

/** The request line as it was understood. */
export function requestLine(x: Exchange): string {
  const { method, target, version } = x.request;
  return `${method} ${target} HTTP/1.${version - 10}`;
}
