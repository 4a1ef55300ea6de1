// Hops to upstream servers, one location each: what a matrix of certificates or handshakes is run
// with, and where its outcome is read.

import assert from 'node:assert/strict';
import type { TlsOptions } from 'node:tls';
import { eventually } from './eventually.ts';
import { freePort } from './ports.ts';
import { request, type RawResponse } from './raw-client.ts';
import { RecordingUpstream } from './recording-upstream.ts';
import { startProxy, type RunningProxy } from './sallyport.ts';
import type { Scope } from './scope.ts';

/** A server with one certificate, and what the hop to it comes to. */
export interface Hop {
  readonly name: string;
  /** Of the upstream server. */
  readonly tls: TlsOptions;
  /** For the location. */
  readonly directives?: string;
  /** The code that it fails with. Null: it passes. */
  readonly code: string | null;
  /** What the log line says of the cause. */
  readonly says?: RegExp;
  /** What the log line says mends it. */
  readonly mend?: RegExp;
}

export interface RunningHops {
  readonly proxy: RunningProxy;
  readonly port: number;
  readonly upstreams: readonly RecordingUpstream[];
}

/** For the `http` block: what `accessLine` reads. */
export const hopAccessLog =
  'log_format hop "$uri $status $upstream_ssl_verify $upstream_ssl_protocol"; ' +
  'access_log access.log hop;';

/**
 * Starts a server for each hop, and a proxy that has each as a location `/0`, `/1`, …
 *
 * @param http - more directives for the `http` block
 */
export async function startHops(
  hops: readonly Hop[],
  scope: Scope,
  http = '',
): Promise<RunningHops> {
  const port = await freePort();
  const upstreams = await Promise.all(
    hops.map((hop) => RecordingUpstream.start({ tls: hop.tls }, scope)),
  );
  const locations = hops.map(
    (hop, i) => `
      location /${i} {
        proxy_pass https://${upstreams[i]?.address};
        ${hop.directives ?? ''}
      }`,
  );
  const servers = `server { listen 127.0.0.1:${port}; ${locations.join('')} }`;
  const proxy = await startProxy(`http { ${hopAccessLog} ${http} ${servers} }`, { scope });
  return { proxy, port, upstreams };
}

/** Asks for `/0` to `/N-1`, one after the other. */
export async function askAll(port: number, count: number): Promise<RawResponse[]> {
  const responses: RawResponse[] = [];
  for (let i = 0; i < count; i += 1) responses.push(await request({ port, path: `/${i}` }));
  return responses;
}

/** The one line about requests for `path` in the error log. */
export function errorLine(proxy: RunningProxy, path: string): string {
  const found = errorLines(proxy, path);
  assert.equal(found.length, 1, `one line for ${path}: ${found.join('\n')}`);
  return found[0] ?? '';
}

/**
 * What the error log says of requests for `path`, but for one thing: `openssl s_server` ends its pages
 * with the connection, which is remarked upon.
 */
export function errorLines(proxy: RunningProxy, path: string): string[] {
  const lines = proxy.errorLog().split('\n');
  return lines.filter(
    (one) => one.includes(`request: "GET ${path} `) && !one.includes('body ended with the TLS'),
  );
}

/** The line of the access log for `path`, once it is there. */
export function accessLine(proxy: RunningProxy, path: string): Promise<string> {
  return eventually(`the access log's line for ${path}`, () =>
    proxy
      .accessLog()
      .split('\n')
      .find((one) => one.startsWith(`${path} `)),
  );
}
