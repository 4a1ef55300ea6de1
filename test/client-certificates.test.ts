// The first door: client certificates beside real nginx. Every form of ssl_verify_client meets every
// kind of certificate over both TLS versions; status, page and variables must be nginx's.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { assertSameAsNginx, compareWithNginx, type ComparedRequest } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { testPki, type KeyPair } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';
import { selfSigned, type CertificateAuthority } from '../src/pki/authority.ts';

const pki = await testPki();
const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

type Pair = KeyPair['tls'];

async function chainOf(length: number): Promise<Pair> {
  let authority: CertificateAuthority = pki.root;
  for (let i = 0; i < length; i += 1) {
    authority = await authority.issueIntermediate({ commonName: `Clients ${i}` });
  }
  const issued = await authority.issue({ commonName: 'chained', purpose: 'client' });
  return { cert: issued.chainPem, key: issued.keyPem };
}

async function clientCalled(commonName: string): Promise<Pair> {
  const issued = await pki.root.issue({ commonName, purpose: 'client' });
  return { cert: issued.chainPem, key: issued.keyPem };
}

const own = await selfSigned({ commonName: 'self', purpose: 'client' });
const leafOnly = (pair: Pair): Pair => ({
  ...pair,
  cert: `${pair.cert.split('END CERTIFICATE-----')[0] ?? ''}END CERTIFICATE-----\n`,
});
const chained = await chainOf(1);
const future = await pki.root.issue({
  commonName: 'future',
  purpose: 'client',
  notBefore: new Date(Date.now() + 86_400_000),
});

const clients: Readonly<Record<string, Pair | null>> = {
  none: null,
  good: pki.client.tls,
  unknown: pki.untrustedClient.tls,
  expired: pki.expiredClient.tls,
  'not yet valid': { cert: future.certificatePem, key: future.keyPem },
  'self-signed': { cert: own.certificatePem, key: own.keyPem },
  'of a server': pki.a.tls,
  'below one intermediate': chained,
  'below two intermediates': await chainOf(2),
  'without its intermediate': leafOnly(chained),
};

const forms = ['on', 'optional', 'optional_no_ca', 'off'] as const;
const serverNames = [...forms.map((form) => `${form.replaceAll('_', '-')}.test`), 'deep.test'];

const forServers = await pki.root.issue({
  commonName: 'servers',
  dns: [...serverNames, 'pages.test'],
  purpose: 'server',
});
const pair =
  `ssl_certificate ${writeIn(folder, 'servers.crt', forServers.chainPem)};` +
  `ssl_certificate_key ${writeIn(folder, 'servers.key', forServers.keyPem)};`;

const variables = ['verify', 's_dn', 'i_dn', 'serial', 'fingerprint', 'v_start', 'v_end']
  .map((name) => `$ssl_client_${name}`)
  .join('|');
const facts =
  `return 200 "${variables}|$ssl_protocol|$ssl_server_name|$ssl_session_reused` +
  `|$ssl_client_escaped_cert|$ssl_client_raw_cert|$ssl_client_cert";`;

function server(port: number, name: string, mode: string, more = ''): string {
  return `server { listen 127.0.0.1:${port} ssl; server_name ${name}; ${pair}
    ssl_client_certificate ${pki.caFile}; ssl_verify_client ${mode}; ${more} }`;
}

function config(port: number): string {
  const servers = forms.map((form) =>
    server(port, `${form.replaceAll('_', '-')}.test`, form, facts),
  );
  return `events { }
    http { ssl_protocols TLSv1.2 TLSv1.3; ${servers.join('\n')} ${server(port, 'deep.test', 'on', `ssl_verify_depth 2; ${facts}`)} }`;
}

function as(client: Pair | null, servername: string, version?: ConnectionOptions['minVersion']) {
  return {
    ca: pki.ca,
    servername,
    ...(client ?? {}),
    ...(version === undefined ? {} : { minVersion: version, maxVersion: version }),
  };
}

// nginx's text names the issuer that OpenSSL did not look for any more.
const tooLong = 'the text says that the chain is too long';
function isTooLong(name: string, who: string): boolean {
  return name === 'optional-no-ca.test' && who === 'below two intermediates';
}

const everyone = Object.entries(clients);
const rows: ComparedRequest[] = (['TLSv1.2', 'TLSv1.3'] as const).flatMap((version) =>
  serverNames.flatMap((name) =>
    everyone.map(([who, client]) => ({
      name: `${name} with ${version} and a client certificate: ${who}`,
      headers: { Host: name },
      tls: as(client, name, version),
      ...(isTooLong(name, who) ? { differs: tooLong } : {}),
    })),
  ),
);

const beside = { skip: !nginxAvailable };

test(
  'certificates, forms and versions: status, page and variables are as in nginx',
  beside,
  async (t) => {
    const pairs = await compareWithNginx({
      proxy: proxyStarter,
      config: ({ port }) => config(port),
      requests: rows,
      scope: t,
    });
    assertSameAsNginx(pairs);
    const statuses = pairs.map(({ proxy }) => proxy.rawAnswers[0]?.status ?? 0);
    assert.ok(statuses.filter((status) => status === 400).length > 30);
    assert.ok(statuses.filter((status) => status === 200).length > 30);
  },
);

const nastyNames = [
  'comma, plus + and "quotes"',
  '<less> ; semicolon = equals \\ backslash',
  '#hash first',
  ' spaces around ',
  'two  spaces',
  'Jörg Ñandú 東京 𝄞',
  'line\nbreak and tab\t',
  'slash/CN=inside',
  'a + CN=b',
];

test('names of clients are written as nginx writes them', beside, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) =>
      `events { }
      http { ${server(port, 'on.test', 'on', 'return 200 "$ssl_client_s_dn|$ssl_client_i_dn";')} }`,
    requests: await Promise.all(
      nastyNames.map(async (name) => ({
        name: JSON.stringify(name),
        tls: as(await clientCalled(name), 'on.test'),
      })),
    ),
    scope: t,
  });
  assertSameAsNginx(pairs);
});

test('error_page shows other pages for a missing and for a bad certificate', beside, async (t) => {
  const pages = `
    error_page 495 /bad;
    error_page 496 =403 /none;
    location / { return 200 "welcome"; }
    location = /bad { return 200 "bad: $ssl_client_verify $request_uri"; }
    location = /none { return 200 "none: $ssl_client_verify"; }`;
  const welcome = 'location / { return 200 "welcome"; }';
  const named = 'error_page 495 496 =401 @named; location @named { return 401 "named"; }';
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ ports: [first = 0, second = 0, third = 0] }) =>
      `events { }
      http {
        ${server(first, 'pages.test', 'on', pages)}
        ${server(second, 'pages.test', 'on', `${welcome} ${named}`)}
        ${server(third, 'pages.test', 'on', `${welcome} error_page 495 496 https://elsewhere.test/why;`)}
      }`,
    listens: 3,
    requests: [0, 1, 2].flatMap((to) =>
      (['none', 'good', 'unknown', 'expired'] as const).flatMap((who) =>
        ['GET', 'POST'].map((method) => ({
          name: `${method} to server ${to} with a client certificate: ${who}`,
          method,
          to,
          path: '/some/where?x=1',
          headers: { Host: 'pages.test' },
          tls: as(clients[who] ?? null, 'pages.test'),
          ...(method === 'POST' ? { body: 'content' } : {}),
        })),
      ),
    ),
    scope: t,
  });
  assertSameAsNginx(pairs);
});

test('a refused client leaves its reason in the error log', async (t) => {
  const port = await freePort();
  const proxy = await startProxy(config(port), { scope: t });
  const ask = (client: Pair | null) =>
    request({ port, headers: { Host: 'on.test' }, tls: as(client, 'on.test') });
  assert.equal((await ask(null)).status, 400);
  assert.equal((await ask(pki.expiredClient.tls)).status, 400);
  assert.match(proxy.errorLog(), /client sent no required SSL certificate, client: 127\.0\.0\.1/);
  assert.match(
    proxy.errorLog(),
    /client SSL certificate verify error: FAILED:certificate has expired, client: 127\.0\.0\.1/,
  );
});
