import assert from 'node:assert/strict';
import { test } from 'node:test';
import { makeCertificate, pairFiles, pemFile } from './certificates.test-kit.ts';
import { leafA, leafB, serverPolicy, serverSettings, serversOf } from './front-door.test-kit.ts';
import type { ServerTlsSettings } from './server-policy.ts';
import { createServerTlsPolicy, serverPolicyWarnings } from './server-policy.ts';
import { otherRoot, root } from './upstream.test-kit.ts';

const swapped = { ...pairFiles(leafA), key: pairFiles(leafB).key };

const refused: readonly (readonly [string, Partial<ServerTlsSettings>, string, RegExp])[] = [
  [
    'a key of another certificate',
    { certificates: [swapped] },
    'CERTIFICATE_INVALID',
    /"b\.key": the private key does not match the first certificate of "a\.crt"/,
  ],
  [
    'a CA file without certificates',
    { clientCertificate: { path: 'ca.pem', pem: '' } },
    'CERTIFICATE_INVALID',
    /"ca\.pem": there is no certificate in it/,
  ],
  ['unknown ciphers', { ciphers: 'NONSENSE' }, 'CERTIFICATE_INVALID', /NONSENSE/],
  ['no protocol', { protocols: ['SSLv3'] }, 'CERTIFICATE_INVALID', /no TLS protocol is left/],
  ['no certificate', { certificates: [] }, 'CONFIG_INVALID', /no "ssl_certificate" is defined/],
  [
    'verification of clients without a CA',
    { verifyClient: 'on' },
    'CONFIG_INVALID',
    /no "ssl_client_certificate"/,
  ],
  ['short ticket keys', { ticketSecrets: [Buffer.alloc(16)] }, 'CONFIG_INVALID', /48 or 80 bytes/],
];

for (const [name, change, code, message] of refused) {
  test(`${name} is refused at load`, () => {
    assert.throws(() => createServerTlsPolicy({ ...serverSettings, ...change }), { code, message });
  });
}

test('everything but the ticket keys is in the key', () => {
  const changes: Partial<ServerTlsSettings>[] = [
    {},
    { id: 'b' },
    { certificates: [pairFiles(leafB)] },
    { verifyClient: 'optional_no_ca' },
    { clientCertificate: pemFile('ca.crt', root) },
    { clientCertificate: pemFile('ca.crt', otherRoot) },
    { verifyDepth: 2 },
    { protocols: ['TLSv1.3'] },
    { ciphers: 'HIGH' },
    { preferServerCiphers: true },
    { sessionTimeout: 10 },
    { sessionTickets: false },
    { ecdhCurve: 'X25519' },
    { alpnProtocols: ['http/1.1'] },
    { trustedCertificate: pemFile('ca.crt', root) },
    { trustedCertificate: pemFile('ca.crt', otherRoot) },
    { recordSize: 1024 },
    { overrides: { groups: 'X25519' } },
    { overrides: { ciphers: 'HIGH' } },
  ];
  const keys = changes.map((change) => serverPolicy(change).key);
  assert.equal(new Set(keys).size, keys.length);
  assert.equal(serverPolicy({ ticketSecrets: [Buffer.alloc(80, 9)] }).key, keys[0]);
});

test('the policy server does not listen', () => {
  assert.deepEqual(
    serversOf(serverPolicy()).map(({ listening }) => listening),
    [false],
  );
});

test('an expired certificate is warned of', () => {
  const old = makeCertificate({ commonName: 'old', notAfter: new Date(Date.now() - 1000) });
  const warnings = serverPolicyWarnings({ ...serverSettings, certificates: [pairFiles(old)] }).map(
    (one) => one.message,
  );
  assert.match(warnings.join(), /"old\.crt": the certificate expired on /);
});

test('every policy has ticket keys of its own', () => {
  const keys = (id: string) => serversOf(serverPolicy({ id })).map((one) => one.getTicketKeys());
  assert.notDeepEqual(keys('one'), keys('two'));
  assert.notDeepEqual(keys('one'), serverSettings.ticketSecrets);
  assert.deepEqual(keys('one'), keys('one'));
});
