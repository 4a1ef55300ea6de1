// Client certificates beyond what nginx 1.22 is compared for: revocation lists, CAs that are trusted
// without being named, and all of it by server name on one port.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { CertificateAuthority } from '../src/pki/authority.ts';
import { assertSameAsNginx, compareWithNginx, type ComparedRequest } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { testPki, type KeyPair } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { serverPairs } from './kit/server-pairs.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const names = ['strict.test', 'mild.test', 'any.test', 'open.test', 'deep.test'] as const;
const pairs = await serverPairs(names);
const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

type Pair = KeyPair['tls'];

const second = await CertificateAuthority.create({ commonName: 'Second root' });
const secondFile = writeIn(folder, 'second.crt', second.certificatePem);

async function client(by: CertificateAuthority, commonName: string): Promise<Pair> {
  const issued = await by.issue({ commonName, purpose: 'client' });
  return { cert: issued.chainPem, key: issued.keyPem };
}

const good = await client(pki.root, 'good');
const revoked = await client(pki.root, 'revoked');
const ofSecond = await client(second, 'of second');
const intermediate = await pki.root.issueIntermediate({ commonName: 'Clients' });
const below = await client(intermediate, 'below');
const twoBelow = await client(
  await intermediate.issueIntermediate({ commonName: 'Fewer clients' }),
  'two below',
);

const day = 86_400_000;
const ago = new Date(Date.now() - day);
const rootCrl = await pki.root.crl({ revoked: [revoked.cert] });
const crl = writeIn(folder, 'root.crl', rootCrl);
const bothCrls = writeIn(folder, 'both.crl', rootCrl + (await intermediate.crl({ revoked: [] })));
const middleCrl = writeIn(folder, 'middle.crl', await intermediate.crl({ revoked: [] }));
const staleCrl = writeIn(
  folder,
  'stale.crl',
  await pki.root.crl({ revoked: [], thisUpdate: new Date(Date.now() - 2 * day), nextUpdate: ago }),
);

const clients: Readonly<Record<string, Pair | null>> = {
  none: null,
  good,
  revoked,
  'below an intermediate': below,
  unknown: pki.untrustedClient.tls,
};

for (const [name, list] of [
  ['the CRL of the root', crl],
  ['the CRLs of root and intermediate', bothCrls],
  ['a stale CRL', staleCrl],
] as const) {
  test(`${name}: clients are judged as by nginx`, { skip: !nginxAvailable }, async (t) => {
    const observed = await compareWithNginx({
      proxy: proxyStarter,
      config: ({ port }) => `events { } http {
        server { listen 127.0.0.1:${port} ssl; ${pairs['open.test']}
          ssl_client_certificate ${pki.caFile}; ssl_crl ${list}; ssl_verify_client on;
          error_page 495 = /bad; error_page 496 = /none;
          location / { return 200 "$ssl_client_verify"; }
          location /bad { return 403 "bad: $ssl_client_verify"; }
          location /none { return 403 "none: $ssl_client_verify"; } } }`,
      requests: Object.entries(clients).map(([who, pair]): ComparedRequest => ({
        name: who,
        headers: { Host: 'open.test' },
        tls: { ca: pki.ca, servername: 'open.test', ...pair },
      })),
      scope: t,
    });
    assertSameAsNginx(observed);
  });
}

async function verify(port: number, servername: string, pair: Pair | null): Promise<string> {
  const tls = { ca: pki.ca, servername, ...pair };
  const { status, body } = await request({ port, headers: { Host: servername }, tls });
  return status === 200 ? body.toString() : String(status);
}

test('several files of CRLs are one', async (t) => {
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; ${pairs['open.test']}
      ssl_client_certificate ${pki.caFile}; ssl_verify_client on; ssl_crl ${crl} ${middleCrl};
      return 200 $ssl_client_verify; } }`,
    { scope: t },
  );
  assert.equal(await verify(port, 'open.test', below), 'SUCCESS');
  assert.equal(await verify(port, 'open.test', revoked), '400');
});

test('a CRL that is out of date is named at load, with its nextUpdate', async () => {
  const { ok, diagnostics } = await loadConfig({
    file: `${folder}/a.conf`,
    text: `events { } http { server { listen 127.0.0.1:18443 ssl; ${pairs['open.test']}
      ssl_client_certificate ${pki.caFile}; ssl_verify_client on;
      ssl_crl ${staleCrl}; } }`,
    prefix: folder,
  });
  assert.equal(ok, true);
  const [warning] = diagnostics.filter(({ message }) => message.includes('stale.crl'));
  assert.equal(warning?.at?.line, 3);
  assert.match(warning.message, /the CRL of "CN=Test root" was to be renewed by /);
  assert.ok(warning.message.includes(ago.toISOString().slice(0, 16)), warning.message);
});

test('each server name of a port judges clients in its own way', async (t) => {
  const port = await freePort();
  const server = (name: keyof typeof pairs, settings: string): string =>
    `server { listen 127.0.0.1:${port} ssl; server_name ${name}; ${pairs[name]} ${settings}
      return 200 $ssl_client_verify; }`;
  const ca = `ssl_client_certificate ${pki.caFile};`;
  await startProxy(
    `http {
      ${server('open.test', '')}
      ${server('strict.test', `${ca} ssl_verify_client on; ssl_crl ${crl};`)}
      ${server('mild.test', `${ca} ssl_verify_client optional;`)}
      ${server('any.test', `${ca} ssl_verify_client optional_no_ca;`)}
      ${server('deep.test', `${ca} ssl_verify_client optional; ssl_verify_depth 2;`)} }`,
    { scope: t },
  );
  const judged = async (pair: Pair | null): Promise<string[]> =>
    Promise.all(names.map((name) => verify(port, name, pair)));
  assert.deepEqual(await judged(null), ['400', 'NONE', 'NONE', 'NONE', 'NONE']);
  assert.deepEqual(await judged(good), ['SUCCESS', 'SUCCESS', 'SUCCESS', 'NONE', 'SUCCESS']);
  assert.deepEqual(await judged(revoked), ['400', 'SUCCESS', 'SUCCESS', 'NONE', 'SUCCESS']);
  assert.deepEqual(await judged(twoBelow), [
    '400',
    '400',
    'FAILED:certificate chain too long',
    'NONE',
    'SUCCESS',
  ]);
  const [strict, mild, any, open] = await judged(pki.untrustedClient.tls);
  assert.deepEqual([strict, mild, open], ['400', '400', 'NONE']);
  assert.match(any ?? '', /^FAILED:unable to /);
});

test('a CA is trusted without being named to clients', { skip: !opensslAvailable }, async (t) => {
  const settings = {
    named: `ssl_client_certificate ${pki.caFile};`,
    unnamed: `ssl_trusted_certificate ${pki.caFile};`,
    both: `ssl_client_certificate ${pki.caFile}; ssl_trusted_certificate ${secondFile};`,
  };
  const seen: Record<string, unknown> = {};
  for (const [name, text] of Object.entries(settings)) {
    const port = await freePort();
    await startProxy(
      `http { server { listen 127.0.0.1:${port} ssl; ${pairs['open.test']} ${text}
        ssl_verify_client on; return 200 $ssl_client_verify; } }`,
      { scope: t },
    );
    const { output } = await opensslConnection(port, ['-servername', 'open.test']);
    const [, list = ''] =
      /Acceptable client certificate CA names\n((?:.*=.*\n)*)/.exec(output) ?? [];
    seen[name] = [
      list.match(/CN = [\w ]+/g) ?? [],
      await verify(port, 'open.test', good),
      await verify(port, 'open.test', ofSecond),
    ];
  }
  assert.deepEqual(seen, {
    named: [['CN = Test root'], 'SUCCESS', '400'],
    unnamed: [[], 'SUCCESS', '400'],
    both: [['CN = Test root'], 'SUCCESS', 'SUCCESS'],
  });
});

test('trusting a CA for one server changes nothing for the others', async (t) => {
  const port = await freePort();
  const server = (name: keyof typeof pairs, ca: string): string =>
    `server { listen 127.0.0.1:${port} ssl; server_name ${name}; ${pairs[name]} ${ca}
      ssl_verify_client on; return 200 $ssl_client_verify; }`;
  await startProxy(
    `http {
      ${server('strict.test', `ssl_trusted_certificate ${secondFile};`)}
      ${server('mild.test', `ssl_client_certificate ${pki.caFile};`)}
      ${server('any.test', `ssl_trusted_certificate ${pki.caFile};`)} }`,
    { scope: t },
  );
  const judged = (pair: Pair): Promise<string[]> =>
    Promise.all(['strict.test', 'mild.test', 'any.test'].map((name) => verify(port, name, pair)));
  assert.deepEqual(await judged(good), ['400', 'SUCCESS', 'SUCCESS']);
  assert.deepEqual(await judged(ofSecond), ['SUCCESS', '400', '400']);
});
