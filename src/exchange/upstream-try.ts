// What happened at one server of an upstream group, for `$upstream_*` and for the retry decision.

import type { UpstreamTlsFacts } from '../tls/upstream-facts.ts';

/** One try. Times are milliseconds since the try began; -1 where that point was not reached. */
export class UpstreamTry {
  readonly address: string;
  readonly startedAt: number;
  /** The first try of another group, after an internal redirect. */
  startsGroup = false;
  /** The response will be passed on; another server is not asked any more. */
  accepted = false;
  /** The host of the server as configured; empty where none was chosen. */
  serverName = '';
  /** In the queue of the group before it was sent. */
  queueTime = -1;
  status = 0;
  connectTime = -1;
  headerTime = -1;
  responseTime = -1;
  bytesSent = 0;
  bytesReceived = 0;
  responseLength = 0;
  tls: UpstreamTlsFacts | null = null;
  /** Error code where TLS verification failed, for `$upstream_ssl_verify`. */
  tlsFailure: string | null = null;

  constructor(address: string, startedAt: number) {
    this.address = address;
    this.startedAt = startedAt;
  }
}
