// Which upstream server is the right one, beyond CA and name: pins, wanted names, the common name,
// revocation lists, stapled responses, key exchange groups and OpenSSL's commands. Of each the
// permitted and the refused one side by side.

import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { test } from 'node:test';
import { askAll, errorLine, startHops, type Hop } from './kit/hops.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { writeIn } from './kit/temp-folder.ts';

const pki = await testPki();

const trusted = `proxy_ssl_trusted_certificate ${pki.caFile};`;
const forA = `${trusted} proxy_ssl_name a.test;`;

function pinOf(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`;
}

const backup = `sha256/${'A'.repeat(43)}=`;
const otherBackup = `sha256/${'B'.repeat(42)}A=`;

const intermediate = await pki.root.issueIntermediate({ commonName: 'Issuing CA' });
const below = await intermediate.issue({
  commonName: 'a.test',
  dns: ['a.test'],
  purpose: 'server',
});
const rootOnly = pki.crlFile;
const both = writeIn(pki.folder, 'issuing.crl', await intermediate.crl({ revoked: [] }));
const revokedBelow = writeIn(
  pki.folder,
  'issuing-revoked.crl',
  await intermediate.crl({ revoked: [below.certificatePem] }),
);
const stale = writeIn(
  pki.folder,
  'stale.crl',
  await pki.root.crl({
    revoked: [],
    thisUpdate: new Date(Date.now() - 2 * 86_400_000),
    nextUpdate: new Date(Date.now() - 86_400_000),
  }),
);
const chained = { cert: below.chainPem, key: below.keyPem };

const rows: readonly Hop[] = [
  {
    name: "a pin of the server's key",
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_pin ${backup} ${pinOf(pki.a.certificatePem)};`,
    code: null,
  },
  {
    name: 'a pin of the CA',
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_pin ${pinOf(pki.ca)} ${backup};`,
    code: null,
  },
  {
    name: 'pins of other keys',
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_pin ${backup} ${otherBackup};`,
    code: 'UPSTREAM_TLS_PIN_MISMATCH',
    mend: /proxy_ssl_pin/,
  },
  {
    name: 'the right pin and the wrong CA',
    tls: pki.untrusted.tls,
    directives: `${forA} proxy_ssl_pin ${backup} ${pinOf(pki.untrusted.certificatePem)};`,
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
  },
  {
    name: 'a SPIFFE ID',
    tls: pki.spiffe.tls,
    directives: `${trusted} proxy_ssl_san uri:spiffe://a.test/web;`,
    code: null,
  },
  {
    name: 'another SPIFFE ID',
    tls: pki.spiffe.tls,
    directives: `${trusted} proxy_ssl_san uri:spiffe://a.test/db uri:spiffe://b.test/web;`,
    code: 'UPSTREAM_TLS_SAN_MISMATCH',
    mend: /proxy_ssl_san/,
  },
  {
    name: 'one of several names',
    tls: pki.localhost.tls,
    directives: `${trusted} proxy_ssl_name x.test; proxy_ssl_san dns:b.test ip:127.0.0.1;`,
    code: null,
  },
  {
    name: 'any label in place of a star',
    tls: pki.wildcard.tls,
    directives: `${trusted} proxy_ssl_san dns:*.wild.test;`,
    code: null,
  },
  {
    name: 'the name that would have been good without proxy_ssl_san',
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_san dns:b.test;`,
    code: 'UPSTREAM_TLS_SAN_MISMATCH',
  },
  {
    name: 'the common name, where it counts',
    tls: pki.nameless.tls,
    directives: `${forA} proxy_ssl_verify_cn on;`,
    code: null,
  },
  {
    name: 'another common name',
    tls: pki.nameless.tls,
    directives: `${trusted} proxy_ssl_name b.test; proxy_ssl_verify_cn on;`,
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
  },
  {
    name: 'the common name, where it does not count',
    tls: pki.nameless.tls,
    directives: `${forA} proxy_ssl_verify_cn off;`,
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
  },
  {
    name: 'a certificate that its CRL does not name',
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_crl ${rootOnly};`,
    code: null,
  },
  {
    name: 'a revoked certificate',
    tls: pki.revoked.tls,
    directives: `${forA} proxy_ssl_crl ${rootOnly};`,
    code: 'UPSTREAM_TLS_REVOKED',
  },
  {
    name: 'a revoked certificate without a CRL',
    tls: pki.revoked.tls,
    directives: forA,
    code: null,
  },
  {
    name: 'the CRLs of both CAs, in two files',
    tls: chained,
    directives: `${forA} proxy_ssl_crl ${rootOnly} ${both};`,
    code: null,
  },
  {
    name: 'the CRL of one of two CAs',
    tls: chained,
    directives: `${forA} proxy_ssl_crl ${rootOnly};`,
    code: 'UPSTREAM_TLS_CRL_MISSING',
  },
  {
    name: 'a certificate that the second file revokes',
    tls: chained,
    directives: `${forA} proxy_ssl_crl ${rootOnly} ${revokedBelow};`,
    code: 'UPSTREAM_TLS_REVOKED',
  },
  {
    name: 'a CRL of the day before yesterday',
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_crl ${stale};`,
    code: 'UPSTREAM_TLS_CRL_EXPIRED',
  },
  {
    name: 'no staple, where one that comes is checked',
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_ocsp staple;`,
    code: null,
  },
  {
    name: 'no staple, where one is required',
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_ocsp require;`,
    code: 'UPSTREAM_TLS_OCSP_MISSING',
    mend: /proxy_ssl_ocsp/,
  },
  {
    name: 'a group that the server has',
    tls: { ...pki.a.tls, ecdhCurve: 'P-384' },
    directives: `${forA} proxy_ssl_groups X25519:P-384;`,
    code: null,
  },
  {
    name: 'a group that the server does not have',
    tls: { ...pki.a.tls, ecdhCurve: 'P-384' },
    directives: `${forA} proxy_ssl_groups X25519;`,
    code: 'UPSTREAM_TLS_HANDSHAKE_REFUSED',
  },
  {
    name: 'a group by a command, which counts last',
    tls: { ...pki.a.tls, ecdhCurve: 'P-384' },
    directives: `${forA} proxy_ssl_groups X25519; proxy_ssl_conf_command Groups P-384;`,
    code: null,
  },
  {
    name: 'the greatest version by a command',
    tls: { ...pki.a.tls, minVersion: 'TLSv1.3' },
    directives: `${forA} proxy_ssl_conf_command MaxProtocol TLSv1.2;`,
    code: 'UPSTREAM_TLS_PROTOCOL_MISMATCH',
  },
  {
    name: 'several commands',
    tls: { ...pki.a.tls, ciphers: 'TLS_AES_128_GCM_SHA256' },
    directives:
      `${forA} proxy_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256; ` +
      'proxy_ssl_conf_command MinProtocol TLSv1.3;',
    code: null,
  },
  {
    name: 'cipher suites that the server does not have',
    tls: { ...pki.a.tls, ciphers: 'TLS_AES_256_GCM_SHA384', minVersion: 'TLSv1.3' },
    directives: `${forA} proxy_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;`,
    code: 'UPSTREAM_TLS_HANDSHAKE_REFUSED',
  },
];

test('upstream servers pass or fail by pins, names, lists, staples, groups and commands', async (t) => {
  const { proxy, port, upstreams } = await startHops(rows, t);
  const responses = await askAll(port, rows.length);
  for (const [i, row] of rows.entries()) {
    await t.test(`${row.name}: ${row.code ?? 'passes'}`, () => {
      const status = responses[i]?.status;
      if (row.code === null) {
        assert.equal(status, 200, proxy.errorLog());
        return;
      }
      assert.equal(status, 502);
      assert.equal(upstreams[i]?.requests.length, 0);
      const line = errorLine(proxy, `/${i}`);
      assert.ok(line.includes(` ${row.code}: `), line);
      if (row.mend !== undefined)
        assert.match(line.slice(line.indexOf('to mend this: ')), row.mend);
    });
  }
});

test('a CRL that is out of date is named when it is read, with its issuer and its end', async (t) => {
  const hop = {
    name: '',
    tls: pki.a.tls,
    directives: `${forA} proxy_ssl_crl ${stale};`,
    code: null,
  };
  const { proxy } = await startHops([hop], t);
  const found = proxy.proxy.configuration?.diagnostics ?? [];
  const [warning = ''] = found.map(({ message }) => message);
  assert.ok(warning.includes(stale), warning);
  assert.match(warning, /Test root/);
});

// Everything that makes one of two locations refuse; the other one, that permits, is used first and
// often, so that connections and sessions of it are at hand.
const policies = [
  { name: 'pins', refuses: `proxy_ssl_pin ${backup} ${otherBackup};` },
  { name: 'wanted names', refuses: 'proxy_ssl_san dns:b.test;' },
  { name: 'CRLs', refuses: `proxy_ssl_crl ${pki.crlFile};` },
  { name: 'a staple', refuses: 'proxy_ssl_ocsp require;' },
] as const;

for (const { name, refuses } of policies) {
  test(`what is refused for ${name} stays so beside a location that permits it`, async (t) => {
    const port = await freePort();
    const upstream = await RecordingUpstream.start({ tls: pki.revoked.tls }, t);
    await startProxy(
      `http { ${forA} upstream g { server ${upstream.address}; keepalive 8; }
        server { listen 127.0.0.1:${port};
          location /permits { proxy_pass https://g; }
          location /refuses { proxy_pass https://g; ${refuses} } } }`,
      { scope: t },
    );
    for (let i = 0; i < 20; i += 1) {
      assert.equal((await request({ port, path: '/permits' })).status, 200);
    }
    for (let i = 0; i < 5; i += 1) {
      assert.equal((await request({ port, path: '/refuses' })).status, 502);
      assert.equal((await request({ port, path: '/permits' })).status, 200);
    }
    assert.equal(upstream.requests.length, 25);
  });
}
