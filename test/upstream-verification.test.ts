// The second door: which upstream certificates pass, and what is said about those that do not. Each
// row is a server with one certificate, asked over a location of its own.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { accessLine, askAll, errorLine, startHops, type Hop } from './kit/hops.ts';
import { testPki, type KeyPair } from './kit/pki.ts';
import { freePort, freePorts } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const pki = await testPki();

const trusted = `proxy_ssl_trusted_certificate ${pki.caFile};`;
const forA = `${trusted} proxy_ssl_name a.test;`;

async function tooLong(): Promise<KeyPair['tls']> {
  const first = await pki.root.issueIntermediate({ commonName: 'First' });
  const second = await first.issueIntermediate({ commonName: 'Second' });
  const issued = await second.issue({ commonName: 'a.test', dns: ['a.test'], purpose: 'server' });
  return { cert: issued.chainPem, key: issued.keyPem };
}

async function expiredAuthority(): Promise<KeyPair['tls']> {
  const notAfter = new Date(Date.now() - 1000);
  const authority = await pki.root.issueIntermediate({ commonName: 'Old CA', notAfter });
  const issued = await authority.issue({
    commonName: 'a.test',
    dns: ['a.test'],
    purpose: 'server',
    notAfter: new Date(Date.now() + 86_400_000),
  });
  return { cert: issued.chainPem, key: issued.keyPem };
}

const leafOnly = { cert: pki.chained.certificatePem, key: pki.chained.keyPem };
const chainOfTwo = await tooLong();

const rows: readonly Hop[] = [
  { name: 'a good certificate', tls: pki.a.tls, directives: forA, code: null },
  { name: 'one below an intermediate', tls: pki.chained.tls, directives: forA, code: null },
  {
    name: 'a wildcard',
    tls: pki.wildcard.tls,
    directives: `${trusted} proxy_ssl_name x.wild.test;`,
    code: null,
  },
  {
    name: 'a wildcard, two labels deep',
    tls: pki.wildcard.tls,
    directives: `${trusted} proxy_ssl_name y.x.wild.test;`,
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: /presented names "DNS:\*\.wild\.test/,
    mend: /proxy_ssl_name/,
  },
  {
    name: 'an IP address among the names of the certificate',
    tls: pki.localhost.tls,
    directives: trusted,
    code: null,
  },
  {
    name: 'no IP address among the names',
    tls: pki.a.tls,
    directives: trusted,
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: /wanted "127\.0\.0\.1" at 127\.0\.0\.1:\d+; presented names "DNS:a\.test"/,
    mend: /proxy_ssl_name/,
  },
  {
    name: 'another name',
    tls: pki.b.tls,
    directives: forA,
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: /wanted "a\.test" .*presented names "DNS:b\.test"/,
    mend: /proxy_ssl_name/,
  },
  {
    name: 'the name in the common name only',
    tls: pki.nameless.tls,
    directives: forA,
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: /presented names none; subject "CN=a\.test"/,
  },
  {
    name: 'a URI and no other name',
    tls: pki.spiffe.tls,
    directives: forA,
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    says: /presented names "URI:spiffe:\/\/a\.test\/web/,
  },
  {
    name: 'a CA that is not trusted',
    tls: pki.untrusted.tls,
    directives: forA,
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
    says: /issuer "CN=Other root"/,
    mend: /add the certificate of "CN=Other root" to the file of proxy_ssl_trusted_certificate/,
  },
  {
    name: 'an intermediate that is not sent',
    tls: leafOnly,
    directives: forA,
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
    mend: /"CN=Test intermediate".*must send its certificate/,
  },
  {
    name: 'a self-signed certificate',
    tls: pki.selfSigned.tls,
    directives: forA,
    code: 'UPSTREAM_TLS_SELF_SIGNED',
    mend: /proxy_ssl_trusted_certificate/,
  },
  {
    name: 'a self-signed certificate that is itself the trusted file',
    tls: pki.selfSigned.tls,
    directives: `proxy_ssl_trusted_certificate ${pki.selfSigned.certificate}; proxy_ssl_name a.test;`,
    code: null,
  },
  {
    name: 'an expired certificate',
    tls: pki.expired.tls,
    directives: forA,
    code: 'UPSTREAM_TLS_EXPIRED',
    mend: /renew/,
  },
  {
    name: 'an expired CA above a valid certificate',
    tls: await expiredAuthority(),
    directives: forA,
    code: 'UPSTREAM_TLS_EXPIRED',
    says: /CA "CN=Old CA" valid from /,
  },
  {
    name: 'a certificate of tomorrow',
    tls: pki.notYetValid.tls,
    directives: forA,
    code: 'UPSTREAM_TLS_NOT_YET_VALID',
    mend: /clock/,
  },
  {
    name: "a client's certificate",
    tls: pki.wrongPurpose.tls,
    directives: forA,
    code: 'UPSTREAM_TLS_WRONG_PURPOSE',
    mend: /serverAuth/,
  },
  { name: 'two intermediates by default', tls: chainOfTwo, directives: forA, code: null },
  {
    name: 'two intermediates where one is allowed',
    tls: chainOfTwo,
    directives: `${forA} proxy_ssl_verify_depth 1;`,
    code: 'UPSTREAM_TLS_DEPTH_EXCEEDED',
    mend: /set proxy_ssl_verify_depth 2/,
  },
  {
    name: 'two intermediates where two are allowed',
    tls: chainOfTwo,
    directives: `${forA} proxy_ssl_verify_depth 2;`,
    code: null,
  },
  {
    name: 'a private CA where the trust store of the system counts',
    tls: pki.localhost.tls,
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
    mend: /proxy_ssl_trusted_certificate/,
  },
];

test('upstream certificates pass or fail by chain, dates, purpose, name and depth', async (t) => {
  const { proxy, port, upstreams } = await startHops(rows, t);
  const responses = await askAll(port, rows.length);
  for (const [i, row] of rows.entries()) {
    await t.test(`${row.name}: ${row.code ?? 'passes'}`, async () => {
      const path = `/${i}`;
      assert.equal(responses[i]?.status, row.code === null ? 200 : 502);
      const log = await accessLine(proxy, path);
      if (row.code === null) {
        assert.ok(log.startsWith(`${path} 200 SUCCESS TLSv1.3`), log);
        return;
      }
      assert.ok(log.startsWith(`${path} 502 FAILED:${row.code} TLSv1.3`), log);
      assert.equal(upstreams[i]?.requests.length, 0);
      const line = errorLine(proxy, path);
      assert.ok(line.includes(` ${row.code}: upstream SSL certificate verify error: `), line);
      if (row.says !== undefined) assert.match(line, row.says);
      if (row.mend !== undefined)
        assert.match(line.slice(line.indexOf('to mend this: ')), row.mend);
    });
  }
});

function fingerprintOf(pem: string): string {
  const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return createHash('sha256').update(der).digest('hex');
}

test('the log line has all that is known of the certificate, and the client nothing', async (t) => {
  const row = { name: '', tls: pki.untrusted.tls, directives: forA, code: null };
  const { proxy, port, upstreams } = await startHops([row], t);
  const response = await request({ port, path: '/0' });
  const line = errorLine(proxy, '/0');
  const address = upstreams[0]?.address ?? '';
  for (const part of [
    '[error]',
    'UPSTREAM_TLS_UNKNOWN_ISSUER',
    `wanted "a.test" at ${address}`,
    'presented names "DNS:a.test"',
    'issuer "CN=Other root"',
    `sha256 ${fingerprintOf(pki.untrusted.certificatePem)}`,
    'to mend this: ',
    'client: 127.0.0.1',
    `upstream: "https://${address}/0"`,
  ]) {
    assert.ok(line.includes(part), `${part} in: ${line}`);
  }
  assert.match(line, /valid from \w{3} .* GMT to \w{3} .* GMT/);
  assert.equal(response.status, 502);
  const shown = response.raw.toString('latin1').replace(/Date: .*/, '');
  assert.doesNotMatch(shown, /TLS|SSL|cert|Other|a\.test|127\.0\.0\.1/i);
});

test('with verification off every certificate passes, and that is said at start', async (t) => {
  const off = rows.map((row) => ({
    ...row,
    directives: `${row.directives ?? ''} proxy_ssl_verify off;`,
  }));
  const { proxy, port } = await startHops(off, t);
  const responses = await askAll(port, off.length);
  for (const [i, row] of off.entries()) {
    assert.equal(responses[i]?.status, 200, row.name);
    assert.match(await accessLine(proxy, `/${i}`), /^\/\d+ 200 NONE TLSv1\.3$/);
  }
  const log = proxy.errorLog();
  const count = rows.length;
  assert.match(log, new RegExp(`\\[notice\\].* ${count} upstream hops: 0 verified, ${count} not`));
  assert.match(
    log,
    /\[error\].* sallyport\.conf:\d+: the hop to https:\S+ is not verified \(proxy_ssl_verify off/,
  );
  const warned = proxy.proxy.configuration?.diagnostics ?? [];
  assert.equal(warned.filter((one) => /is not verified: anybody/.test(one.message)).length, count);
  assert.ok(proxy.proxy.configuration?.hops.every((hop) => hop.encrypted && !hop.verified));
});

test('settings of http and server count in the locations below', async (t) => {
  const all = [
    { name: 'inherited', tls: pki.a.tls, code: null },
    { name: 'own name', tls: pki.b.tls, directives: 'proxy_ssl_name b.test;', code: null },
    {
      name: 'not verified here',
      tls: pki.untrusted.tls,
      directives: 'proxy_ssl_verify off;',
      code: null,
    },
    { name: 'still verified', tls: pki.untrusted.tls, code: null },
  ];
  const { port } = await startHops(all, t, `${trusted} proxy_ssl_name a.test;`);
  const statuses = [];
  for (const i of all.keys()) statuses.push((await request({ port, path: `/${i}` })).status);
  assert.deepEqual(statuses, [200, 200, 200, 502]);
});

test('each level replaces what the levels above it say', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const pass = `proxy_pass https://${upstream.address};`;
  await startProxy(
    `http {
      proxy_ssl_trusted_certificate ${pki.otherCaFile};
      proxy_ssl_name b.test;
      server {
        listen 127.0.0.1:${port};
        ${trusted}
        location /name { ${pass} }
        location /good { ${pass} proxy_ssl_name a.test; }
        location /good/wrong { ${pass} proxy_ssl_name a.test;
          proxy_ssl_trusted_certificate ${pki.otherCaFile}; }
      } }`,
    { scope: t },
  );
  const statuses: number[] = [];
  for (const path of ['/name', '/good', '/good/wrong']) {
    statuses.push((await request({ port, path })).status);
  }
  assert.deepEqual(statuses, [502, 200, 502]);
});

test('the name comes from a variable, and only the certificate for it passes', async (t) => {
  const row = {
    name: '',
    tls: pki.wildcard.tls,
    directives: `${trusted} proxy_ssl_name $arg_name.wild.test;`,
    code: null,
  };
  const { proxy, port, upstreams } = await startHops([row], t);
  const statusFor = async (name: string): Promise<number> =>
    (await request({ port, path: `/0?name=${name}` })).status;
  assert.equal(await statusFor('one'), 200);
  assert.equal(await statusFor('two'), 200);
  assert.equal(await statusFor('two.three'), 502);
  assert.match(proxy.errorLog(), /wanted "two\.three\.wild\.test"/);
  const names = upstreams[0]?.requests.map((one) => one.tls?.serverName);
  assert.deepEqual(names, ['one.wild.test', 'two.wild.test']);
});

test('the name is sent as SNI, unless it is switched off or an address', async (t) => {
  const all = [
    { name: 'a name', tls: pki.a.tls, directives: forA, code: null },
    { name: 'off', tls: pki.a.tls, directives: `${forA} proxy_ssl_server_name off;`, code: null },
    { name: 'address', tls: pki.localhost.tls, directives: trusted, code: null },
    {
      name: 'address as name',
      tls: pki.localhost.tls,
      directives: `${trusted} proxy_ssl_name 127.0.0.1;`,
      code: null,
    },
  ];
  const { port, upstreams } = await startHops(all, t);
  for (const i of all.keys()) {
    assert.equal((await request({ port, path: `/${i}` })).status, 200);
  }
  const names = upstreams.map((one) => one.onlyRequest.tls?.serverName);
  assert.deepEqual(names, ['a.test', null, null, null]);
});

test('a unix socket is verified by the name that is set, which must be', async (t) => {
  const folder = tempFolder(t);
  const port = await freePort();
  const socketPath = `${folder}/app.sock`;
  const upstream = await RecordingUpstream.start({ socketPath, tls: pki.a.tls }, t);
  const config = (directives: string): string => `http { server { listen 127.0.0.1:${port};
    location / { proxy_pass https://unix:${socketPath}:/there; ${directives} } } }`;
  await assert.rejects(startProxy(config(trusted), { scope: t }), /name to verify is unknown/);
  const proxy = await startProxy(config(forA), { scope: t });
  assert.equal((await request({ port, path: '/' })).status, 200);
  assert.equal(upstream.onlyRequest.tls?.serverName, 'a.test');
  assert.equal(upstream.onlyRequest.target, '/there');
  await proxy.stop();
  await startProxy(config(`${trusted} proxy_ssl_name b.test;`), { scope: t });
  assert.equal((await request({ port, path: '/' })).status, 502);
});

test('a verification failure is never tried again on another server', async (t) => {
  const [port = 0] = await freePorts(1);
  const bad = await RecordingUpstream.start({ tls: pki.untrusted.tls }, t);
  const good = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const proxy = await startProxy(
    `http { upstream g { server ${bad.address} max_fails=0; server ${good.address}; }
      server { listen 127.0.0.1:${port};
        location / { proxy_pass https://g; ${forA}
          proxy_next_upstream error timeout invalid_header http_502 non_idempotent; } } }`,
    { scope: t },
  );
  const statuses = [];
  for (let i = 0; i < 4; i += 1) statuses.push((await request({ port })).status);
  assert.deepEqual(statuses, [502, 200, 502, 200]);
  assert.equal(good.requests.length, 2);
  assert.equal(proxy.errorLog().match(/UPSTREAM_TLS_UNKNOWN_ISSUER: /g)?.length, 2);
});

test('where no CA is set, the trust store of the system counts', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ tls: pki.localhost.tls }, t);
  await startProgram(
    `events { } http { server { listen 127.0.0.1:${port};
      location / { proxy_pass https://localhost:${upstream.port}; } } }`,
    // What OpenSSL takes for the file of the system's store.
    { scope: t, env: { SSL_CERT_FILE: pki.caFile } },
  );
  assert.equal((await request({ port })).status, 200);
  assert.equal(upstream.onlyRequest.tls?.serverName, 'localhost');
});
