// `-t --deep`: what a start would not notice is found before it, and a configuration for nginx is told
// how much of it applies.

import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import { test, type TestContext } from 'node:test';
import { deepCheck, type DeepReport } from '../src/index.ts';
import { CertificateAuthority } from '../src/pki/authority.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import { runCommand } from './kit/run-command.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';
import { listenForPeer } from './kit/tls-peers.ts';

const pki = await testPki();
const dayMs = 86_400_000;

async function check(t: TestContext, http: string, main = ''): Promise<DeepReport> {
  const file = writeIn(tempFolder(t), 'nginx.conf', `${main} events { } http { ${http} }`);
  return await deepCheck({ file }, { offline: true });
}

function messages({ findings }: DeepReport): string[] {
  return findings.map(({ severity, message }) => `${severity}: ${message}`);
}

async function tls(more = '', pair: { certificate: string; key: string } = pki.a): Promise<string> {
  return `server { listen 127.0.0.1:${await freePort()} ssl; ${more}
    ssl_certificate ${pair.certificate}; ssl_certificate_key ${pair.key}; }`;
}

function closed(pair: { certificate: string; key: string }): typeof pair {
  chmodSync(pair.key, 0o600);
  return pair;
}

test('a configuration in order has no findings', async (t) => {
  const trusted = `ssl_client_certificate ${pki.caFile}; ssl_verify_client on;`;
  const report = await check(t, await tls(trusted, closed(pki.chained)));
  assert.deepEqual(messages(report), []);
  assert.ok(report.ok);
  assert.equal(report.coverage.applied, report.coverage.total);
  assert.deepEqual(report.counts, { certificate: 1, key: 1, trust: 1, crl: 0, names: 0, ports: 1 });
});

test('a key that others can read is a warning, with its directive', async (t) => {
  closed(pki.a);
  chmodSync(pki.a.key, 0o640);
  const group = await check(t, await tls(`ssl_client_certificate ${pki.caFile};`));
  assert.match(messages(group).join(), /^warning: ".*a\.key" is open to its group \(mode 0640\)/);
  assert.equal(group.findings[0]?.at?.line, 2);
  chmodSync(pki.a.key, 0o644);
  const everybody = await check(t, await tls(`ssl_client_certificate ${pki.caFile};`));
  assert.match(messages(everybody).join(), /open to everybody \(mode 0644\)/);
  assert.ok(everybody.ok);
  closed(pki.a);
});

function written(
  t: TestContext,
  issued: { readonly chainPem: string; readonly keyPem: string },
): { certificate: string; key: string } {
  const folder = tempFolder(t);
  return closed({
    certificate: writeIn(folder, 'leaf.crt', issued.chainPem),
    key: writeIn(folder, 'leaf.key', issued.keyPem),
  });
}

function leaf(notBefore: Date, notAfter: Date) {
  return { commonName: 'a.test', purpose: 'server', notBefore, notAfter } as const;
}

test('an end within 30 days is a warning, within a third of a short life as well', async (t) => {
  const root = await CertificateAuthority.create({ commonName: 'Root' });
  const trusts = `ssl_client_certificate ${writeIn(tempFolder(t), 'ca.crt', root.certificatePem)};`;
  const days = async (before: number, after: number): Promise<string[]> => {
    const [start, end] = [
      new Date(Date.now() - before * dayMs),
      new Date(Date.now() + after * dayMs),
    ];
    const pair = written(t, await root.issue(leaf(start, end)));
    return messages(await check(t, await tls(trusts, pair)));
  };
  assert.match((await days(200, 29.5)).join(), /^warning: .*"CN=a\.test" expires in 29 days/);
  assert.deepEqual(await days(200, 31), []);
  assert.deepEqual(await days(1, 5), []);
  assert.match((await days(6, 1.5)).join(), /expires in 1 days|^$/);
});

test('a chain whose intermediate is missing or wrong is a warning', async (t) => {
  const { chained, a } = pki;
  const alone = written(t, { chainPem: chained.certificatePem, keyPem: chained.keyPem });
  const trusts = `ssl_client_certificate ${pki.caFile};`;
  const missing = messages(await check(t, await tls(trusts, alone)));
  assert.match(
    missing.join(),
    /^warning: .*the chain ends at "CN=a\.test", and its issuer "CN=Test inter/,
  );
  const wrong = written(t, { chainPem: a.certificatePem + pki.otherCa, keyPem: a.keyPem });
  const broken = messages(await check(t, await tls(trusts, wrong)));
  assert.match(broken.join(), /^warning: .*"CN=Other root" has not issued "CN=a\.test"/);
});

test('a file of CAs with something that is none is a warning', async (t) => {
  const upstream = (file: string): string =>
    `server { listen 127.0.0.1:0; location / { proxy_pass https://127.0.0.1;
      proxy_ssl_trusted_certificate ${file}; } }`;
  const own = messages(await check(t, upstream(pki.selfSigned.certificate)));
  assert.match(own.join(), /^warning: .*exactly this one certificate is trusted/);
  const leafOnly = messages(await check(t, upstream(pki.a.certificate)));
  assert.match(leafOnly.join(), /^warning: .*"CN=a\.test" is no CA: nothing/);
  assert.deepEqual(messages(await check(t, upstream(pki.caFile))), []);
});

test('a list that is over is said once', async (t) => {
  const past = {
    thisUpdate: new Date(Date.now() - 9 * dayMs),
    nextUpdate: new Date(Date.now() - dayMs),
  };
  const file = writeIn(tempFolder(t), 'old.crl', await pki.root.crl({ revoked: [], ...past }));
  const off = `server { listen 127.0.0.1:0; location / { proxy_pass https://127.0.0.1;
    proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_crl ${file}; } }`;
  const report = await check(t, off);
  const all = [...report.findings, ...report.configuration.diagnostics];
  assert.equal(all.filter(({ message }) => message.includes('was to be renewed by')).length, 1);
});

test('a port that somebody else holds is an error, one of our own is not tried', async (t) => {
  const port = Number((await listenForPeer(createServer(), t)).split(':').at(-1));
  const taken = await check(t, `server { listen 127.0.0.1:${port}; }`);
  assert.equal(taken.ok, false);
  assert.match(
    messages(taken).join(),
    /^error: bind\(\) to 127\.0\.0\.1:\d+ failed \(98: Address alr/,
  );
  const folder = tempFolder(t);
  const own = await freePort();
  const text = `worker_processes 1; events { } http { server { listen 127.0.0.1:${own}; } }`;
  const { pid } = await startProgram(text, { folder, scope: t });
  const running = await deepCheck({ file: 'sallyport.conf', prefix: folder }, { offline: true });
  assert.ok(running.ok);
  assert.match(
    messages(running).join(),
    new RegExp(`^note: .* running instance \\(process ${pid}\\)`),
  );
});

test('names are looked up, those that are needed later as well, unless it is said not to', async (t) => {
  const file = writeIn(
    tempFolder(t),
    'nginx.conf',
    `events { } http { resolver 127.0.0.1; upstream app { zone app 64k; server later.invalid:80 resolve; }
      server { listen 127.0.0.1:0; location / { proxy_pass http://app; }
        location /b { proxy_pass http://now.invalid; } } }`,
  );
  const online = await deepCheck({ file });
  assert.equal(online.ok, false);
  const said = online.configuration.diagnostics.map(({ message }) => message).join();
  assert.match(said, /host not found in upstream "now\.invalid"/);
  assert.match(messages(online).join(), /^warning: host not found in upstream "later\.invalid"/);
  const offline = await deepCheck({ file }, { offline: true });
  assert.ok(offline.ok, JSON.stringify(offline.configuration.diagnostics));
  assert.deepEqual(messages(offline), []);
});

const foreign = `events { use epoll; }
http {
  sendfile on;
  server {
    listen 127.0.0.1:0;
    location / {
      fastcgi_pass 127.0.0.1:9000;
      nonsense on;
    }
  }
  types { text/html html; }
}
stream {
  server { listen 1; proxy_pass a; }
}
`;

test('how much of a foreign configuration applies is told, also where it is refused', async (t) => {
  const file = writeIn(tempFolder(t), 'nginx.conf', foreign);
  const { ok, coverage } = await deepCheck({ file }, { offline: true });
  assert.equal(ok, false);
  assert.equal(coverage.total, 14);
  assert.deepEqual(
    coverage.unsupported.map(({ node }) => [node.name, node.at.line]),
    [
      ['fastcgi_pass', 7],
      ['nonsense', 8],
      ['stream', 13],
    ],
  );
  assert.deepEqual(
    coverage.withoutEffect.map(({ node }) => node.name),
    ['use', 'sendfile'],
  );
  assert.equal(coverage.applied, 14 - 2 - 2 - 4);
});

test('the command says it all, and fails for errors alone', async (t) => {
  const folder = tempFolder(t);
  const refused = writeIn(folder, 'foreign.conf', foreign);
  const bad = await runCommand(['-t', '--deep', '--offline', '-c', refused]);
  assert.equal(bad.code, 1);
  assert.match(bad.stderr, /6 of 14 directives apply; 2 are without effect, 3 are not supported/);
  assert.match(bad.stderr, /^ {2}not supported: "fastcgi_pass" in \S+foreign\.conf:7: /m);
  assert.match(bad.stderr, /^ {2}without effect: "use" in \S+foreign\.conf:1: /m);
  assert.match(bad.stderr, /foreign\.conf test failed$/m);
  const open = { ...pki.b };
  chmodSync(open.key, 0o644);
  const good = writeIn(folder, 'good.conf', `events { }\nhttp { ${await tls('', open)} }`);
  const warned = await runCommand(['-t', '--deep', '--offline', '-c', good]);
  assert.equal(warned.code, 0, warned.stderr);
  assert.match(warned.stderr, /\[warn\] ".*b\.key" is open to everybody .* in \S+good\.conf:3$/m);
  assert.match(warned.stderr, /test is successful$/m);
  const quiet = await runCommand(['-tq', '--deep', '--offline', '-c', good]);
  assert.doesNotMatch(quiet.stderr, /directives apply|successful/);
  const plain = await runCommand(['-t', '-c', good]);
  assert.doesNotMatch(plain.stderr, /open to|directives apply/);
});
