// `ssl_ocsp`: what responders say of clients' certificates decides about their requests, beside real
// nginx where it can do the same.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { loadConfig } from '../src/index.ts';
import { makeAuthority, makeCertificate } from '../src/tls/certificates.test-kit.ts';
import type { TestCertificate } from '../src/tls/certificates.test-kit.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { startOcspResponder } from './kit/ocsp.ts';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';

const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

const ca = makeAuthority('Clients root');
const issuer = new X509Certificate(ca.pem);
const caFile = writeIn(folder, 'ca.crt', ca.pem);
const server = makeCertificate({ commonName: 'a.test', dns: ['a.test'], issuer: ca });
const pair =
  `ssl_certificate ${writeIn(folder, 'a.crt', server.pem)};` +
  `ssl_certificate_key ${writeIn(folder, 'a.key', server.keyPem)};`;
const failed = 'FAILED:certificate status request failed';

function clientOf(by: TestCertificate, ...ocspResponders: string[]): TestCertificate {
  const purposes = ['client'] as const;
  return makeCertificate({ commonName: 'client', issuer: by, ocspResponders, purposes });
}

function serialOf(one: TestCertificate): string {
  return new X509Certificate(one.pem).serialNumber;
}

function responderOf(t: Scope) {
  return startOcspResponder({ issuer, key: ca.key, scope: t });
}

function as(...chain: TestCertificate[]): ConnectionOptions {
  const [leaf] = chain;
  const cert = chain.map(({ pem }) => pem).join('');
  const own = leaf === undefined ? {} : { cert, key: leaf.keyPem };
  return { ca: ca.pem, servername: 'a.test', ...own };
}

function block(port: number, directives: string): string {
  return `server { listen 127.0.0.1:${port} ssl; server_name a.test; ${pair}
    ssl_client_certificate ${caFile}; ${directives}
    error_page 495 = /refused;
    location / { return 200 "$ssl_client_verify"; }
    location = /refused { return 400 "$ssl_client_verify"; } }`;
}

async function proxyWith(t: Scope, directives: string) {
  const port = await freePort();
  const proxy = await startProxy(`http { ${block(port, directives)} }`, { scope: t });
  return { port, proxy };
}

/** Status and `$ssl_client_verify`. */
async function answerTo(port: number, tls: ConnectionOptions): Promise<string> {
  const { status, body } = await request({ port, tls, headers: { Host: 'a.test' } });
  return `${status} ${body.toString()}`;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`what the responder says decides over ${version}`, async (t) => {
    const responder = await responderOf(t);
    const client = clientOf(ca, responder.url);
    const { port } = await proxyWith(t, 'ssl_verify_client on; ssl_ocsp on;');
    const tls = { ...as(client), minVersion: version, maxVersion: version };
    assert.equal(await answerTo(port, tls), '200 SUCCESS');
    responder.setStatus(serialOf(client), 'revoked');
    assert.equal(await answerTo(port, tls), '400 FAILED:certificate revoked');
    responder.setStatus(serialOf(client), 'unknown');
    assert.equal(await answerTo(port, tls), '400 FAILED:certificate status unknown');
    responder.answerWith('close');
    assert.equal(await answerTo(port, tls), `400 ${failed}`);
  });
}

test('status, page and text are as in nginx', { skip: !nginxAvailable }, async (t) => {
  const responder = await responderOf(t);
  const dead = `http://127.0.0.1:${await freePort()}/`;
  const liar = await startOcspResponder({ issuer, key: server.key, scope: t });
  const clients = {
    good: clientOf(ca, responder.url),
    revoked: clientOf(ca, responder.url),
    unknown: clientOf(ca, responder.url),
    'without a responder': clientOf(ca),
    'with a dead responder': clientOf(ca, dead),
    'with a lying responder': clientOf(ca, liar.url),
  };
  for (const status of ['revoked', 'unknown'] as const) {
    responder.setStatus(serialOf(clients[status]), status);
  }
  const everyone = [...Object.entries(clients), ['none', null] as const];
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ ports: [first = 0, second = 0] }) => `events { } http {
      ${block(first, 'ssl_verify_client on; ssl_ocsp on;').replace(/error_page[^;]*;/, '')}
      ${block(second, 'ssl_verify_client optional; ssl_ocsp leaf;')} }`,
    listens: 2,
    requests: [0, 1].flatMap((to) =>
      everyone.map(([name, client]) => ({
        name: `${name}, server ${to}`,
        to,
        headers: { Host: 'a.test' },
        tls: client === null ? as() : as(client),
      })),
    ),
    scope: t,
  });
  assertSameAsNginx(pairs);
  const statuses = pairs.map(({ proxy }) => proxy.rawAnswers[0]?.status);
  assert.deepEqual(
    statuses,
    [200, 400, 400, 400, 400, 400, 400, 200, 400, 400, 400, 400, 400, 200],
  );
});

test('further requests of a connection are not asked about again', async (t) => {
  const responder = await responderOf(t);
  const { port } = await proxyWith(t, 'ssl_verify_client on; ssl_ocsp on;');
  const connection = await RawConnection.open({ port, tls: as(clientOf(ca, responder.url)) });
  t.after(() => connection.socket.destroy());
  for (let i = 0; i < 3; i += 1) {
    await connection.send('GET / HTTP/1.1\r\nHost: a.test\r\n\r\n');
    assert.equal((await connection.response()).status, 200);
  }
  assert.equal(responder.requests.length, 1);
});

test('a request that comes with the handshake waits for the answer and is not lost', async (t) => {
  const responder = await responderOf(t);
  const { port } = await proxyWith(t, 'ssl_verify_client on; ssl_ocsp on;');
  const tls = as(clientOf(ca, responder.url));
  const answers = await Promise.all([1, 2, 3, 4].map(() => answerTo(port, tls)));
  assert.deepEqual(answers, Array(4).fill('200 SUCCESS'));
});

test('the CA between is asked about as well, unless it is "leaf"', async (t) => {
  const root = await responderOf(t);
  const middle = makeCertificate({
    commonName: 'Clients below',
    authority: true,
    issuer: ca,
    ocspResponders: [root.url],
  });
  const middleX509 = new X509Certificate(middle.pem);
  const below = await startOcspResponder({ issuer: middleX509, key: middle.key, scope: t });
  const tls = as(clientOf(middle, below.url), middle);
  const depth = 'ssl_verify_client on; ssl_verify_depth 2;';
  const chain = await proxyWith(t, `${depth} ssl_ocsp on;`);
  const leaf = await proxyWith(t, `${depth} ssl_ocsp leaf;`);
  assert.equal(await answerTo(chain.port, tls), '200 SUCCESS');
  root.setStatus(middleX509.serialNumber, 'revoked');
  assert.equal(await answerTo(chain.port, tls), '400 FAILED:certificate revoked');
  assert.equal(await answerTo(leaf.port, tls), '200 SUCCESS');
});

test('ssl_ocsp_responder overrules the certificate, ssl_ocsp_cache spares questions', async (t) => {
  const responder = await responderOf(t);
  const client = clientOf(ca);
  const { port } = await proxyWith(
    t,
    `ssl_verify_client on; ssl_ocsp on; ssl_ocsp_responder ${responder.url}here;
     ssl_ocsp_cache shared:clients:1m;`,
  );
  for (let i = 0; i < 3; i += 1) assert.equal(await answerTo(port, as(client)), '200 SUCCESS');
  assert.deepEqual(
    responder.requests.map(({ path }) => path),
    ['/here'],
  );
});

test('a certificate that is bad already is not asked about', async (t) => {
  const responder = await responderOf(t);
  const { port } = await proxyWith(t, 'ssl_verify_client on; ssl_ocsp on;');
  const stranger = clientOf(makeAuthority('Other root'), responder.url);
  assert.match(await answerTo(port, as(stranger)), /^400 FAILED:unable to/);
  assert.equal(responder.requests.length, 0);
});

test('why nobody could be asked is in the error log', async (t) => {
  const { port, proxy } = await proxyWith(t, 'ssl_verify_client on; ssl_ocsp on;');
  assert.equal(await answerTo(port, as(clientOf(ca))), `400 ${failed}`);
  const expected = /\[error\].*"CN=client": no OCSP responder URL in certificate/;
  await eventually('the line in the error log', () => expected.test(proxy.errorLog()));
});

test(
  "openssl's client with a revoked certificate gets 400",
  { skip: !opensslAvailable },
  async (t) => {
    const responder = await responderOf(t);
    const client = clientOf(ca, responder.url);
    responder.setStatus(serialOf(client), 'revoked');
    const { port } = await proxyWith(t, 'ssl_verify_client on; ssl_ocsp on;');
    const cert = writeIn(folder, 'client.crt', client.pem);
    const key = writeIn(folder, 'client.key', client.keyPem);
    const { output } = await opensslConnection(
      port,
      ['-cert', cert, '-key', key, '-servername', 'a.test'],
      'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n',
    );
    assert.match(output, /HTTP\/1.1 400 /);
  },
);

async function findings(http: string): Promise<string[]> {
  const file = `${folder}/sallyport.conf`;
  const { diagnostics } = await loadConfig({ file, text: http, prefix: folder });
  return diagnostics.map(({ severity, message }) => `${severity}: ${message}`);
}

const verifies = `ssl_client_certificate ${caFile}; ssl_verify_client on; ssl_ocsp on;`;
const errors: readonly [string, string][] = [
  [
    `ssl_client_certificate ${caFile}; ssl_verify_client optional_no_ca; ssl_ocsp on;`,
    '"ssl_ocsp" is incompatible with "ssl_verify_client optional_no_ca"',
  ],
  [
    `${verifies} ssl_ocsp_responder https://a.test/;`,
    'invalid URL prefix in OCSP responder "https://a.test/" in "ssl_ocsp_responder"',
  ],
  ['ssl_ocsp maybe;', 'invalid value "maybe"'],
  ['ssl_ocsp_cache on;', 'invalid OCSP cache "on"'],
  ['ssl_ocsp_cache shared:a;', 'invalid OCSP cache "shared:a"'],
  ['ssl_ocsp_cache shared::1m;', 'invalid OCSP cache "shared::1m"'],
  ['ssl_ocsp_cache shared:a:1k;', 'OCSP cache "shared:a:1k" is too small'],
];

test("mistakes are refused in nginx's words", { skip: !nginxAvailable }, async () => {
  for (const [directives, message] of errors) {
    const text = `events { } http { server { listen 127.0.0.1:18443 ssl; ${pair} ${directives} } }`;
    assert.deepEqual(await findings(text), [`error: ${message}`]);
    const nginx = checkConfig(text);
    assert.ok(!nginx.ok && nginx.messages.join('\n').includes(message), nginx.messages.join('\n'));
  }
});

test('one name cannot be caches of two sizes', async () => {
  const both = ['1m', '2m'].map(
    (size, i) =>
      `server { listen 127.0.0.1:1844${i} ssl; ${pair} ${verifies} ssl_ocsp_cache shared:a:${size}; }`,
  );
  assert.deepEqual(await findings(`events { } http { ${both.join(' ')} }`), [
    'error: the size 2097152 of shared memory zone "a" conflicts with already declared size 1048576',
  ]);
});

test('ssl_ocsp of a server that verifies nobody is warned of', async () => {
  const server = `server { listen 127.0.0.1:18443 ssl; ${pair} ssl_ocsp on; }`;
  assert.deepEqual(await findings(`events { } http { ${server} }`), [
    'warning: "ssl_ocsp" has no effect without "ssl_verify_client"',
  ]);
});
