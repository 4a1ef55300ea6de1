// A request that no client has sent, for health checks: strings with variables are evaluated for it
// as they are for requests of the location.

import { now } from '../base/clock.ts';
import { Exchange, type LocationFacts } from '../exchange/exchange.ts';
import { noClient } from '../exchange/no-client.ts';
import { Fields } from '../http1/fields.ts';
import { RequestHead } from '../http1/request-head.ts';
import type { ErrorLog } from '../log/error-log.ts';

export interface CheckRequest {
  /** Path and query. */
  readonly target: string;
  /** `$proxy_host`, `$proxy_port`. */
  readonly proxyHost: string;
  readonly proxyPort: string;
  /** What it would be matched by. */
  readonly locationName: string;
  readonly serverName: string;
  readonly errorLog: ErrorLog | null;
}

/** Makes the exchange of one check. */
export function checkExchange(check: CheckRequest): Exchange {
  const startedAt = now();
  const request = new RequestHead();
  const [path = '/', query = ''] = check.target.split(/\?(.*)/s);
  request.method = 'GET';
  request.target = check.target;
  request.path = path;
  request.query = query;
  request.hasQuery = check.target.includes('?');
  const server = { name: check.serverName };
  const client = { ...noClient, startedAt };
  const x = new Exchange(client, { request, server, startedAt, fields: new Fields() });
  x.uri = path;
  x.args = query;
  x.host = check.serverName;
  x.proxyHost = check.proxyHost;
  x.proxyPort = check.proxyPort;
  // As much of a location as lines of the error log ask for.
  const location: LocationFacts & { readonly errorLog: object } = {
    name: check.locationName,
    documentRoot: null,
    requestFilename: null,
    errorLog: check.errorLog ?? { enabled: () => false },
  };
  x.location = location;
  return x;
}
