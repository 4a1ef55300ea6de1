// What is remembered by what clients send: names, paths, addresses, server names of handshakes. A
// flood of new ones must not make anything grow for good: memory and descriptors are counted before
// and after as many again.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { after, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { eventually } from '../kit/eventually.ts';
import { testPki } from '../kit/pki.ts';
import { freePorts } from '../kit/ports.ts';
import { RawConnection } from '../kit/raw-client.ts';
import { RecordingUpstream } from '../kit/recording-upstream.ts';
import { startProxy } from '../kit/sallyport.ts';
import { proved } from './kit/proved.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const scope = { after };
const [plain = 0, secure = 0] = await freePorts(2);
const pki = await testPki();
const upstream = await RecordingUpstream.start({}, scope);
await startProxy(
  `events { worker_connections 4096; }
  http {
    access_log logs-$arg_log.log;
    open_log_file_cache max=8;
    open_file_cache max=8;
    keepalive_requests 1000000;
    map $host $mapped { default $host; ~^(?<part>[a-z]+)\\d $part; }
    limit_req_zone $host zone=requests:32k rate=1000000r/s;
    limit_conn_zone $host zone=connections:32k;
    server {
      listen 127.0.0.1:${plain} default_server;
      server_name ~^(?<label>.+)\\.flood\\.test$;
      location /own { return 200 "$mapped $label"; }
      location /limited { limit_req zone=requests; limit_conn connections 5; try_files /x /own; }
      location /file { try_files $uri =404; }
      location /through/ { proxy_pass http://${upstream.address}; proxy_cookie_path ~^/(.*) /$host/$1; }
    }
    server {
      listen 127.0.0.1:${secure} ssl;
      ssl_certificate ${pki.a.certificate};
      ssl_certificate_key ${pki.a.key};
      ssl_session_cache shared:sessions:128k;
      location / { return 200 "$ssl_server_name"; }
    }
  }`,
  { scope },
);

/** Long, so that what is kept by it is seen. */
function name(i: number): string {
  return `${'n'.repeat(60)}${i}.${'m'.repeat(60)}.flood.test`;
}

interface Flood {
  readonly name: string;
  /** Requests of a round. */
  readonly count: number;
  readonly request: (i: number) => string;
}

const floods: readonly Flood[] = [
  {
    name: 'hosts, with server names and a map of regular expressions',
    count: 1000,
    request: (i) => `GET /own HTTP/1.1\r\nHost: ${name(i)}\r\n\r\n`,
  },
  {
    name: 'hosts as keys of limit_req and limit_conn',
    count: 1000,
    request: (i) => `GET /limited HTTP/1.1\r\nHost: ${name(i)}\r\n\r\n`,
  },
  {
    name: 'paths of files, with open_file_cache',
    count: 1000,
    request: (i) => `GET /file/${name(i)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  },
  {
    name: 'names of log files, with open_log_file_cache',
    count: 200,
    request: (i) => `GET /own?log=${name(i)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  },
  {
    name: 'hosts and paths upstream',
    count: 600,
    request: (i) => `GET /through/${name(i)} HTTP/1.1\r\nHost: ${name(i)}\r\n\r\n`,
  },
  {
    name: 'field names',
    count: 1000,
    request: (i) => `GET /own HTTP/1.1\r\nHost: a\r\n${name(i).replaceAll('.', '-')}: x\r\n\r\n`,
  },
  {
    name: 'methods',
    count: 1000,
    request: (i) => `M${'_'.repeat(100)}${'M'.repeat(i % 900)} /own HTTP/1.1\r\nHost: a\r\n\r\n`,
  },
];

async function round(flood: Flood, from: number): Promise<void> {
  const client = await RawConnection.open({ port: plain });
  for (let i = from; i < from + flood.count; i += 1) {
    await client.send(flood.request(i));
    await client.response();
  }
  client.close();
  upstream.requests.length = 0;
}

/** Bytes that stay after a collection: the least of a few, as some are freed a turn later. */
async function kept(): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 5; i += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    const { heapUsed, external } = process.memoryUsage();
    least = Math.min(least, heapUsed + external);
  }
  return least;
}

function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

for (const flood of floods) {
  test(`a flood of ${flood.name}`, { timeout: 120_000 }, async (t) => {
    await round(flood, 1_000_000);
    const before = await kept();
    const opened = descriptors();
    await round(flood, 2_000_000);
    // Each name alone has 130 bytes: one copy kept of each would be seen, whatever else varies.
    const allowed = Math.max(100 * flood.count, 150_000);
    let grown = 0;
    await eventually('no growth', async () => {
      grown = (await kept()) - before;
      return grown < allowed;
    });
    await eventually('no descriptors kept', () => descriptors() <= opened + 4);
    t.diagnostic(`${grown} bytes after ${flood.count} more`);
    proved(2);
  });
}

test('a flood of server names in handshakes', { timeout: 120_000 }, async (t) => {
  const handshakes = async (from: number, count: number): Promise<void> => {
    for (let i = from; i < from + count; i += 1) {
      const tls = { ca: pki.ca, servername: name(i), checkServerIdentity: () => undefined };
      const client = await RawConnection.open({ port: secure, tls });
      assert.equal((await client.request()).status, 200);
      client.close();
    }
  };
  await handshakes(1_000_000, 150);
  const before = await kept();
  await handshakes(2_000_000, 150);
  let grown = 0;
  // A session or context kept for each would be kilobytes.
  await eventually('no growth', async () => {
    grown = (await kept()) - before;
    return grown < 150 * 2000;
  });
  t.diagnostic(`${grown} bytes after 150 more`);
  proved(2);
});
