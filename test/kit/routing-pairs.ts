// Random routing beside real nginx: `count` requests to random servers, each answered and passed on
// by both; the first server for which they differ is shown with its configuration.

import { AssertionError } from 'node:assert';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { assertSameAsNginx, compareWithNginx, type ComparedPair, type Site } from './both.ts';
import { RandomRouting, routingFiles, type RoutingServer } from './random-routing.ts';
import { proxyStarter } from './sallyport.ts';
import type { Scope } from './scope.ts';

export interface RoutingRun {
  readonly seed: number;
  /** How many pairs. */
  readonly count: number;
  readonly scope?: Scope;
}

const perServer = 25;

/** @throws AssertionError with the seed and the configuration where nginx routes differently */
export async function compareRouting({ seed, count, scope }: RoutingRun): Promise<ComparedPair[]> {
  const random = new RandomRouting(seed);
  const servers = Array.from({ length: Math.ceil(count / perServer) }, (_, index) =>
    random.server(`s${index}.test`, perServer),
  );
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: (site) => config(site, servers),
    requests: servers.flatMap(({ name, requests }) =>
      requests.map(({ method, path, headers }) => ({
        method,
        path,
        headers: { ...headers, Host: name },
        ...(method === 'POST' ? { body: 'b' } : {}),
      })),
    ),
    ...(scope === undefined ? {} : { scope }),
  });
  for (const [index, server] of servers.entries()) {
    check(pairs.slice(index * perServer, (index + 1) * perServer), server, seed);
  }
  return pairs;
}

function check(pairs: readonly ComparedPair[], server: RoutingServer, seed: number): void {
  try {
    for (const pair of pairs) if (!isBrokenByNginx(pair)) assertSameAsNginx([pair]);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const shown = server.config({ port: 0, upstream: 'UPSTREAM', files: 'FILES' });
    throw new AssertionError({
      message: `seed ${seed}, ${server.name}:\n${error.message}\n${shown}`,
    });
  }
}

// nginx writes a decoded space into its request line, which then means something else to whoever
// reads it; here it is escaped.
function isBrokenByNginx({ nginx }: ComparedPair): boolean {
  const passed = nginx.received['upstream'] ?? [];
  return passed.some(({ requestLine }) => !/^\S+ \S+ HTTP\/1\.1$/.test(requestLine));
}

function config(site: Site, servers: readonly RoutingServer[]): string {
  const files = join(site.folder, 'files');
  for (const file of routingFiles) {
    const path = join(files, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `file ${file}\n`);
    // The date becomes a header of the answer.
    utimesSync(path, 1e9, 1e9);
  }
  const port = site.port;
  return `events {}
http {
  server_tokens off; proxy_http_version 1.1; proxy_set_header Connection ""; log_not_found off;
  server_names_hash_bucket_size 128; server_names_hash_max_size 4096;
  map_hash_bucket_size 256; map_hash_max_size 8192;
  variables_hash_bucket_size 128; variables_hash_max_size 4096;
  upstream recording { server ${site.upstreams['upstream'] ?? ''}; keepalive 4; }
${servers.map((one) => one.config({ port, upstream: 'recording', files })).join('\n')}
}
`;
}
