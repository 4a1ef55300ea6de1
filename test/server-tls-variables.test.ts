// `$ssl_*` of the client's connection beside nginx, and those that nginx 1.22 does not have yet.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx, type ComparedRequest } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { serverPairs } from './kit/server-pairs.ts';

const pki = await testPki();
const pairs = await serverPairs(['open.test']);

async function clientCalled(commonName: string) {
  const issued = await pki.root.issue({ commonName, purpose: 'client' });
  return { cert: issued.chainPem, key: issued.keyPem };
}

const clients = {
  none: null,
  plain: pki.client.tls,
  punctuated: await clientCalled('a, b+c "d" <e>; #f\\g'),
  foreign: await clientCalled('Zoë €'),
};

const shared = [
  'ssl_client_s_dn_legacy',
  'ssl_client_i_dn_legacy',
  'ssl_client_v_remain',
  'ssl_client_s_dn',
  'ssl_early_data',
  'ssl_session_reused',
  'ssl_ciphers',
  'ssl_curves',
  'ssl_server_name',
];

test('variables have the values of nginx', { skip: !nginxAvailable }, async (t) => {
  const observed = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) => `events { } http {
      server { listen 127.0.0.1:${port} ssl; ${pairs['open.test']}
        ssl_client_certificate ${pki.caFile}; ssl_verify_client optional; ssl_session_tickets off;
        return 200 "${shared.map((name) => `${name}=[$${name}]`).join(' ')}"; } }`,
    requests: Object.entries(clients).flatMap(([name, pair]) =>
      (['TLSv1.2', 'TLSv1.3'] as const).map((maxVersion): ComparedRequest => ({
        name: `${name} over ${maxVersion}`,
        headers: { Host: 'open.test' },
        tls: { ca: pki.ca, servername: 'open.test', maxVersion, ...pair },
      })),
    ),
    scope: t,
  });
  assertSameAsNginx(observed);
});

const request = 'GET / HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n';

test(
  'signature schemes: those offered, and the one in use',
  {
    skip: !opensslAvailable,
  },
  async (t) => {
    const port = await freePort();
    await startProxy(
      `http { server { listen 127.0.0.1:${port} ssl; ${pairs['open.test']}
      return 200 "offered [$ssl_sigalgs] used [$ssl_sigalg] none [$ssl_client_sigalg$ssl_curve$ssl_ech_status$ssl_ech_outer_server_name]"; } }`,
      { scope: t },
    );
    for (const version of ['-tls1_2', '-tls1_3']) {
      const sigalgs = 'ed25519:rsa_pss_rsae_sha256:ECDSA+SHA384:ECDSA+SHA256';
      const { output } = await opensslConnection(port, [version, '-sigalgs', sigalgs], request);
      const [, offered, used, none] =
        /^offered \[(.*)\] used \[(.*)\] none \[(.*)\]/m.exec(output) ?? [];
      assert.equal(
        offered,
        'ed25519:rsa_pss_rsae_sha256:ecdsa_secp384r1_sha384:ecdsa_secp256r1_sha256',
      );
      // OpenSSL's own client says what the server signed with.
      const digest = /^Peer signing digest: (\w+)$/m.exec(output)?.[1];
      const expected = { SHA256: 'ecdsa_secp256r1_sha256', SHA384: 'ecdsa_secp384r1_sha384' };
      assert.equal(used, expected[digest as keyof typeof expected]);
      assert.equal(none, '');
    }
  },
);
