// Certificates, keys, CAs and revocation lists that change on disk while the proxy runs: taken over
// by all workers, refused where they are not good, and what was verified with an old one is gone.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { spkiPin } from '../src/tls/certificate-extensions.ts';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const renewed = await pki.root.issue({ commonName: 'a.test', purpose: 'server' });

/** Serial number of the certificate that a new client is shown. */
async function shown(port: number): Promise<string> {
  const connection = await open(port);
  const { serialNumber } = (connection.socket as TLSSocket).getPeerCertificate();
  connection.close();
  return serialNumber;
}

function open(port: number): Promise<RawConnection> {
  return RawConnection.open({ port, tls: { ca: pki.ca, servername: 'a.test' } });
}

const serialOf = (pem: string): string => new X509Certificate(pem).serialNumber;
const oldSerial = serialOf(pki.a.certificatePem);
const newSerial = serialOf(renewed.certificatePem);

/** How often a file was taken over so far. */
function takenOver(proxy: RunningProxy, file: string): number {
  return proxy.errorLog().split(`TLS file "${file}" has changed and is in use`).length - 1;
}

function refusals(proxy: RunningProxy, file: string): string[] {
  return proxy
    .errorLog()
    .split('\n')
    .filter((line) => line.includes(`TLS file "${file}" has changed and is refused`));
}

/** Writes a file and waits until the proxy uses it. */
async function change(proxy: RunningProxy, file: string, text: string): Promise<void> {
  const before = takenOver(proxy, file);
  writeFileSync(file, text);
  await eventually(`the new ${file}`, () => takenOver(proxy, file) > before);
}

interface Site {
  readonly port: number;
  readonly proxy: RunningProxy;
  readonly certificate: string;
  readonly key: string;
}

/** One TLS server whose pair lies in the folder of the test. */
async function startSite(t: TestContext, { main = '', http = '' } = {}): Promise<Site> {
  const folder = tempFolder(t);
  const port = await freePort();
  const certificate = writeIn(folder, 'a.crt', pki.a.chainPem);
  const key = writeIn(folder, 'a.key', pki.a.keyPem);
  const proxy = await startProxy(
    `${main} http { ${http} server { listen 127.0.0.1:${port} ssl; ssl_certificate a.crt;
      ssl_certificate_key a.key; location / { return 200 ok; } } }`,
    { scope: t, folder },
  );
  return { port, proxy, certificate, key };
}

test('a renewed pair is taken once both files are there; the half of it is refused', async (t) => {
  const { port, proxy, certificate, key } = await startSite(t);
  const swapped: string[] = [];
  const refused: string[] = [];
  proxy.proxy.on('tlsReloaded', (files) => swapped.push(...files.map(({ path }) => path)));
  proxy.proxy.on('tlsReloadFailed', (files) => refused.push(...files.map(({ path }) => path)));
  const before = await open(port);
  assert.equal((await before.request()).status, 200);

  writeFileSync(certificate, renewed.chainPem);
  const [line] = await eventually('the refusal', () => {
    const found = refusals(proxy, certificate);
    return found.length > 0 && found;
  });
  assert.match(line ?? '', /\[error\].* the last good one stays in use: .*does not match/);
  assert.equal(await shown(port), oldSerial);

  writeFileSync(key, renewed.keyPem);
  await eventually('the swap', () => takenOver(proxy, key) === 1);
  assert.equal(await shown(port), newSerial);
  const log = proxy.errorLog();
  assert.match(log, /\[notice\].*a\.crt" has .*certificate "CN=a\.test", valid until 20\d\d-/);
  assert.match(log, /\[notice\].*a\.crt" has .*SHA-256 [0-9A-F]{2}(:[0-9A-F]{2}){31}/);
  assert.match(log, /\[notice\].*a\.key" has .*: a private key/);
  assert.doesNotMatch(log, /reconfiguring/);
  assert.deepEqual([swapped, refused], [[certificate, key], [certificate]]);
  // Nothing happens to who is connected already.
  assert.equal((await before.request()).status, 200);
  before.close();
});

test('a folder behind a symbolic link is swapped as a whole', async (t) => {
  const folder = tempFolder(t);
  const place = (name: string, pair: { chainPem: string; keyPem: string }): void => {
    mkdirSync(join(folder, name));
    writeIn(join(folder, name), 'tls.crt', pair.chainPem);
    writeIn(join(folder, name), 'tls.key', pair.keyPem);
  };
  place('..1', pki.a);
  place('..2', renewed);
  symlinkSync('..1', join(folder, '..data'));
  for (const name of ['tls.crt', 'tls.key']) symlinkSync(`..data/${name}`, join(folder, name));
  const port = await freePort();
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; ssl_certificate tls.crt;
      ssl_certificate_key tls.key; location / { return 200 ok; } } }`,
    { scope: t, folder },
  );
  assert.equal(await shown(port), oldSerial);
  symlinkSync('..2', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  await eventually('the swap', () => takenOver(proxy, join(folder, 'tls.crt')) === 1);
  assert.equal(await shown(port), newSerial);
  assert.deepEqual(refusals(proxy, join(folder, 'tls.crt')), []);
});

test('what cannot be a certificate is refused once, and a good one taken afterwards', async (t) => {
  const { port, proxy, certificate, key } = await startSite(t);
  const broken = ['', 'garbage\n', pki.a.chainPem.slice(0, 300), pki.ca];
  for (const [index, text] of broken.entries()) {
    writeFileSync(certificate, text);
    await eventually(`refusal ${index}`, () => refusals(proxy, certificate).length === index + 1);
    assert.equal(await shown(port), oldSerial);
  }
  // The same once more: it is known.
  writeFileSync(certificate, pki.ca);
  writeFileSync(key, 'garbage\n');
  await eventually('the refusal of the key', () => refusals(proxy, key).length === 1);
  assert.equal(refusals(proxy, certificate).length, broken.length);
  writeFileSync(certificate, renewed.chainPem);
  writeFileSync(key, renewed.keyPem);
  await eventually('the swap', () => takenOver(proxy, certificate) === 1);
  assert.equal(await shown(port), newSerial);
});

test('a missing file is refused, and taken when it is there again', async (t) => {
  const { port, proxy, certificate } = await startSite(t);
  renameSync(certificate, `${certificate}.old`);
  const line = await eventually('the refusal', () => refusals(proxy, certificate)[0]);
  assert.match(line, /cannot be read \(2: No such file or directory\)/);
  const same = await pki.root.issue({ commonName: 'a.test', purpose: 'server' });
  writeFileSync(join(proxy.folder, 'a.key'), same.keyPem);
  writeFileSync(`${certificate}.new`, same.chainPem);
  renameSync(`${certificate}.new`, certificate);
  await eventually('the swap', () => takenOver(proxy, certificate) === 1);
  assert.equal(await shown(port), serialOf(same.certificatePem));
});

test('a renewed certificate with the intermediates of another is refused', async (t) => {
  const { port, proxy, certificate, key } = await startSite(t);
  const first = await pki.root.issueIntermediate({ commonName: 'First' });
  const second = await pki.root.issueIntermediate({ commonName: 'Second' });
  const good = await first.issue({ commonName: 'a.test', purpose: 'server' });
  writeFileSync(key, good.keyPem);
  writeFileSync(certificate, good.chainPem);
  await eventually('the chain', () => takenOver(proxy, certificate) === 1);
  const next = await second.issue({ commonName: 'a.test', purpose: 'server' });
  writeFileSync(key, next.keyPem);
  writeFileSync(certificate, next.certificatePem + first.certificatePem);
  const line = await eventually('the refusal', () => refusals(proxy, certificate)[0]);
  assert.match(line, /none of its intermediate certificates has issued its first certificate/);
  assert.equal(await shown(port), serialOf(good.certificatePem));
  writeFileSync(certificate, next.chainPem);
  await eventually('the whole chain', () => takenOver(proxy, certificate) === 2);
  assert.equal(await shown(port), serialOf(next.certificatePem));
});

test('an expired certificate is taken with a warning', async (t) => {
  const { port, proxy, certificate, key } = await startSite(t);
  writeFileSync(key, pki.expired.keyPem);
  await change(proxy, certificate, pki.expired.chainPem);
  assert.match(proxy.errorLog(), /\[warn\].*a\.crt": the certificate expired on/);
  const connection = await RawConnection.open({
    port,
    tls: { servername: 'a.test', rejectUnauthorized: false },
  });
  connection.close();
});

test('ssl_reload off leaves everything as it was until a reload', async (t) => {
  const { port, proxy, certificate, key } = await startSite(t, { http: 'ssl_reload off;' });
  const other = await startSite(t);
  for (const site of [{ certificate, key }, other]) {
    writeFileSync(site.key, renewed.keyPem);
    writeFileSync(site.certificate, renewed.chainPem);
  }
  // By the time that the other one has swapped, this one would have.
  await eventually('the swap', () => takenOver(other.proxy, other.certificate) === 1);
  assert.equal(await shown(other.port), newSerial);
  assert.equal(await shown(port), oldSerial);
  await proxy.proxy.reload();
  assert.equal(await shown(port), newSerial);
});

test('all worker threads swap', async (t) => {
  const site = await startSite(t, { main: 'worker_processes 2; master_process on;' });
  writeFileSync(site.key, renewed.keyPem);
  await change(site.proxy, site.certificate, renewed.chainPem);
  // The kernel deals connections out to both; of 12, both get some all but always.
  const serials = await Promise.all(Array.from({ length: 12 }, () => shown(site.port)));
  assert.deepEqual([...new Set(serials)], [newSerial]);
});

test('a configuration that was edited takes no effect with a certificate', async (t) => {
  const folder = tempFolder(t);
  const port = await freePort();
  const certificate = writeIn(folder, 'a.crt', pki.a.chainPem);
  const key = writeIn(folder, 'a.key', pki.a.keyPem);
  mkdirSync(join(folder, 'parts'));
  writeIn(folder, 'parts/one.conf', 'location / { return 200 before; }');
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; ssl_certificate a.crt;
      ssl_certificate_key a.key; include parts/*.conf; } }`,
    { scope: t, folder },
  );
  const ask = async (path: string): Promise<string> => {
    const tls = { ca: pki.ca, servername: 'a.test' };
    return (await request({ port, path, tls })).body.toString();
  };
  writeIn(folder, 'parts/one.conf', 'location / { return 200 after; }');
  writeIn(folder, 'parts/two.conf', 'location /two { half');
  writeFileSync(key, renewed.keyPem);
  await change(proxy, certificate, renewed.chainPem);
  assert.deepEqual([await ask('/'), await ask('/two')], ['before', 'before']);
  writeIn(folder, 'parts/two.conf', 'location /two { return 200 two; }');
  await proxy.proxy.reload();
  assert.deepEqual([await ask('/'), await ask('/two')], ['after', 'two']);
});

test('a reload reads everything afresh, what was refused included', async (t) => {
  const { port, proxy, certificate } = await startSite(t);
  writeFileSync(certificate, 'garbage\n');
  await eventually('the refusal', () => refusals(proxy, certificate).length === 1);
  await assert.rejects(proxy.proxy.reload(), { code: 'CONFIG_INVALID' });
  assert.equal(await shown(port), oldSerial);
  writeFileSync(certificate, pki.a.chainPem);
  await proxy.proxy.reload();
  assert.equal(await shown(port), oldSerial);
});

// ---- upstream

interface Hop {
  readonly proxy: RunningProxy;
  readonly port: number;
  readonly upstream: RecordingUpstream;
  readonly file: (name: string) => string;
}

/** Locations /0, /1, … to one group, each with its directives. Files lie in the test's folder. */
async function startHop(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  locations: readonly string[],
  tls: Parameters<typeof RecordingUpstream.start>[0] = { tls: pki.a.tls },
): Promise<Hop> {
  const folder = tempFolder(t);
  const port = await freePort();
  const upstream = await RecordingUpstream.start(tls, t);
  for (const [name, text] of Object.entries(files)) writeIn(folder, name, text);
  const text = locations.map((more, i) => `location /${i} { proxy_pass https://g; ${more} }`);
  const proxy = await startProxy(
    `http { proxy_ssl_name a.test; upstream g { server ${upstream.address} max_fails=0; }
      server { listen 127.0.0.1:${port}; ${text.join(' ')}
        location /plain { proxy_pass http://$arg_to; } } }`,
    { scope: t, folder },
  );
  return { proxy, port, upstream, file: (name) => join(folder, name) };
}

async function status(port: number, path: string): Promise<number> {
  return (await request({ port, path })).status;
}

test('a changed CA drops what was verified under the old one, and nothing else', async (t) => {
  const files = { 'ca.crt': pki.ca, 'same.crt': pki.ca };
  const hop = await startHop(t, files, [
    'proxy_ssl_trusted_certificate ca.crt;',
    'proxy_ssl_trusted_certificate same.crt; proxy_ssl_verify_depth 3;',
  ]);
  const { port, upstream, proxy } = hop;
  const plain = await RecordingUpstream.start({}, t);
  const plainPath = `/plain?to=${plain.address}`;
  assert.deepEqual(
    [await status(port, '/0'), await status(port, '/1'), await status(port, plainPath)],
    [200, 200, 200],
  );
  assert.equal(upstream.connectionCount, 2);

  await change(proxy, hop.file('ca.crt'), pki.otherCa);
  assert.deepEqual([await status(port, '/0'), await status(port, '/0')], [502, 502]);
  assert.match(proxy.errorLog(), /UPSTREAM_TLS_UNKNOWN_ISSUER/);
  assert.deepEqual([await status(port, '/1'), await status(port, plainPath)], [200, 200]);
  assert.equal(plain.connectionCount, 1);
  // The very connection of before, and no other was verified.
  assert.deepEqual(
    upstream.requests.map((one) => one.connection),
    [1, 2, 2],
  );

  await change(proxy, hop.file('ca.crt'), pki.otherCa + pki.ca);
  assert.equal(await status(port, '/0'), 200);
  const last = upstream.requests.at(-1);
  assert.deepEqual([last?.connection === 2, last?.tls?.reused], [false, false]);
});

test('requests in flight end under the policy that they began with', async (t) => {
  const hop = await startHop(t, { 'ca.crt': pki.ca }, ['proxy_ssl_trusted_certificate ca.crt;']);
  const { promise, resolve } = Promise.withResolvers<void>();
  hop.upstream.answer = async () => {
    await promise;
    return {};
  };
  const pending = status(hop.port, '/0');
  await eventually('the request', () => hop.upstream.requests.length === 1);
  await change(hop.proxy, hop.file('ca.crt'), pki.otherCa);
  resolve();
  assert.equal(await pending, 200);
  // Its connection is not kept for the next.
  assert.equal(await status(hop.port, '/0'), 502);
});

test('a group goes on over a reload with its connections', async (t) => {
  const hop = await startHop(t, { 'ca.crt': pki.ca }, ['proxy_ssl_trusted_certificate ca.crt;']);
  for (let i = 0; i < 3; i += 1) {
    assert.equal(await status(hop.port, '/0'), 200);
    await hop.proxy.proxy.reload();
  }
  assert.equal(hop.upstream.connectionCount, 1);
});

test('a revocation list that revokes counts at once, whatever is pooled or resumable', async (t) => {
  const files = { 'ca.crt': pki.ca, 'root.crl': await pki.root.crl({ revoked: [] }) };
  const hop = await startHop(t, files, [
    'proxy_ssl_trusted_certificate ca.crt; proxy_ssl_crl root.crl;',
    'proxy_ssl_trusted_certificate ca.crt;',
  ]);
  const { port, upstream, proxy } = hop;
  for (const path of ['/0', '/1']) assert.equal(await status(port, path), 200);
  // A second connection at the same time, so that sessions are resumed as well.
  const both = await Promise.all([status(port, '/0'), status(port, '/0')]);
  assert.deepEqual(both, [200, 200]);
  assert.equal(upstream.requests.at(-1)?.tls?.reused ?? false, true);

  await change(
    proxy,
    hop.file('root.crl'),
    await pki.root.crl({ revoked: [pki.a.certificatePem], thisUpdate: new Date() }),
  );
  assert.deepEqual([await status(port, '/0'), await status(port, '/0')], [502, 502]);
  assert.match(proxy.errorLog(), /UPSTREAM_TLS_REVOKED/);
  assert.equal(await status(port, '/1'), 200);
  await change(proxy, hop.file('root.crl'), await pki.root.crl({ revoked: [] }));
  assert.equal(await status(port, '/0'), 200);
});

test('pins in a file count as soon as it has changed', async (t) => {
  const pin = (pem: string): string => `sha256/${spkiPin(new X509Certificate(pem))}`;
  const [own, backup, other] = [pki.a, pki.b, pki.localhost].map((one) => pin(one.certificatePem));
  const files = { 'ca.crt': pki.ca, 'pins.txt': `# a and its backup\n${own}\n${backup}\n` };
  const hop = await startHop(t, files, [
    'proxy_ssl_trusted_certificate ca.crt; proxy_ssl_pin file:pins.txt;',
  ]);
  const { port, proxy } = hop;
  const pins = hop.file('pins.txt');
  assert.equal(await status(port, '/0'), 200);

  for (const bad of ['', `${own}\n`, `${own}\nsha256/AAAA`]) {
    const before = refusals(proxy, pins).length;
    writeFileSync(pins, bad);
    await eventually('the refusal', () => refusals(proxy, pins).length > before);
    assert.equal(await status(port, '/0'), 200);
  }
  await change(proxy, pins, `${other}\n${backup}\n`);
  assert.deepEqual([await status(port, '/0'), await status(port, '/0')], [502, 502]);
  assert.match(proxy.errorLog(), /UPSTREAM_TLS_PIN_MISMATCH/);
  await change(proxy, pins, `${other}\n${own}\n`);
  assert.equal(await status(port, '/0'), 200);
});

test('a CA of one server of a group counts for that server', async (t) => {
  const folder = tempFolder(t);
  const port = await freePort();
  const upstreams = await Promise.all(
    [0, 1].map(() => RecordingUpstream.start({ tls: pki.a.tls }, t)),
  );
  writeIn(folder, '0.crt', pki.ca);
  writeIn(folder, '1.crt', pki.ca);
  const servers = upstreams.map(
    ({ address }, i) => `server ${address} max_fails=0 ssl_trusted_certificate=${i}.crt;`,
  );
  const proxy = await startProxy(
    `http { proxy_ssl_name a.test; proxy_next_upstream off; upstream g { ${servers.join(' ')} }
      server { listen 127.0.0.1:${port}; location / { proxy_pass https://g; } } }`,
    { scope: t, folder },
  );
  const two = async (): Promise<number[]> => [await status(port, '/'), await status(port, '/')];
  assert.deepEqual(await two(), [200, 200]);
  await change(proxy, join(folder, '0.crt'), pki.otherCa);
  assert.deepEqual((await two()).sort(), [200, 502]);
  assert.deepEqual(
    upstreams.map(({ requests }) => requests.length),
    [1, 2],
  );
});

test('a renewed client certificate is shown at once, and refused while its key is missing', async (t) => {
  const tls = { ...pki.a.tls, ca: pki.ca, requestCert: true, rejectUnauthorized: false };
  const next = await pki.root.issue({ commonName: 'next client', purpose: 'client' });
  const files = { 'ca.crt': pki.ca, 'c.crt': pki.client.chainPem, 'c.key': pki.client.keyPem };
  const hop = await startHop(
    t,
    files,
    [
      'proxy_ssl_trusted_certificate ca.crt; proxy_ssl_certificate c.crt; proxy_ssl_certificate_key c.key;',
    ],
    { tls },
  );
  assert.equal(await status(hop.port, '/0'), 200);
  writeFileSync(hop.file('c.crt'), next.chainPem);
  await eventually('the refusal', () => refusals(hop.proxy, hop.file('c.crt')).length === 1);
  assert.equal(await status(hop.port, '/0'), 200);
  await change(hop.proxy, hop.file('c.key'), next.keyPem);
  assert.equal(await status(hop.port, '/0'), 200);
  assert.deepEqual(
    hop.upstream.requests.map((one) => one.tls?.clientName),
    ['client', 'client', 'next client'],
  );
});

// ---- clients

test('a changed CA for clients makes them shake hands again', async (t) => {
  const folder = tempFolder(t);
  const port = await freePort();
  const clientCa = writeIn(folder, 'clients.crt', pki.ca);
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; ssl_certificate ${pki.a.certificate};
      ssl_certificate_key ${pki.a.key}; ssl_client_certificate clients.crt; ssl_verify_client on;
      location / { return 200 ok; } } }`,
    { scope: t, folder },
  );
  const tls = { ca: pki.ca, servername: 'a.test', ...pki.client.tls };
  const idle = await RawConnection.open({ port, tls });
  assert.equal((await idle.request()).status, 200);
  await change(proxy, clientCa, pki.otherCa);
  await idle.closed();
  assert.equal((await request({ port, tls })).status, 400);
  await change(proxy, clientCa, pki.otherCa + pki.ca);
  assert.equal((await request({ port, tls })).status, 200);
});

test('a client that is revoked makes no further request on a connection that is open', async (t) => {
  const folder = tempFolder(t);
  const port = await freePort();
  const list = writeIn(folder, 'clients.crl', await pki.root.crl({ revoked: [] }));
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; ssl_certificate ${pki.a.certificate};
      ssl_certificate_key ${pki.a.key}; ssl_client_certificate ${pki.caFile}; ssl_verify_client on;
      ssl_crl clients.crl; location / { return 200 ok; } } }`,
    { scope: t, folder },
  );
  const tls = { ca: pki.ca, servername: 'a.test', ...pki.client.tls };
  const idle = await RawConnection.open({ port, tls });
  assert.equal((await idle.request()).status, 200);
  await change(proxy, list, await pki.root.crl({ revoked: [pki.client.certificatePem] }));
  await idle.closed();
  assert.equal((await request({ port, tls })).status, 400);
});
