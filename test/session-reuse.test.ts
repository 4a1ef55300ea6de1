// TLS sessions on both doors: resumed where everything is the same, and nowhere else. On a resumed
// connection nobody verifies anything again, so a session must never serve another policy.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { eventually, lines } from './kit/eventually.ts';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const pki = await testPki();
const versions = ['TLSv1.2', 'TLSv1.3'] as const;

const format = 'log_format reuse "$uri $status $upstream_ssl_reused $upstream_ssl_verify"; ';

interface Group {
  readonly proxy: RunningProxy;
  readonly upstream: RecordingUpstream;
  /** Asks for a location and gives its line of the access log. */
  ask(path: string): Promise<string>;
}

/** One group without keepalive: each request is a connection of its own. */
async function startGroup(
  t: TestContext,
  locations: readonly string[],
  tls: Parameters<typeof RecordingUpstream.start>[0] = { tls: pki.a.tls },
): Promise<Group> {
  const port = await freePort();
  const upstream = await RecordingUpstream.start(tls, t);
  const text = locations.map((body, i) => `location /${i} { proxy_pass https://g; ${body} }`);
  const proxy = await startProxy(
    `http { ${format} access_log access.log reuse; proxy_ssl_name a.test;
      upstream g { server ${upstream.address} max_fails=0; keepalive 0; }
      server { listen 127.0.0.1:${port}; ${text.join('\n')} } }`,
    { scope: t },
  );
  let asked = 0;
  const ask = async (path: string): Promise<string> => {
    await request({ port, path });
    asked += 1;
    return (await lines(() => proxy.accessLog(), asked)).at(-1) ?? '';
  };
  return { proxy, upstream, ask };
}

const known = `proxy_ssl_trusted_certificate ${pki.caFile};`;
const stranger = `proxy_ssl_trusted_certificate ${pki.otherCaFile};`;
const client = `proxy_ssl_certificate ${pki.client.certificate}; proxy_ssl_certificate_key ${pki.client.key};`;

for (const version of versions) {
  test(`upstream sessions of ${version} are resumed, with the facts of the full handshake`, async (t) => {
    const { upstream, ask } = await startGroup(t, [known], {
      tls: { ...pki.a.tls, minVersion: version, maxVersion: version },
    });
    assert.equal(await ask('/0'), '/0 200 . SUCCESS');
    assert.equal(await ask('/0'), '/0 200 r SUCCESS');
    assert.equal(await ask('/0'), '/0 200 r SUCCESS');
    assert.deepEqual(
      upstream.requests.map((one) => [one.connection, one.tls?.reused, one.tls?.protocol]),
      [
        [1, false, version],
        [2, true, version],
        [3, true, version],
      ],
    );
  });

  test(`proxy_ssl_session_reuse off means a full handshake each time with ${version}`, async (t) => {
    const { upstream, ask } = await startGroup(t, [`${known} proxy_ssl_session_reuse off;`], {
      tls: { ...pki.a.tls, minVersion: version, maxVersion: version },
    });
    for (let i = 0; i < 3; i += 1) assert.equal(await ask('/0'), '/0 200 . SUCCESS');
    assert.deepEqual(
      upstream.requests.map((one) => one.tls?.reused),
      [false, false, false],
    );
  });
}

test('a location with another CA does not profit from the sessions of the first', async (t) => {
  const { upstream, ask } = await startGroup(t, [known, stranger]);
  assert.equal(await ask('/0'), '/0 200 . SUCCESS');
  assert.equal(await ask('/1'), '/1 502 . FAILED:UPSTREAM_TLS_UNKNOWN_ISSUER');
  assert.equal(await ask('/0'), '/0 200 r SUCCESS');
  assert.equal(await ask('/1'), '/1 502 . FAILED:UPSTREAM_TLS_UNKNOWN_ISSUER');
  assert.equal(upstream.requests.length, 2);
});

test('nor does it the other way round', async (t) => {
  const { ask } = await startGroup(t, [known, stranger]);
  assert.equal(await ask('/1'), '/1 502 . FAILED:UPSTREAM_TLS_UNKNOWN_ISSUER');
  assert.equal(await ask('/0'), '/0 200 . SUCCESS');
  assert.equal(await ask('/1'), '/1 502 . FAILED:UPSTREAM_TLS_UNKNOWN_ISSUER');
});

test('sessions of a hop that is not verified are of no use to one that is', async (t) => {
  const off = `${stranger} proxy_ssl_verify off;`;
  const { ask } = await startGroup(t, [off, stranger, known]);
  assert.equal(await ask('/0'), '/0 200 . NONE');
  assert.equal(await ask('/0'), '/0 200 r NONE');
  assert.equal(await ask('/1'), '/1 502 . FAILED:UPSTREAM_TLS_UNKNOWN_ISSUER');
  assert.equal(await ask('/2'), '/2 200 . SUCCESS');
});

test('each name has sessions of its own', async (t) => {
  const named = `${known} proxy_ssl_name $arg_n;`;
  const { ask } = await startGroup(t, [named, `${named} proxy_ssl_server_name off;`]);
  assert.equal(await ask('/0?n=a.test'), '/0 200 . SUCCESS');
  assert.equal(await ask('/0?n=b.test'), '/0 502 . FAILED:UPSTREAM_TLS_NAME_MISMATCH');
  assert.equal(await ask('/0?n=a.test'), '/0 200 r SUCCESS');
  assert.equal(await ask('/0?n=b.test'), '/0 502 . FAILED:UPSTREAM_TLS_NAME_MISMATCH');
  // The same name, but not sent: another certificate might have come.
  assert.equal(await ask('/1?n=a.test'), '/1 200 . SUCCESS');
  assert.equal(await ask('/1?n=b.test'), '/1 502 . FAILED:UPSTREAM_TLS_NAME_MISMATCH');
});

test('sessions with and without a client certificate are kept apart', async (t) => {
  const { upstream, ask } = await startGroup(t, [`${known} ${client}`, known], {
    tls: {
      ...pki.a.tls,
      ca: pki.ca,
      requestCert: true,
      rejectUnauthorized: false,
      sessionIdContext: 'x',
    },
  });
  assert.equal(await ask('/0'), '/0 200 . SUCCESS');
  assert.equal(await ask('/1'), '/1 200 . SUCCESS');
  assert.equal(await ask('/0'), '/0 200 r SUCCESS');
  assert.equal(await ask('/1'), '/1 200 r SUCCESS');
  assert.deepEqual(
    upstream.requests.map((one) => one.tls?.clientName),
    ['client', null, 'client', null],
  );
});

test('a depth that is too small refuses what another location has resumed', async (t) => {
  const intermediate = await pki.root.issueIntermediate({ commonName: 'Between' });
  const issued = await intermediate.issue({ commonName: 'a.test', purpose: 'server' });
  const { ask } = await startGroup(t, [known, `${known} proxy_ssl_verify_depth 0;`], {
    tls: { cert: issued.chainPem, key: issued.keyPem },
  });
  assert.equal(await ask('/0'), '/0 200 . SUCCESS');
  assert.equal(await ask('/0'), '/0 200 r SUCCESS');
  assert.equal(await ask('/1'), '/1 502 . FAILED:UPSTREAM_TLS_DEPTH_EXCEEDED');
});

test('pooled connections belong to the policy as sessions do', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  await startProxy(
    `http { proxy_ssl_name a.test; upstream g { server ${upstream.address} max_fails=0; }
      server { listen 127.0.0.1:${port};
        location /good { proxy_pass https://g; ${known} }
        location /bad { proxy_pass https://g; ${stranger} } } }`,
    { scope: t },
  );
  const statuses: number[] = [];
  for (const path of ['/good', '/bad', '/good', '/bad']) {
    statuses.push((await request({ port, path })).status);
  }
  assert.deepEqual(statuses, [200, 502, 200, 502]);
  assert.deepEqual(
    upstream.requests.map((one) => one.connection),
    [1, 1],
  );
});

// ---- clients

interface Visit {
  readonly status: number;
  readonly body: string;
  readonly reused: boolean;
  readonly session: Buffer | undefined;
}

/** One request on one TLS connection, with the session of an earlier one. */
async function visit(port: number, tls: ConnectionOptions, path = '/'): Promise<Visit> {
  const connection = await RawConnection.open({ port, tls: { ca: pki.ca, ...tls } });
  const socket = connection.socket as TLSSocket;
  let session: Buffer | undefined;
  socket.on('session', (given: Buffer) => (session = given));
  const headers = { Host: tls.servername ?? 'a.test' };
  const response = await connection.request({ path, headers });
  // A ticket of TLS 1.3 comes before the response, that of TLS 1.2 with the handshake.
  session ??= socket.getSession();
  const reused = socket.isSessionReused();
  connection.close();
  return { status: response.status, body: response.body.toString(), reused, session };
}

const serverPair = `ssl_certificate ${pki.a.certificate}; ssl_certificate_key ${pki.a.key};`;
const skip = { skip: !opensslAvailable };
const answer = 'location / { return 200 $ssl_session_reused; }';

for (const version of versions) {
  const tls = { servername: 'a.test', minVersion: version, maxVersion: version };

  test(`clients resume their sessions with ${version}`, async (t) => {
    const port = await freePort();
    const proxy = await startProxy(
      `http { server { listen 127.0.0.1:${port} ssl; ${serverPair} ${answer} } }`,
      { scope: t },
    );
    const first = await visit(port, tls);
    assert.deepEqual([first.reused, first.body], [false, '.']);
    const second = await visit(port, { ...tls, session: first.session });
    assert.deepEqual([second.reused, second.body], [true, 'r']);
    await proxy.proxy.reload();
    const third = await visit(port, { ...tls, session: first.session });
    assert.deepEqual([third.reused, third.body], [true, 'r']);
  });

  test(`ssl_session_tickets off: no session of ${version} is resumed`, async (t) => {
    const port = await freePort();
    await startProxy(
      `http { ssl_session_tickets off;
        server { listen 127.0.0.1:${port} ssl; ${serverPair} ${answer} } }`,
      { scope: t },
    );
    const first = await visit(port, tls);
    const second = await visit(port, { ...tls, session: first.session });
    assert.deepEqual([second.reused, second.body], [false, '.']);
  });

  test(`where clients are verified, no session of ${version} stands for a certificate`, async (t) => {
    const port = await freePort();
    await startProxy(
      `http { server { listen 127.0.0.1:${port} ssl; server_name b.test;
          ssl_certificate ${pki.b.certificate}; ssl_certificate_key ${pki.b.key};
          ssl_client_certificate ${pki.caFile}; ssl_verify_client on; ${answer} } }`,
      { scope: t },
    );
    const verified = { ...tls, servername: 'b.test', ...pki.client.tls };
    const first = await visit(port, verified);
    assert.deepEqual([first.status, first.body], [200, '.']);
    const without = { ...tls, servername: 'b.test', session: first.session };
    const second = await visit(port, without);
    assert.deepEqual([second.status, second.reused], [400, false]);
  });

  test(`sessions of ${version} are resumed by another worker thread, and after a reload`, async (t) => {
    const port = await freePort();
    const config = `worker_processes 2; events { }
      http { server { listen 127.0.0.1:${port} ssl; ${serverPair} ${answer} } }`;
    const program = await startProgram(config, { scope: t });
    const { session } = await visit(port, tls);
    // The kernel deals connections out to both workers; of 12, both get some all but always.
    for (let i = 0; i < 12; i += 1) {
      assert.equal((await visit(port, { ...tls, session })).body, 'r');
    }
    program.reload();
    await eventually('the reload', () => program.errorLog().split('listening on').length > 2);
    for (let i = 0; i < 12; i += 1) {
      assert.equal((await visit(port, { ...tls, session })).body, 'r');
    }
  });
}

// With OpenSSL's client: Node's offers a session only under the name that it was made for.
for (const option of ['-tls1_2', '-tls1_3']) {
  test(`a session (${option}) is of no use at another server of the port`, skip, async (t) => {
    const port = await freePort();
    const folder = tempFolder(t);
    const asking = (mode: string): string =>
      `ssl_client_certificate ${pki.caFile}; ssl_verify_client ${mode};`;
    const server = (name: string, more: string): string =>
      `server { listen 127.0.0.1:${port} ssl; server_name ${name}; ${serverPair} ${more} ${answer} }`;
    await startProxy(
      `http { ${server('a.test', '')} ${server('b.test', '')}
        ${server('c.test', asking('on'))} ${server('d.test', asking('optional'))} }`,
      { scope: t },
    );
    const ask = (name: string, ...args: string[]) =>
      opensslConnection(
        port,
        [option, '-servername', name, ...args],
        `GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`,
      );
    const file = `${folder}/session.pem`;
    assert.match((await ask('a.test', '-sess_out', file)).output, /200 OK/);
    const again = await ask('a.test', '-sess_in', file);
    assert.deepEqual([again.reused, /200 OK/.test(again.output)], [true, true]);
    for (const name of ['b.test', 'c.test', 'd.test']) {
      const crossed = await ask(name, '-sess_in', file);
      assert.equal(crossed.reused, false, name);
      const status = name === 'c.test' ? /400 Bad Request/ : /200 OK/;
      assert.match(crossed.output, status, name);
    }
  });
}

test('ssl_session_timeout is the lifetime that clients are told', skip, async (t) => {
  const port = await freePort();
  await startProxy(
    `http { ssl_session_timeout 77; ssl_protocols TLSv1.2;
      server { listen 127.0.0.1:${port} ssl; ${serverPair} ${answer} } }`,
    { scope: t },
  );
  const { output } = await opensslConnection(port, ['-servername', 'a.test']);
  assert.match(output, /TLS session ticket lifetime hint: 77 \(seconds\)/);
});
