// Which server of a port meets a TLS client: SNI chooses the policy of the handshake, Host the server
// of the request. Where the two disagree, nobody may profit from the weaker of both.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { assertSameAsNginx, compareWithNginx, type ComparedRequest } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { formatRequest, RawConnection, request, type Target } from './kit/raw-client.ts';
import { RecordingUpstream, type Answer } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { serverPairs } from './kit/server-pairs.ts';

const pki = await testPki();
const names = ['default.test', 'open.test', 'on.test', 'optional.test', 'other-ca.test'] as const;
type Name = (typeof names)[number];

const policies: Readonly<Record<Name, string>> = {
  'default.test': '',
  'open.test': '',
  'on.test': `ssl_verify_client on; ssl_client_certificate ${pki.caFile};`,
  'optional.test': `ssl_verify_client optional; ssl_client_certificate ${pki.caFile};`,
  'other-ca.test': `ssl_verify_client on; ssl_client_certificate ${pki.otherCaFile};`,
};

const pairs = await serverPairs(names);

function config(port: number): string {
  const servers = names.map(
    (name) => `server { listen 127.0.0.1:${port} ssl; server_name ${name} *.${name}; ${pairs[name]}
      ${policies[name]} return 200 "$server_name $ssl_server_name $ssl_client_verify"; }`,
  );
  return `events { } http { ssl_protocols TLSv1.2 TLSv1.3; ${servers.join('\n')} }`;
}

const beside = { skip: !nginxAvailable };
const open: ConnectionOptions = { ca: pki.ca, checkServerIdentity: () => undefined };

const stricter = 'the handshake asked for no certificate, so none can stand for this server';
const lowerCase = 'the name is given in lower case, so that it can be compared';
const coalesced = 'it is one and the same server and policy, under another of its names';

function row(sni: string | null, host: string, differs?: string): ComparedRequest {
  return {
    name: `SNI ${sni ?? 'none'}, Host ${host}`,
    headers: { Host: host },
    tls: { ...open, ...(sni === null ? {} : { servername: sni }), ...pki.client.tls },
    ...(differs === undefined ? {} : { differs }),
  };
}

test('SNI and Host together choose server and policy as in nginx', beside, async (t) => {
  const observed = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) => config(port),
    requests: [
      row('open.test', 'open.test'),
      row('on.test', 'on.test'),
      row('OPTIONAL.TEST', 'Optional.Test', lowerCase),
      row('unknown.test', 'unknown.test'),
      row('unknown.test', 'open.test'),
      row('open.test', 'unknown.test'),
      row('open.test', 'default.test'),
      // Away from a server that verifies: nothing is gained.
      row('on.test', 'open.test'),
      // Towards one: misdirected.
      row('open.test', 'on.test'),
      row('open.test', 'optional.test'),
      row('on.test', 'optional.test'),
      row('on.test', 'other-ca.test'),
      row('other-ca.test', 'on.test'),
      row('unknown.test', 'on.test', stricter),
      row('x.on.test', 'x.on.test'),
      row('on.test', 'x.on.test', coalesced),
      row(null, 'open.test'),
      row(null, 'on.test', stricter),
      row(null, 'optional.test', stricter),
      // Without Host it is the default server, whatever the handshake chose.
      {
        name: 'no Host, SNI open.test',
        raw: 'GET / HTTP/1.0\r\n\r\n',
        tls: row('open.test', '').tls,
      },
      { name: 'no Host, SNI on.test', raw: 'GET / HTTP/1.0\r\n\r\n', tls: row('on.test', '').tls },
      { name: 'no Host, no SNI', raw: 'GET / HTTP/1.0\r\n\r\n', tls: open },
    ],
    scope: t,
  });
  assertSameAsNginx(observed);
});

test('a request for a server of another policy is 421 and leaves the connection closed', async (t) => {
  const port = await freePort();
  const proxy = await startProxy(config(port), { scope: t });
  const connection = await RawConnection.open({ port, tls: { ...open, servername: 'open.test' } });
  assert.equal((await connection.request({ headers: { Host: 'open.test' } })).status, 200);
  const misdirected = await connection.request({ headers: { Host: 'on.test' } });
  assert.equal(misdirected.status, 421);
  await connection.closed();
  assert.match(proxy.errorLog(), /client requested another server name than it negotiated by SNI/);
});

/** Accepts the client of `tls`, then reloads with a CA that has not issued its certificate. */
async function startChanging(t: TestContext, location: string) {
  const port = await freePort();
  const text = (ca: string): string =>
    `master_process off; error_log error.log info; events { } http {
      server { listen 127.0.0.1:${port} ssl; server_name on.test; ${pairs['on.test']}
        ssl_verify_client on; ssl_client_certificate ${ca}; location / { ${location} } } }`;
  const { proxy, folder } = await startProxy(text(pki.caFile), { scope: t });
  const target: Target = { port, tls: { ...open, servername: 'on.test', ...pki.client.tls } };
  return {
    target,
    reload: () =>
      proxy.reload({
        file: `${folder}/sallyport.conf`,
        text: text(pki.otherCaFile),
        prefix: folder,
      }),
  };
}

const headers = { Host: 'on.test' };

test('a client that was accepted before a reload is not accepted for another CA after it', async (t) => {
  const { target, reload } = await startChanging(t, 'return 200 "in";');
  const idle = await RawConnection.open(target);
  const busy = await RawConnection.open(target);
  const head = formatRequest({ headers });
  for (const connection of [idle, busy]) {
    assert.equal((await connection.request({ headers })).status, 200);
  }
  await busy.send(head.subarray(0, 12));
  // Both have to be at the proxy's before the reload.
  assert.equal((await request({ ...target, headers })).status, 200);
  await reload();
  assert.equal((await idle.closed()).length, 0, 'who has asked for nothing is let go');
  await busy.send(head.subarray(12));
  assert.equal((await busy.response()).status, 421);
  await busy.closed();
  assert.equal((await request({ ...target, headers })).status, 400);
});

test('what was asked for before a reload is answered after it, and nothing more', async (t) => {
  let answer: (() => void) | null = null;
  const script = () =>
    new Promise<Answer>((resolve) => {
      answer = () => resolve({ body: 'late' });
    });
  const upstream = await RecordingUpstream.start({ answer: script }, t);
  const { target, reload } = await startChanging(t, `proxy_pass http://${upstream.address};`);
  const connection = await RawConnection.open(target);
  await connection.send(formatRequest({ headers }));
  const late = await eventually('the request at the upstream', () => answer ?? false);
  await reload();
  late();
  const response = await connection.response();
  assert.deepEqual([response.status, String(response.body)], [200, 'late']);
  assert.ok(response.headers.some(([name, value]) => `${name}: ${value}` === 'Connection: close'));
  await connection.closed();
  assert.equal(upstream.requests.length, 1);
});

test('a server without a certificate is met with that of the default server', beside, async (t) => {
  const observed = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) => `events { } http {
      server { listen 127.0.0.1:${port} ssl; ${pairs['default.test']} return 200 "default"; }
      server { listen 127.0.0.1:${port} ssl; server_name open.test; return 200 "open"; }
      server { listen 127.0.0.1:${port}; server_name plain.test; return 200 "plain"; } }`,
    requests: [row('open.test', 'open.test'), row('plain.test', 'plain.test')],
    scope: t,
  });
  assertSameAsNginx(observed);
  assert.equal(observed[0]?.proxy.answers[0]?.body, 'open');
});

test('ssl_reject_handshake refuses names with an alert; others are served', beside, async (t) => {
  const observed = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) => `events { } http {
      server { listen 127.0.0.1:${port} ssl default_server; ssl_reject_handshake on; }
      server { listen 127.0.0.1:${port} ssl; server_name open.test; ${pairs['open.test']}
        return 200 "open"; } }`,
    requests: [
      row('open.test', 'open.test'),
      { ...row('unknown.test', 'open.test') },
      { ...row(null, 'open.test') },
    ],
    scope: t,
  });
  assert.deepEqual(
    observed.map(({ proxy }) => proxy.answers[0]?.statusLine ?? 'refused'),
    ['HTTP/1.1 200 OK', 'refused', 'refused'],
  );
  for (const { proxy, nginx } of observed.slice(1)) {
    assert.match(proxy.failure ?? '', /unrecognized name/);
    assert.match(nginx.failure ?? '', /unrecognized name/);
  }
  assertSameAsNginx(observed.slice(0, 1));
});
