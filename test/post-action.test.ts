// post_action beside nginx: what the upstream server is told once a request is over, and the one
// line that the access log has of both.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { formatRequest, RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const config = ({ port, folder, upstreams }: Site<'upstream'>): string => `
events { }
http {
  server_tokens off;
  log_format l '$uri $status $request_uri $body_bytes_sent $upstream_status $request_method';
  access_log ${folder}/access.log l;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen 127.0.0.1:${port};
    location /plain { return 200 "ok"; }
    location /path { post_action /done; return 200 "ok"; }
    location /name { post_action @done; proxy_pass http://${upstreams.upstream}; }
    location /chain { post_action /chained; return 200 "ok"; }
    location /chained { post_action /done; return 204; }
    location /literal { post_action /x$uri; return 404; }
    location /query { post_action /done?x=1; return 404; }
    location /if { if ($arg_p) { post_action /done; } return 200 "ok"; }
    location /missing { post_action @nope; return 200 "ok"; }
    location /internal { post_action /inside; return 200 "ok"; }
    location /inside { internal; proxy_pass http://${upstreams.upstream}/inside?s=$status&u=$request_uri&b=$body_bytes_sent; }
    location /error { error_page 404 /plain; post_action /done; return 404; }
    location /lost { post_action /done; return 444; }
    location /done { proxy_pass http://${upstreams.upstream}/posted; proxy_set_header Connection ""; proxy_set_header X-U $request_uri; proxy_set_header X-S $status; }
    location @done { proxy_pass http://${upstreams.upstream}; proxy_set_header Connection ""; proxy_set_header X-S $status; proxy_set_header X-B $body_bytes_sent; }
  }
}`;

// The actions of a request have begun before the next one is answered, as nginx waits for them.
const after = (options: Parameters<RawConnection['request']>[0]): ComparedRequest => ({
  name: `${options?.method ?? 'GET'} ${options?.path ?? ''}`,
  exchange: async (connection) => {
    const first = await connection.request(options);
    await sleep(60);
    return [first, await connection.request({ path: '/plain' })];
  },
});

const requests: ComparedRequest[] = [
  after({ path: '/path/a?b=1' }),
  after({ method: 'HEAD', path: '/path' }),
  after({ path: '/name/x%20y?z=1' }),
  after({ method: 'POST', path: '/name/x', body: 'abc' }),
  after({ path: '/chain' }),
  after({ path: '/literal' }),
  after({ path: '/query' }),
  after({ path: '/if' }),
  after({ path: '/if?p=1' }),
  after({ path: '/internal?q=1' }),
  after({ path: '/inside' }),
  after({ path: '/error' }),
  { path: '/missing' },
  { path: '/lost' },
  { name: 'bad', raw: 'GET /path\x01 HTTP/1.1\r\n\r\n' },
];

function logOf(folder: string): string[] {
  const lines = readFileSync(join(folder, 'access.log'), 'latin1').split('\n').slice(0, -1);
  // Of a request that is refused, nginx keeps more. Pages carry the product's name.
  return lines
    .filter((line) => !line.includes(' 400 '))
    .map((line) => line.replace(/( [45]\d\d \S+) \d+ /, '$1 size '));
}

test('the upstream server and the log are told the same', { skip: !nginxAvailable }, async (t) => {
  const sites: Site<'upstream'>[] = [];
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: (site) => {
      sites.push(site);
      return config(site);
    },
    requests,
    upstreams: { upstream: { answer: { status: 201, reason: 'Made', body: 'up' } } },
    ignore: {
      answerHeaders: ['date', 'server'],
      errorPages: true,
      upstreamHeaders: ['content-length'],
    },
    scope: t,
  });
  assertSameAsNginx(
    pairs.map((pair) => ({
      ...pair,
      nginx: withoutLength(pair.nginx),
      proxy: withoutLength(pair.proxy),
    })),
  );
  await sleep(300);
  const [nginx, proxy] = sites;
  assert.deepEqual(logOf(proxy?.folder ?? '').sort(), logOf(nginx?.folder ?? '').sort());
});

type Answers = { readonly answers: readonly { readonly headers: [string, string][] }[] };

function withoutLength<O>(observed: O): O {
  const { answers } = observed as O & Answers;
  const kept = answers.map((one) => ({
    ...one,
    headers: one.headers.filter(([name]) => name !== 'content-length'),
  }));
  return { ...observed, answers: kept };
}

const alone = (port: number, upstream: string): string => `
http {
  log_format l '$uri $status $upstream_status $request_completion';
  access_log access.log l;
  server {
    listen 127.0.0.1:${port};
    location / { post_action /done; proxy_pass http://${upstream}; }
    location /loop { post_action /loop; return 200 "x"; }
    location /done { proxy_pass http://${upstream}/posted; }
  }
}`;

test('what is done when the client has gone is done, and logged once', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start(
    { answer: ({ target }) => (target === '/posted' ? {} : undefined) },
    t,
  );
  const running = await startProxy(alone(port, upstream.address), { scope: t });
  const connection = await RawConnection.open({ port });
  await connection.send(formatRequest({ path: '/x' }));
  while (upstream.requests.length < 1) await sleep(5);
  connection.close();
  for (let i = 0; i < 200 && running.accessLog() === ''; i += 1) await sleep(10);
  assert.deepEqual(
    upstream.requests.map(({ target }) => target),
    ['/x', '/posted'],
  );
  assert.match(running.accessLog(), /^\/done 200 \S+ : 200 \n$/);
});

test('an action that leads to itself ends', async (t) => {
  const port = await freePort();
  const running = await startProxy(alone(port, '127.0.0.1:1'), { scope: t });
  assert.equal((await request({ port, path: '/loop' })).status, 200);
  for (let i = 0; i < 200 && running.accessLog() === ''; i += 1) await sleep(10);
  assert.equal(running.accessLog().split('\n').length, 2);
});

test('the connection takes its next request while an action is under way', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start(
    { answer: ({ target }) => (target === '/posted' ? undefined : { body: target }) },
    t,
  );
  await startProxy(alone(port, upstream.address), { scope: t });
  const connection = await RawConnection.open({ port });
  for (const path of ['/1', '/2', '/3']) {
    assert.equal((await connection.request({ path })).body.toString(), path);
  }
});
