// `audit --probe` against real TLS servers with every defect of the matrix: the verdict is that of a
// real connection, no server gets a byte of a request, and what the probe advises verifies.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import {
  audit,
  probe,
  readTextSource,
  reportFormats,
  saveIssuers,
  type AuditReport,
  type Dialect,
  type ServerProbe,
} from '../src/index.ts';
import { hostileChains } from './kit/hostile-chains.ts';
import { hostileHandshakes } from './kit/hostile-handshakes.ts';
import { hostileIdentities } from './kit/hostile-identities.ts';
import { hostileRevocation } from './kit/hostile-revocation.ts';
import { HostilePki, pinOf, type HostileUpstream } from './kit/hostile-upstream.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { opensslAvailable } from './kit/openssl.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { followAdvice, type Means } from './kit/probe-advice.ts';
import { runCommand } from './kit/run-command.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';
import { listenForPeer, type Peer } from './kit/tls-peers.ts';

const skip = { skip: !opensslAvailable };
const pki = await testPki();

interface Zoo {
  readonly pki: HostilePki;
  readonly rows: readonly HostileUpstream[];
}

async function makeZoo(): Promise<Zoo> {
  const made = await HostilePki.create();
  const parts = [hostileIdentities, hostileChains, hostileRevocation, hostileHandshakes];
  return { pki: made, rows: (await Promise.all(parts.map((part) => part(made)))).flat() };
}

function read(text: string, dialect: Dialect = 'sallyport'): AuditReport {
  return audit(readTextSource(text, 'nginx.conf'), { dialect });
}

function locations(peers: readonly Peer[], directives: readonly string[]): string {
  const all = peers.map(
    ({ address }, i) => `location /${i} { proxy_pass https://${address}/page; ${directives[i]} }`,
  );
  return all.join('\n');
}

/** What was found at each hop, one server each. */
function found(report: AuditReport): readonly ServerProbe[] {
  return report.hops.map(({ probe: probes }) => probes?.[0] ?? never());
}

function never(): never {
  throw new Error('nothing was found');
}

async function statuses(t: TestContext, blocks: string, count: number): Promise<number[]> {
  const port = await freePort();
  await startProxy(`http { server { listen 127.0.0.1:${port}; ${blocks} } }`, { scope: t });
  const all: number[] = [];
  for (let i = 0; i < count; i += 1) {
    all.push((await request({ port, path: `/${i}` })).status);
  }
  return all;
}

// What only the upstream, or who issues its certificate or list, can mend.
const beyondConfiguration = new Set([
  'UPSTREAM_TLS_EXPIRED',
  'UPSTREAM_TLS_NOT_YET_VALID',
  'UPSTREAM_TLS_UNTRUSTED',
  'UPSTREAM_TLS_PATH_LENGTH_EXCEEDED',
  'UPSTREAM_TLS_NAME_CONSTRAINT',
  'UPSTREAM_TLS_INVALID_CA',
  'UPSTREAM_TLS_WRONG_PURPOSE',
  'UPSTREAM_TLS_WEAK_SIGNATURE',
  'UPSTREAM_TLS_WEAK_KEY',
  'UPSTREAM_TLS_REVOKED',
  'UPSTREAM_TLS_CRL_EXPIRED',
  'UPSTREAM_TLS_CRL_MISSING',
  'UPSTREAM_TLS_OCSP_INVALID',
  'UPSTREAM_TLS_NOT_TLS',
  'UPSTREAM_TLS_HANDSHAKE_FAILED',
  'UPSTREAM_TLS_HANDSHAKE_CLOSED',
  'UPSTREAM_TLS_KEY_MISMATCH',
]);
const beyondToo = new Set([
  'a partial wildcard',
  'an IP address that is there as a DNS name only',
  'no staple where the certificate says must-staple',
]);

function mendable({ name, code }: HostileUpstream): boolean {
  return !beyondConfiguration.has(code) && !beyondToo.has(name);
}

function meansFor({ pki: made, rows }: Zoo, folder: string, row: HostileUpstream): Means {
  const authorities = {
    'Matrix root': made.root.pem,
    'Matrix intermediate': made.intermediate.pem + made.root.pem,
    'Strange root': made.stranger.pem,
  };
  return { folder, authorities, client: rows.find((one) => one === row)?.good.directives ?? '' };
}

test('each hostile upstream gets its verdict, and what is advised verifies', skip, async (t) => {
  const zoo = await makeZoo();
  const folder = tempFolder(t);
  const peers = await Promise.all(zoo.rows.map((row) => row.bad.start(t)));
  const text = locations(
    peers,
    zoo.rows.map((row) => row.bad.directives),
  );
  const report = await probe(read(`http { server { ${text} } }`), { saveFolder: folder });
  saveIssuers(report, folder);
  const probes = found(report);
  for (const [i, row] of zoo.rows.entries()) {
    const one = probes[i] ?? never();
    await t.test(`${row.name}: ${mendable(row) ? 'is mended' : 'cannot be mended'}`, () => {
      assert.equal(one.code, row.code, one.message);
      assert.equal(one.ok, false);
      assert.equal(one.verdict, mendable(row) ? 'fixable' : 'cannot', one.message);
      assert.equal(one.advice === null, !mendable(row));
      assert.equal(one.blockedBy, mendable(row) ? null : row.code);
    });
  }
  const advised = probes.map(({ advice }, i) => {
    const row = zoo.rows[i] ?? never();
    const { directives } = row.bad;
    return advice === null
      ? 'return 204;'
      : followAdvice(directives, advice, meansFor(zoo, folder, row));
  });
  const got = await statuses(t, locations(peers, advised), peers.length);
  for (const [i, row] of zoo.rows.entries()) {
    if (!mendable(row)) continue;
    await t.test(`${row.name}: answers once the advice is followed`, () => {
      assert.equal(got[i], 200, advised[i] ?? '');
    });
  }
});

test('no server that is probed gets a byte of a request', skip, async (t) => {
  const { rows } = await makeZoo();
  const peers = await Promise.all(rows.map((row) => row.bad.start(t)));
  const text = locations(
    peers,
    rows.map((row) => row.bad.directives),
  );
  await probe(read(`http { server { ${text} } }`));
  assert.deepEqual(
    rows.filter((_, i) => peers[i]?.sawRequest()).map(({ name }) => name),
    [],
  );
});

test('their twins without the defect verify as they are', skip, async (t) => {
  const { rows } = await makeZoo();
  const peers = await Promise.all(rows.map((row) => row.good.start(t)));
  const text = locations(
    peers,
    rows.map((row) => row.good.directives),
  );
  const probes = found(await probe(read(`http { server { ${text} } }`)));
  for (const [i, { name }] of rows.entries()) {
    await t.test(`without that (${name})`, () => {
      const { verdict, ok, advice, message } = probes[i] ?? never();
      assert.deepEqual(
        { verdict, ok, advice },
        { verdict: 'verified', ok: true, advice: null },
        message,
      );
    });
  }
});

test(
  'a pin is advised where the CA is unknown or no name fits, and it is enough',
  skip,
  async (t) => {
    const { rows, pki: made } = await makeZoo();
    const wanted = ['a self-signed certificate', 'a CA that is not trusted', 'a partial wildcard'];
    const chosen = rows.filter(({ name }) => wanted.includes(name));
    const peers = await Promise.all(chosen.map((row) => row.bad.start(t)));
    const text = locations(
      peers,
      chosen.map((row) => row.bad.directives),
    );
    const probes = found(await probe(read(`http { server { ${text} } }`)));
    const means = { folder: tempFolder(t), authorities: {}, client: '' };
    const pinned = probes.map(({ pinAdvice }, i) => {
      const { presents, bad } = chosen[i] ?? never();
      assert.ok(pinAdvice?.directives.join(' ').includes(pinOf(presents ?? never())));
      const followed = followAdvice(bad.directives, pinAdvice ?? never(), means);
      return followed.replace('sha256/PIN-OF-A-BACKUP-KEY', pinOf(made.stranger));
    });
    assert.deepEqual(await statuses(t, locations(peers, pinned), peers.length), [200, 200, 200]);
  },
);

function tlsServer(t: TestContext, name: 'a' | 'b' | 'chained' | 'localhost' | 'nameless') {
  return RecordingUpstream.start({ tls: pki[name].tls }, t);
}

test('the facts of a server are told: chain, names, CAs, depth, protocol', async (t) => {
  const upstream = await tlsServer(t, 'chained');
  const [one = never()] = found(
    await probe(
      read(`http { server { location / { proxy_pass https://${upstream.address};
        proxy_ssl_name a.test; proxy_ssl_trusted_certificate ${pki.caFile}; } } }`),
    ),
  );
  assert.equal(one.verdict, 'verified');
  assert.deepEqual(one.configuredTrust, { ok: true, code: null });
  assert.deepEqual(one.systemTrust, { ok: false, code: 'UPSTREAM_TLS_UNKNOWN_ISSUER' });
  assert.equal(one.depth, 1);
  assert.equal(one.protocol, 'TLSv1.3');
  assert.notEqual(one.curve, '');
  assert.equal(one.ocsp, 'none');
  assert.deepEqual(
    one.chain.map(({ subject, key }) => [subject, key]),
    [
      ['CN=a.test', 'ec prime256v1'],
      ['CN=Test intermediate', 'ec prime256v1'],
    ],
  );
  assert.deepEqual(one.names, [
    { name: 'a.test', source: 'configured', matches: true },
    { name: '127.0.0.1', source: 'server', matches: false },
  ]);
});

test('a hop that verifies nothing is told what is missing to the switch', async (t) => {
  const upstream = await tlsServer(t, 'a');
  const text = `proxy_ssl_name a.test; proxy_ssl_trusted_certificate ${pki.caFile};`;
  const [one = never()] = found(
    await probe(
      read(`http { server { location / { proxy_pass https://${upstream.address}; ${text}
        proxy_ssl_verify off; } } }`),
    ),
  );
  assert.equal(one.verdict, 'would-verify');
  assert.equal(one.ok, true);
  assert.deepEqual(one.advice?.directives, ['proxy_ssl_verify on;']);
  assert.equal(one.advice.proved, true);
});

test('each server of a group gets its own name and its own line', async (t) => {
  const [first, second] = [await tlsServer(t, 'a'), await tlsServer(t, 'b')];
  const group = (lines: readonly string[]): string => `upstream app { ${lines.join(' ')} }`;
  const pass = `proxy_pass https://app; proxy_ssl_trusted_certificate ${pki.caFile};`;
  const before = group([`server ${first.address} weight=2;`, `server ${second.address};`]);
  const report = await probe(read(`http { ${before} server { location / { ${pass} } } }`));
  const probes = report.hops[0]?.probe ?? [];
  const lines = probes.map(({ advice }) => advice?.serverLine ?? '');
  assert.deepEqual(lines, [
    `server ${first.address} weight=2 ssl_name=a.test;`,
    `server ${second.address} ssl_name=b.test;`,
  ]);
  const port = await freePort();
  await startProxy(
    `http { ${group(lines)} server { listen 127.0.0.1:${port}; location / { ${pass} } } }`,
    { scope: t },
  );
  for (let i = 0; i < 3; i += 1) assert.equal((await request({ port })).status, 200);
  assert.ok(first.requests.length > 0 && second.requests.length > 0);
});

const onlyNginx = { skip: !nginxAvailable };

async function nginxServer(t: TestContext, name: 'localhost' | 'chained'): Promise<number> {
  const port = await freePort();
  await startNginx(
    `events { }
http { server { listen 127.0.0.1:${port} ssl; return 200 hello;
  ssl_certificate ${pki[name].certificate}; ssl_certificate_key ${pki[name].key}; } }`,
    { scope: t },
  );
  return port;
}

async function throughNginx(t: TestContext, http: string, location: string): Promise<number> {
  const port = await freePort();
  await startNginx(
    `events { }
http { ${http} server { listen 127.0.0.1:${port}; location / { ${location} } } }`,
    { scope: t },
  );
  return (await request({ port })).status;
}

test("what is advised for nginx's configuration verifies in nginx", onlyNginx, async (t) => {
  const upstreamPort = await nginxServer(t, 'localhost');
  const group = `upstream app { server 127.0.0.1:${upstreamPort}; }`;
  const written = `proxy_pass https://app; proxy_ssl_trusted_certificate ${pki.caFile};`;
  const text = `http { ${group} server { location / { ${written} } } }`;
  const [one = never()] = found(await probe(read(text, 'nginx')));
  assert.equal(one.verdict, 'fixable');
  assert.equal(one.code, 'UPSTREAM_TLS_NAME_MISMATCH');
  assert.ok(one.advice?.directives.includes('proxy_ssl_name localhost;'));
  const means = { folder: tempFolder(t), authorities: {}, client: '' };
  const followed = followAdvice(written, one.advice ?? never(), means);
  assert.equal(await throughNginx(t, group, followed), 200);
  assert.equal(await throughNginx(t, group, `${written} proxy_ssl_verify on;`), 502);
});

test(
  'nginx compares an address with no IP name of a certificate, and is told so',
  onlyNginx,
  async (t) => {
    const port = await nginxServer(t, 'localhost');
    const written = `proxy_pass https://127.0.0.1:${port}; proxy_ssl_verify on;
    proxy_ssl_trusted_certificate ${pki.caFile};`;
    const text = `http { server { location / { ${written} } } }`;
    assert.equal(await throughNginx(t, '', written), 502);
    const [one = never()] = found(await probe(read(text, 'nginx')));
    assert.equal(one.code, 'UPSTREAM_TLS_NAME_MISMATCH');
    const means = { folder: tempFolder(t), authorities: {}, client: '' };
    const followed = followAdvice(written, one.advice ?? never(), means);
    assert.equal(await throughNginx(t, '', followed), 200);
    assert.equal(found(await probe(read(text, 'sallyport')))[0]?.verdict, 'verified');
  },
);

test(
  'without a CA nginx verifies nothing: one is advised, and the depth that is needed',
  onlyNginx,
  async (t) => {
    const port = await nginxServer(t, 'chained');
    const written = `proxy_pass https://127.0.0.1:${port}; proxy_ssl_verify_depth 0;`;
    const [one = never()] = found(
      await probe(read(`http { server { location / { ${written} } } }`, 'nginx')),
    );
    assert.equal(one.verdict, 'fixable');
    assert.equal(one.missing, 'CN=Test root');
    assert.equal(one.advice?.proved, false, one.message);
    const means = { folder: tempFolder(t), authorities: { 'Test root': pki.ca }, client: '' };
    const followed = followAdvice(written, one.advice ?? never(), means);
    assert.match(followed, /proxy_ssl_verify_depth 1;/);
    assert.equal(await throughNginx(t, '', followed), 200);
  },
);

test('a client certificate that the hop has is shown', async (t) => {
  const upstream = await RecordingUpstream.start(
    { tls: { ...pki.a.tls, ca: pki.ca, requestCert: true, rejectUnauthorized: true } },
    t,
  );
  const hop = (more: string): AuditReport =>
    read(`http { server { location / { proxy_pass https://${upstream.address}; ${more}
      proxy_ssl_name a.test; proxy_ssl_trusted_certificate ${pki.caFile}; } } }`);
  const { certificate, key } = pki.client;
  const shown = `proxy_ssl_certificate ${certificate}; proxy_ssl_certificate_key ${key};`;
  assert.equal(found(await probe(hop(shown)))[0]?.verdict, 'verified');
  const [without = never()] = found(await probe(hop('')));
  assert.notEqual(without.verdict, 'verified');
  assert.deepEqual(without.configuredTrust, { ok: true, code: null });
});

/** Accepts, and never says a word. Tells how many were connected at once. */
async function silentServer(t: TestContext): Promise<{ address: string; most(): number }> {
  let [open, most] = [0, 0];
  const server = createServer((socket) => {
    open += 1;
    most = Math.max(most, open);
    socket.on('close', () => (open -= 1));
    socket.resume();
  });
  return { address: await listenForPeer(server, t), most: () => most };
}

test('a server that says nothing is given up, and only so many are asked at once', async (t) => {
  const { address, most } = await silentServer(t);
  const blocks = Array.from(
    { length: 9 },
    (_, i) => `location /${i} { proxy_pass https://${address}; }`,
  );
  const report = read(`http { server { ${blocks.join(' ')} } }`);
  const probes = found(await probe(report, { timeoutMs: 100, parallel: 3 }));
  assert.equal(probes.length, 9);
  for (const one of probes) {
    assert.equal(one.verdict, 'unreachable');
    assert.equal(one.code, 'UPSTREAM_CONNECT_TIMEOUT');
  }
  // One that is given up may not have been seen to close when the next comes.
  assert.ok(most() <= 6, `${most()} at once`);
});

test('every address of a name is probed, and a name that is not found says so', async (t) => {
  const upstream = await tlsServer(t, 'a');
  const lookup = (host: string): Promise<readonly string[]> =>
    host === 'a.test'
      ? Promise.resolve(['127.0.0.1', '127.0.0.1', '127.0.0.2'])
      : Promise.reject(new Error('ENOTFOUND'));
  const { port } = upstream;
  const report = read(`http { server { proxy_ssl_trusted_certificate ${pki.caFile};
    location /1 { proxy_pass https://a.test:${port}; }
    location /2 { proxy_pass https://nowhere.test; }
    location /3 { proxy_pass https://$arg_host; }
    location /4 { proxy_pass http://a.test:${port}; } } }`);
  const { hops } = await probe(report, { lookup, timeoutMs: 2000 });
  const verdicts = hops.map((hop) => hop.probe?.map(({ verdict, address }) => [verdict, address]));
  assert.deepEqual(verdicts, [
    [
      ['verified', `127.0.0.1:${port}`],
      ['unreachable', `127.0.0.2:${port}`],
    ],
    [['unreachable', null]],
    [['skipped', null]],
    undefined,
  ]);
});

test('every format has the verdict, the facts and the advice', async (t) => {
  const upstream = await tlsServer(t, 'b');
  const report = await probe(
    read(`http { server { location / { proxy_pass https://${upstream.address};
      proxy_ssl_name a.test; proxy_ssl_trusted_certificate ${pki.caFile}; } } }`),
  );
  const options = { colour: false, width: 200 };
  for (const format of ['text', 'html', 'markdown'] as const) {
    const text = reportFormats[format](report, options).replaceAll('\\', '');
    assert.match(text, /would verify, if told how \(UPSTREAM_TLS_NAME_MISMATCH\)/, format);
    assert.match(text, /proxy_ssl_name b\.test;/, format);
    assert.match(text, /DNS:b\.test/, format);
  }
  const json = JSON.parse(reportFormats.json(report, options)) as {
    hops: { probe: ServerProbe[] }[];
  };
  const [one] = json.hops[0]?.probe ?? [];
  assert.equal(one?.verdict, 'fixable');
  assert.equal(one.server, upstream.address);
  const plain = JSON.parse(reportFormats.json(read('http { server { } }'), options)) as object;
  assert.ok(!JSON.stringify(plain).includes('probe'));
});

test('the command probes, saves the issuers without the certificate, and shows their prints', async (t) => {
  const upstream = await tlsServer(t, 'chained');
  const folder = tempFolder(t);
  const file = writeIn(
    folder,
    'nginx.conf',
    `events { } http { server { location / { proxy_pass https://${upstream.address}; } } }`,
  );
  const saved = path.join(folder, 'saved');
  const args = ['audit', '--probe-timeout', '3', '--save-ca', saved, '--fail-on', 'none', file];
  const { code, stdout, stderr } = await runCommand(args);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /probed: .* would verify, if told how/);
  const pem = readFileSync(path.join(saved, `${upstream.address.replace(':', '_')}.pem`), 'utf8');
  assert.equal(pem.match(/BEGIN CERTIFICATE/g)?.length, 1);
  assert.ok(pki.chained.chainPem.includes(pem.trim()));
  assert.ok(!pem.includes(pki.chained.certificatePem.trim()));
  assert.match(stderr, /sha256 [0-9a-f]{64} of "CN=Test intermediate"/);
  assert.equal(upstream.requests.length, 0);
});

test('a time that is none is refused, and without the option nothing is connected to', async (t) => {
  const upstream = await tlsServer(t, 'a');
  const file = writeIn(
    tempFolder(t),
    'nginx.conf',
    `http { server { location / { proxy_pass https://${upstream.address}; } } }`,
  );
  assert.equal((await runCommand(['audit', '--probe', '--probe-timeout', 'x', file])).code, 2);
  const { stdout } = await runCommand(['audit', file]);
  assert.doesNotMatch(stdout, /probed/);
  assert.ok(existsSync(file));
});
