// The first door, by server name on one port: each name has its own policy for client certificates,
// and nothing that was agreed under one is worth anything under another. Node's client and OpenSSL's.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test, type TestContext } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { ExtendedKeyUsage } from '../src/pki/x509.ts';
import { caExtensions, makeCertificate, type Made } from './kit/certificate-maker.ts';
import { HostilePki } from './kit/hostile-upstream.ts';
import { opensslAvailable, opensslConnection, type OpensslConnection } from './kit/openssl.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';
import { pairOf } from './kit/tls-peers.ts';

const pki = await HostilePki.create();
const dayMs = 86_400_000;

function clientCertificate(more: Parameters<HostilePki['leaf']>[0] = {}): Promise<Made> {
  const purposes = [ExtendedKeyUsage.clientAuth];
  return pki.leaf({ commonName: 'client', ...more }, { dns: [], purposes });
}

const lower = await makeCertificate({
  commonName: 'Lower',
  issuer: pki.intermediate,
  extensions: caExtensions(),
});
const revoked = await clientCertificate();
const clients = {
  none: null,
  good: await clientCertificate(),
  unknown: await clientCertificate({ issuer: pki.stranger }),
  'self-signed': await clientCertificate({ issuer: null }),
  expired: await clientCertificate({
    notBefore: new Date(Date.now() - 30 * dayMs),
    notAfter: new Date(Date.now() - dayMs),
  }),
  early: await clientCertificate({ notBefore: new Date(Date.now() + dayMs) }),
  'of a server': pki.a,
  revoked,
  'below one': await clientCertificate({ issuer: pki.intermediate }),
  'below two': await clientCertificate({ issuer: lower }),
} as const satisfies Record<string, Made | null>;

type ClientName = keyof typeof clients;
const clientNames = Object.keys(clients) as ClientName[];

const lists = [
  await pki.crl(pki.root, { revoked: [revoked.pem] }),
  await pki.crl(pki.intermediate),
  await pki.crl(pki.stranger),
];
const listFile = pki.write(lists.map((path) => readFileSync(path, 'utf8')).join(''));
const staleList = await pki.crl(pki.root, {
  thisUpdate: new Date(0),
  nextUpdate: new Date(Date.now() - dayMs),
});

const root = `ssl_client_certificate ${pki.rootFile};`;

/** What a server answers: the verdict, or the refusal. */
const tooLong = 'FAILED:certificate chain too long';
const bad = '400 error';
const absent = '400 missing';

interface Policy {
  readonly directives: string;
  readonly answers: Readonly<Record<ClientName, string>>;
}

// On, as it is without anything else.
const strict: Policy['answers'] = {
  none: absent,
  good: 'SUCCESS',
  unknown: bad,
  'self-signed': bad,
  expired: bad,
  early: bad,
  'of a server': bad,
  revoked: 'SUCCESS',
  'below one': 'SUCCESS',
  'below two': bad,
};

const nothing = Object.fromEntries(clientNames.map((name) => [name, 'NONE'])) as Policy['answers'];

const policies: Readonly<Record<string, Policy>> = {
  'on.test': { directives: `${root} ssl_verify_client on;`, answers: strict },
  'optional.test': {
    directives: `${root} ssl_verify_client optional;`,
    answers: { ...strict, none: 'NONE' },
  },
  'no-ca.test': {
    directives: `${root} ssl_verify_client optional_no_ca;`,
    answers: {
      ...strict,
      none: 'NONE',
      unknown: 'FAILED:unable to verify the first certificate',
      'self-signed': 'FAILED:self-signed certificate',
      'below two': tooLong,
    },
  },
  'off.test': { directives: root, answers: nothing },
  'off-too.test': { directives: '', answers: nothing },
  'flat.test': {
    directives: `${root} ssl_verify_client on; ssl_verify_depth 0;`,
    answers: { ...strict, 'below one': bad },
  },
  'deep.test': {
    directives: `${root} ssl_verify_client on; ssl_verify_depth 2;`,
    answers: { ...strict, 'below two': 'SUCCESS' },
  },
  'stranger.test': {
    directives: `ssl_client_certificate ${pki.strangerFile}; ssl_verify_client on;`,
    answers: {
      ...strict,
      good: bad,
      unknown: 'SUCCESS',
      revoked: bad,
      'below one': bad,
    },
  },
  'crl.test': {
    directives: `${root} ssl_verify_client on; ssl_crl ${listFile};`,
    answers: { ...strict, revoked: bad },
  },
  'stale-crl.test': {
    directives: `${root} ssl_verify_client on; ssl_crl ${staleList};`,
    answers: { ...strict, good: bad, revoked: bad, 'below one': bad },
  },
};

const serverNames = Object.keys(policies);
const forServers = await pki.leaf(
  { commonName: 'servers' },
  { dns: [...serverNames, 'pages.test', 'named.test'] },
);
const { certificate, key } = pki.files(forServers);
const pair = `ssl_certificate ${certificate}; ssl_certificate_key ${key};`;

function server(port: number, name: string, directives: string, answer?: string): string {
  const location = answer ?? 'location / { return 200 $ssl_client_verify; }';
  return `server { listen 127.0.0.1:${port} ssl; server_name ${name}; ${pair} ${directives} ${location} }`;
}

async function startAll(t: TestContext, http = ''): Promise<number> {
  const port = await freePort();
  const servers = Object.entries(policies).map(([name, one]) => server(port, name, one.directives));
  await startProxy(`http { ${http} ${servers.join('\n')} }`, { scope: t });
  return port;
}

function as(client: Made | null, servername: string): ConnectionOptions {
  return { ca: pki.root.pem, servername, ...(client === null ? {} : pairOf(client)) };
}

function shortened(status: number, body: string): string {
  if (status === 200) return body;
  const reason = /The SSL certificate error/.test(body)
    ? 'error'
    : /No required SSL certificate was sent/.test(body)
      ? 'missing'
      : body;
  return `${status} ${reason}`;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`each name on a port has its own policy over ${version}`, async (t) => {
    const port = await startAll(t);
    for (const [name, policy] of Object.entries(policies)) {
      await t.test(name, async () => {
        const answers: Record<string, string> = {};
        for (const who of clientNames) {
          const tls = { ...as(clients[who], name), minVersion: version, maxVersion: version };
          const { status, body } = await request({ port, headers: { Host: name }, tls });
          answers[who] = shortened(status, body.toString());
        }
        assert.deepEqual(answers, policy.answers);
      });
    }
  });
}

// ---- OpenSSL's client: it offers a session under whatever name it is told to

const skip = { skip: !opensslAvailable };

interface Asking {
  readonly port: number;
  readonly version: string;
}

function ask(
  { port, version }: Asking,
  name: string,
  args: readonly string[] = [],
): Promise<OpensslConnection> {
  return opensslConnection(
    port,
    [version, '-servername', name, ...args],
    `GET / HTTP/1.1\r\nHost: ${name}\r\nConnection: close\r\n\r\n`,
  );
}

function show(client: Made): string[] {
  const files = pki.files(client);
  return ['-cert', files.certificate, '-key', files.key];
}

function answerOf({ output }: OpensslConnection): string {
  const status = Number(/HTTP\/1\.1 (\d{3})/.exec(output)?.[1] ?? 0);
  const [, body = ''] = output.split('\r\n\r\n');
  if (status !== 200) return shortened(status, output);
  return /SUCCESS|FAILED|NONE/.exec(body)?.[0] ?? '';
}

// With a cache for TLS 1.2 as well: no kind of session may cross.
for (const [version, cache] of [
  ['-tls1_2', ''],
  ['-tls1_2', 'ssl_session_tickets off; ssl_session_cache shared:all:1m;'],
  ['-tls1_3', ''],
] as const) {
  const how = cache === '' ? version : `${version} with a shared cache`;
  test(`no session of one server is taken for another's (${how})`, skip, async (t) => {
    const asking = { port: await startAll(t, cache), version };
    const folder = tempFolder(t);
    let resumedAtHome = 0;
    for (const home of serverNames) {
      const file = `${folder}/${home}.pem`;
      const good = home === 'stranger.test' ? clients.unknown : clients.good;
      await ask(asking, home, [...show(good), '-sess_out', file]);
      // Without its certificate: whoever resumes has to know what the first one showed.
      const again = await ask(asking, home, ['-sess_in', file]);
      if (again.reused) resumedAtHome += 1;
      else assert.equal(answerOf(again), policies[home]?.answers.none, home);
      for (const other of serverNames.filter((name) => name !== home)) {
        const crossed = await ask(asking, other, ['-sess_in', file]);
        assert.equal(crossed.reused, false, `${home} at ${other}`);
        assert.equal(answerOf(crossed), policies[other]?.answers.none, `${home} at ${other}`);
      }
    }
    // Else nothing was shown.
    assert.ok(resumedAtHome >= 2, 'sessions are resumed where they were made');
  });
}

test('a Host of another policy than the handshake had is misdirected', async (t) => {
  const port = await startAll(t);
  const statusOf = async (sni: string, client: Made | null, host: string): Promise<number> => {
    const connection = await RawConnection.open({ port, tls: as(client, sni) });
    const { status } = await connection.request({ headers: { Host: host } });
    connection.close();
    return status;
  };
  const verifying = serverNames.filter((name) => !name.startsWith('off'));
  for (const host of verifying) {
    for (const sni of serverNames.filter((name) => name !== host)) {
      const client = sni === 'stranger.test' ? clients.unknown : clients.good;
      assert.equal(await statusOf(sni, client, host), 421, `SNI ${sni}, Host ${host}`);
    }
  }
  // Where nobody is verified there is nothing to profit from.
  assert.equal(await statusOf('on.test', clients.good, 'off.test'), 200);
});

test('error_page has pages for a missing and for a bad certificate', async (t) => {
  const port = await freePort();
  const on = `${root} ssl_verify_client on;`;
  const pages = `
    error_page 495 /bad; error_page 496 =403 /none;
    location / { return 200 welcome; }
    location = /bad { return 200 "bad: $ssl_client_verify"; }
    location = /none { return 200 "none: $ssl_client_verify"; }`;
  const named = `
    error_page 495 496 =401 @named; location / { return 200 welcome; }
    location @named { return 401 "named: $ssl_client_verify"; }`;
  await startProxy(
    `http { ${server(port, 'pages.test', on, pages)} ${server(port, 'named.test', on, named)} }`,
    { scope: t },
  );
  const answer = async (name: string, who: ClientName): Promise<string> => {
    const tls = as(clients[who], name);
    const { status, body } = await request({ port, headers: { Host: name }, tls });
    return `${status} ${body.toString()}`;
  };
  const expired = 'FAILED:certificate has expired';
  assert.equal(await answer('pages.test', 'good'), '200 welcome');
  assert.equal(await answer('pages.test', 'expired'), `400 bad: ${expired}`);
  assert.equal(await answer('pages.test', 'none'), '403 none: NONE');
  assert.equal(await answer('named.test', 'expired'), `401 named: ${expired}`);
  assert.equal(await answer('named.test', 'none'), '401 named: NONE');
});
