// Handshakes with upstream servers that come to nothing before there is a certificate to judge, or
// because of ours: the client gets 502, the log the cause and the directive that mends it.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { accessLine, askAll, errorLine, hopAccessLog, startHops, type Hop } from './kit/hops.ts';
import { opensslAvailable, opensslServer } from './kit/openssl.ts';
import { testPki, type KeyPair } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';

const pki = await testPki();
const forA = `proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_name a.test;`;

/** Hops that fail before there is a certificate to judge. */
const handshakes: readonly Hop[] = [
  {
    name: 'a server of TLS 1.2 where 1.3 is wanted',
    tls: { ...pki.a.tls, maxVersion: 'TLSv1.2' },
    directives: `${forA} proxy_ssl_protocols TLSv1.3;`,
    code: 'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    mend: /proxy_ssl_protocols/,
  },
  {
    name: 'a server of TLS 1.3 where 1.2 is wanted',
    tls: { ...pki.a.tls, minVersion: 'TLSv1.3' },
    directives: `${forA} proxy_ssl_protocols TLSv1.2;`,
    code: 'UPSTREAM_TLS_PROTOCOL_MISMATCH',
    mend: /proxy_ssl_protocols/,
  },
  {
    name: 'no common cipher',
    tls: { ...pki.a.tls, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' },
    directives: `${forA} proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;`,
    code: 'UPSTREAM_TLS_HANDSHAKE_REFUSED',
    mend: /proxy_ssl_ciphers/,
  },
  {
    name: 'a common cipher',
    tls: { ...pki.a.tls, maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' },
    directives: `${forA} proxy_ssl_ciphers ECDHE-ECDSA-AES256-GCM-SHA384;`,
    code: null,
  },
];

for (const [version, option] of [
  ['TLS 1.2', '-tls1_2'],
  ['TLS 1.3', '-tls1_3'],
] as const) {
  const name = `a server that demands a client certificate under ${version}`;
  test(name, { skip: !opensslAvailable }, async (t) => {
    const files = ['-cert', pki.a.certificate, '-key', pki.a.key, '-CAfile', pki.caFile];
    const asks = ['-Verify', '2', '-verify_return_error', option];
    const server = await opensslServer([...files, ...asks], t);
    const port = await freePort();
    const locations = [
      ['/none', ''],
      ['/good', withClient(pki.client)],
      ['/unknown', withClient(pki.untrustedClient)],
      ['/expired', withClient(pki.expiredClient)],
    ].map(([path, more]) => `location ${path} { proxy_pass https://${server}; ${forA} ${more} }`);
    const proxy = await startProxy(
      `http { ${hopAccessLog} server { listen 127.0.0.1:${port}; ${locations.join('')} } }`,
      { scope: t },
    );
    assert.equal((await request({ port, path: '/good' })).status, 200, proxy.errorLog());
    const says = {
      '/none': /demands a client certificate: alert "\w+" .*, no client certificate;/,
      '/unknown': /does not know the issuer of the client certificate/,
      '/expired': /says that the client certificate has expired/,
    };
    for (const [path, expected] of Object.entries(says)) {
      assert.equal((await request({ port, path })).status, 502);
      const line = errorLine(proxy, path);
      assert.ok(line.includes(' UPSTREAM_TLS_CLIENT_CERT_REFUSED: '), line);
      assert.match(line, expected);
      assert.match(line, /to mend this: set proxy_ssl_certificate and proxy_ssl_certificate_key/);
      const logged = await accessLine(proxy, path);
      assert.match(logged, /502 FAILED:UPSTREAM_TLS_CLIENT_CERT_REFUSED /);
    }
  });
}

function withClient(pair: KeyPair): string {
  return `proxy_ssl_certificate ${pair.certificate}; proxy_ssl_certificate_key ${pair.key};`;
}

test('handshakes need a protocol and a cipher in common', async (t) => {
  const { proxy, port, upstreams } = await startHops(handshakes, t);
  const responses = await askAll(port, handshakes.length);
  for (const [i, row] of handshakes.entries()) {
    await t.test(`${row.name}: ${row.code ?? 'passes'}`, async () => {
      assert.equal(responses[i]?.status, row.code === null ? 200 : 502, proxy.errorLog());
      if (row.code === null) return;
      assert.equal(upstreams[i]?.requests.length, 0);
      const line = errorLine(proxy, `/${i}`);
      assert.ok(line.includes(` ${row.code}: `), line);
      if (row.mend !== undefined)
        assert.match(line.slice(line.indexOf('to mend this: ')), row.mend);
      assert.ok((await accessLine(proxy, `/${i}`)).includes(` 502 FAILED:${row.code} `));
    });
  }
});

test('a server that speaks plain HTTP is named as such', async (t) => {
  const port = await freePort();
  const onConnection = (socket: Socket): void => {
    socket.once('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  };
  const upstream = await RecordingUpstream.start({ onConnection }, t);
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${port};
      location / { proxy_pass https://${upstream.address}; ${forA} } } }`,
    { scope: t },
  );
  assert.equal((await request({ port })).status, 502);
  assert.match(
    proxy.errorLog(),
    /UPSTREAM_TLS_NOT_TLS: .*to mend this: the upstream does not speak TLS/,
  );
});
