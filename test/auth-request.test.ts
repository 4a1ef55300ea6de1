// `auth_request` beside real nginx: who is let through, what the other location is asked, and what of
// its answer is used.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { eventually, lines } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy, type RunningProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';
import type { Answer } from './kit/upstream-answer.ts';
import type { Script } from './kit/recording-upstream.ts';

const skip = !nginxAvailable;

type Name = 'group' | 'auth';

function config(site: Site<Name>): string {
  fs.mkdirSync(path.join(site.folder, 'www'), { recursive: true });
  fs.writeFileSync(path.join(site.folder, 'www', 'yes.txt'), 'yes\n');
  fs.writeFileSync(path.join(site.folder, 'www', 'login.html'), 'please log in\n');
  return text(site);
}

const text = ({ port, folder, upstreams: { group, auth } }: Site<Name>): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  log_format line '$status "$user" $uri $request_uri $request_method';
  access_log ${folder}/access.log line;
  upstream group { server ${group}; keepalive 4; }
  upstream auth { server ${auth}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    location / { auth_request /auth; proxy_pass http://group; }
    location /static/ { auth_request /yes.txt; proxy_pass http://group; }
    location /none/ { auth_request /none.txt; proxy_pass http://group; }
    location /return/ { auth_request /status/204; proxy_pass http://group; }
    location /return200/ { auth_request /text; proxy_pass http://group; }
    location /redirect/ { auth_request /status/302; proxy_pass http://group; }
    location /denied/ { auth_request /status/403; proxy_pass http://group; }
    location /challenge/ { auth_request /challenge-answer; proxy_pass http://group; }
    location /login/ { auth_request /status/401; error_page 401 /login.html; proxy_pass http://group; }
    location /login-redirect/ {
      auth_request /status/401;
      error_page 401 =302 https://login.test/?from=$request_uri;
      proxy_pass http://group;
    }
    location /set/ {
      auth_request /auth;
      auth_request_set $user $upstream_http_x_user;
      auth_request_set $code "$upstream_status $status $uri $args";
      auth_request_set $missing $upstream_http_missing;
      proxy_set_header Connection "";
      proxy_set_header X-User $user;
      proxy_set_header X-Code "$code|$missing";
      add_header X-Seen "$user $code" always;
      proxy_pass http://group;
    }
    location /shared/ {
      set $mine before;
      auth_request /sets;
      return 200 unused;
    }
    location /sets { set $mine "from $uri"; return 204; }
    location /shown/ {
      set $mine before;
      auth_request /sets;
      proxy_set_header Connection "";
      proxy_set_header X-Mine $mine;
      proxy_pass http://group;
    }
    location /off/ {
      auth_request /status/403;
      location /off/open/ { auth_request off; proxy_pass http://group; }
      location /off/in/ { proxy_pass http://group; }
    }
    location /any/ { satisfy any; allow 127.0.0.2; deny all; auth_request /auth; proxy_pass http://group; }
    location /any-address/ { satisfy any; allow 127.0.0.1; deny all; auth_request /status/403; proxy_pass http://group; }
    location /all/ { allow 127.0.0.1; deny all; auth_request /auth; proxy_pass http://group; }
    location /access/ { auth_request /closed; proxy_pass http://group; }
    location /closed { deny all; auth_request /status/403; proxy_pass http://auth; }
    location /cycle { auth_request /cycle; proxy_pass http://group; }
    location /intercept/ { auth_request /page; proxy_pass http://group; }
    location /page { proxy_intercept_errors on; error_page 401 =204 /status/204; proxy_pass http://auth; }
    location /query/ { auth_request /auth?a=b; proxy_pass http://group; }
    location /args/ { auth_request /show-args; proxy_pass http://group; }
    location /show-args { proxy_pass http://auth/x?$args&$request_uri&$request_method&$uri; }
    location /rewritten/ { auth_request /moves/auth; proxy_pass http://group; }
    location /moves/ { rewrite ^/moves(/.*)$ $1 last; }
    location /index/ { auth_request /status/401; proxy_pass http://group; }
    location = /auth {
      internal;
      proxy_set_header Content-Length "";
      proxy_set_header Connection "";
      proxy_set_header X-Original-URI $request_uri;
      proxy_set_header X-Original-Method $request_method;
      proxy_pass http://auth;
    }
    location = /login.html { }
    location = /status/204 { return 204; }
    location = /text { return 200 "text"; }
    location = /status/302 { return 302 /elsewhere; }
    location = /status/401 { return 401; }
    location = /status/403 { return 403; }
    location = /challenge-answer {
      add_header WWW-Authenticate 'Basic realm="inner"' always;
      return 401;
    }
  }
}`;

const status = { 'X-Answer': '401' };

const paths = [
  '/',
  '/a%20b?c=d',
  '/static/',
  '/none/',
  '/return/',
  '/return200/',
  '/redirect/',
  '/denied/',
  '/login/',
  '/login-redirect/x?y',
  '/set/x?y=z',
  '/shared/',
  '/shown/',
  '/off/in/',
  '/off/open/',
  '/any/',
  '/any-address/',
  '/all/',
  '/access/',
  '/intercept/',
  '/args/x?y=z',
  '/rewritten/',
  '/auth',
];

const requests: ComparedRequest[] = [
  ...paths.map((one) => ({ path: one })),
  ...['/', '/set/', '/any/', '/all/', '/intercept/'].map((one) => ({
    name: `refused ${one}`,
    path: one,
    headers: status,
  })),
  ...['403', '404', '500', '302', '206'].map((answer) => ({
    name: `answer ${answer}`,
    path: '/set/',
    headers: { 'X-Answer': answer },
  })),
  { method: 'POST', path: '/', body: 'some body' },
  { method: 'POST', path: '/set/', body: 'some body', headers: { 'Transfer-Encoding': 'chunked' } },
  { method: 'HEAD', path: '/' },
  { path: '/static/', headers: { Range: 'bytes=100-200' } },
  { path: '/static/', headers: { 'If-Modified-Since': 'Fri, 01 Jan 2100 00:00:00 GMT' } },
  {
    name: 'several over one connection',
    exchange: async (connection) => {
      const answers = [];
      for (const one of ['/', '/denied/', '/set/', '/static/']) {
        answers.push(await connection.request({ path: one }));
      }
      return answers;
    },
  },
  {
    name: 'pipelined',
    exchange: async (connection) => {
      await connection.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(3));
      return connection.responses(['GET', 'GET', 'GET']);
    },
  },
];

test('auth_request lets through what nginx lets through', { skip, timeout: 60_000 }, async (t) => {
  const pairs = await compareWithNginx<Name>({
    proxy: proxyStarter,
    config,
    requests,
    upstreams: {
      group: {},
      auth: {
        answer: ({ headers }) => {
          const wanted = headers.find(([name]) => name.toLowerCase() === 'x-answer')?.[1] ?? '200';
          const challenge = wanted === '401' ? [['WWW-Authenticate', 'Bearer realm="up"']] : [];
          return {
            status: Number(wanted),
            headers: [['X-User', 'ann'], ...challenge] as [string, string][],
            body: 'swallowed',
          };
        },
      },
    },
    scope: t,
  });
  assertSameAsNginx(pairs);
  assert.equal(pairs[0]?.proxy.answers[0]?.statusLine, 'HTTP/1.1 200 OK');
});

interface Started {
  readonly port: number;
  readonly proxy: RunningProxy;
  readonly auth: RecordingUpstream;
}

async function started(t: Scope, settings = '', answer?: Script): Promise<Started> {
  const port = await freePort();
  const pki = await testPki();
  const auth = await RecordingUpstream.start(
    { tls: pki.a.tls, ...(answer === undefined ? {} : { answer }) },
    t,
  );
  const proxy = await startProxy(
    `http {
      log_format line '$uri $status $upstream_status [$user]';
      access_log access.log line;
      proxy_ssl_trusted_certificate ${pki.caFile};
      upstream auth { server ${auth.address} ssl_name=a.test; keepalive 2; }
      server {
        listen 127.0.0.1:${port};
        ${settings}
        location / {
          auth_request /auth;
          auth_request_set $user $upstream_http_x_user;
          error_page 404 =200 @welcome;
        }
        location @welcome { auth_request off; return 200 "welcome $user"; }
        location = /auth { internal; proxy_pass https://auth; }
      }
    }`,
    { scope: t },
  );
  return { port, proxy, auth };
}

test('the other location may be behind verified TLS', async (t) => {
  const answer: Answer = { headers: [['X-User', 'ann']] };
  const { port, auth } = await started(t, '', () => answer);
  const client = await RawConnection.open({ port });
  for (let i = 0; i < 3; i += 1) {
    assert.equal((await client.request()).body.toString(), 'welcome ann');
  }
  client.close();
  assert.equal(auth.requests.length, 3);
  assert.equal(auth.connectionCount, 1);
});

test('an upstream that is not who it should be lets nobody through', async (t) => {
  const port = await freePort();
  const pki = await testPki();
  const auth = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const proxy = await startProxy(
    `http {
      proxy_ssl_trusted_certificate ${pki.otherCaFile};
      server {
        listen 127.0.0.1:${port};
        location / { auth_request /auth; return 200; }
        location /content/ { auth_request /auth; root .; }
        location = /auth { proxy_ssl_name a.test; proxy_pass https://${auth.address}; }
      }
    }`,
    { scope: t },
  );
  assert.equal((await request({ port, path: '/content/' })).status, 500);
  assert.equal(auth.requests.length, 0);
  const log = await eventually('the line', () =>
    /auth request unexpected status: .*/.exec(proxy.errorLog()),
  );
  assert.match(log[0], /^auth request unexpected status: 502, client: 127\.0\.0\.1, server: /);
  assert.match(proxy.errorLog(), /UPSTREAM_TLS_.*, subrequest: "\/auth", upstream: "https:/);
});

test('subrequests are logged where log_subrequest says so', async (t) => {
  const { port, proxy } = await started(t, 'log_subrequest on;', () => ({ status: 204 }));
  await request({ port, path: '/x' });
  const [first, second] = await lines(() => proxy.accessLog(), 2);
  assert.deepEqual([first, second], ['/auth 204 204 [-]', '/x 200 - []']);
});

test('they are not logged otherwise', async (t) => {
  const { port, proxy } = await started(t, '', () => ({ status: 204 }));
  await request({ port, path: '/x' });
  assert.deepEqual(await lines(() => proxy.accessLog(), 1), ['/x 200 - []']);
});

test('a client that leaves takes its question along', async (t) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { port, auth, proxy } = await started(t, '', async () => {
    await promise;
    return { status: 200 };
  });
  const client = await RawConnection.open({ port });
  await client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually('the question', () => auth.requests.length === 1);
  client.close();
  assert.match((await lines(() => proxy.accessLog(), 1))[0] ?? '', /^\/ 499 - \[-?\]$/);
  resolve();
  assert.equal((await request({ port })).status, 200);
});

test('many at a time are each let through by their own answer', async (t) => {
  const { port } = await started(t, '', ({ headers }) => {
    const user = headers.find(([name]) => name === 'X-Me')?.[1] ?? '';
    const refused = Number(user) % 3 === 0;
    return { status: refused ? 403 : 200, headers: [['X-User', user]] };
  });
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) => request({ port, headers: { 'X-Me': String(i) } })),
  );
  answers.forEach(({ status, body }, i) => {
    if (i % 3 === 0) assert.equal(status, 403);
    else assert.equal(body.toString(), `welcome ${i}`);
  });
});
