import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { makeCertificate, pairFiles, pemFile } from './certificates.test-kit.ts';
import type { UpstreamTlsSettings } from './upstream-policy.ts';
import {
  createUpstreamTlsPolicy,
  policyInForce,
  policyWarnings,
  policyWithCertificate,
} from './upstream-policy.ts';
import { otherRoot, root, settings } from './upstream.test-kit.ts';

const client = pairFiles(makeCertificate({ commonName: 'client', issuer: root }));

function rsaKey(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const sealed = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  return privateKey.export(sealed).toString();
}

function withKey(pem: string): Partial<UpstreamTlsSettings> {
  return { certificate: { certificate: client.certificate, key: { path: 'k.pem', pem } } };
}

const cut = root.pem.slice(0, 200);
const rotten = root.pem.replace(/\n[A-Za-z0-9+/]{8}/, '\nAAAAAAAA');

const refused: readonly (readonly [string, () => Partial<UpstreamTlsSettings>, RegExp])[] = [
  [
    'a CA file without certificates',
    () => ({ trusted: { path: 'ca.pem', pem: 'hello' } }),
    /"ca\.pem": there is no certificate in it/,
  ],
  [
    'a CA file that is cut off',
    () => ({ trusted: { path: 'ca.pem', pem: otherRoot.pem + cut } }),
    /"ca\.pem": certificate 2 is cut off/,
  ],
  [
    'a malformed CA',
    () => ({ trusted: { path: 'ca.pem', pem: rotten } }),
    /"ca\.pem": certificate 1 is malformed/,
  ],
  ['a key of another type', () => withKey(rsaKey()), /"k\.pem": the private key does not match/],
  [
    'a key of another certificate',
    () => withKey(otherRoot.keyPem),
    /"k\.pem": the private key does not match the first certificate of "client\.crt"/,
  ],
  ['a key file without a key', () => withKey(root.pem), /"k\.pem": there is no private key in it/],
  ['an encrypted key', () => withKey(encryptedKey()), /"k\.pem": the private key is encrypted/],
  ['an unknown cipher string', () => ({ ciphers: 'NONSENSE' }), /"NONSENSE".*no cipher match/],
  ['SSLv3 alone', () => ({ protocols: ['SSLv3'] }), /no TLS protocol is left.*SSLv3/],
  [
    'TLS 1.0 alone at the usual security level',
    () => ({ protocols: ['TLSv1'] }),
    /no TLS protocol is left.*@SECLEVEL=0/,
  ],
];

for (const [name, change, says] of refused) {
  test(`${name} is refused at load`, () => {
    assert.throws(() => createUpstreamTlsPolicy({ ...settings, ...change() }), {
      code: 'CERTIFICATE_INVALID',
      message: says,
    });
  });
}

test('policies that need the same context share it and still have keys of their own', () => {
  const one = createUpstreamTlsPolicy(settings);
  const deeper = createUpstreamTlsPolicy({ ...settings, verifyDepth: 3 });
  assert.equal(one.context, deeper.context);
  assert.notEqual(one.key, deeper.key);
});

test('the same content under another path is the same policy', () => {
  const moved = { ...settings, trusted: pemFile('elsewhere.crt', root) };
  assert.equal(createUpstreamTlsPolicy(moved).key, createUpstreamTlsPolicy(settings).key);
});

test('another content under the same path is another policy', () => {
  const changed = { ...settings, trusted: pemFile('root.crt', otherRoot) };
  assert.notEqual(createUpstreamTlsPolicy(changed).key, createUpstreamTlsPolicy(settings).key);
});

const changes: readonly (readonly [string, Partial<UpstreamTlsSettings>])[] = [
  ['verify', { verify: 'report' }],
  ['weakUntil', { weakUntil: 1 }],
  ['verifyCommonName', { verifyCommonName: true }],
  ['pins', { pins: ['a'] }],
  ['sans', { sans: [{ kind: 'dns', value: 'a.test' }] }],
  ['ocsp', { ocsp: 'staple' }],
  ['groups', { groups: 'X25519' }],
  ['overrides', { overrides: { groups: 'X25519' } }],
  ['certificate', { certificate: client }],
];

for (const [name, change] of changes) {
  test(`another setting of ${name} is another policy`, () => {
    const changed = createUpstreamTlsPolicy({ ...settings, ...change });
    assert.notEqual(changed.key, createUpstreamTlsPolicy(settings).key);
  });
}

test('a file without a revocation list is refused, named', () => {
  const crl = [{ path: 'empty.crl', pem: root.pem }];
  assert.throws(() => createUpstreamTlsPolicy({ ...settings, crl }), {
    code: 'CERTIFICATE_INVALID',
    message: /"empty\.crl": there is no CRL in it/,
  });
});

const clientToo = pairFiles(makeCertificate({ commonName: 'client 2', issuer: root }));

test('with another client certificate it is another policy, the same for the same content', () => {
  const policy = createUpstreamTlsPolicy(settings);
  const first = policyWithCertificate(policy, client);
  assert.equal(policyWithCertificate(policy, client), first);
  const readAgain = structuredClone(client);
  assert.equal(policyWithCertificate(policy, readAgain), first);
  assert.notEqual(policyWithCertificate(policy, clientToo).key, first.key);
  assert.notEqual(first.key, policy.key);
  assert.equal(first.reported, policy.reported);
});

test('a pair that does not match is refused also at run time', () => {
  const policy = createUpstreamTlsPolicy(settings);
  const mixed = { certificate: client.certificate, key: clientToo.key };
  assert.throws(() => policyWithCertificate(policy, mixed), {
    code: 'CERTIFICATE_INVALID',
    message: /"client 2\.key": the private key does not match/,
  });
});

test('a strict twin keeps the certificate that was set for it', () => {
  const weak = createUpstreamTlsPolicy({ ...settings, verify: 'off', weakUntil: 1 });
  const strict = policyInForce(policyWithCertificate(weak, client));
  assert.equal(strict.settings.verify, 'on');
  assert.equal(strict.settings.certificate, client);
});

test('the system store that counts after until= must be there at load', () => {
  const weak = createUpstreamTlsPolicy({ ...settings, trusted: null, verify: 'off', weakUntil: 1 });
  assert.equal(weak.trust.size, 0);
  assert.ok(policyInForce(weak).trust.size > 0);
});

test('a policy is frozen', () => {
  const policy = createUpstreamTlsPolicy(settings);
  assert.ok(Object.isFrozen(policy));
  assert.ok(Object.isFrozen(policy.settings));
});

test('without a CA file the certificates of the system are trusted, each once', () => {
  const { trust } = createUpstreamTlsPolicy({ ...settings, trusted: null });
  assert.ok(trust.size > 0);
  assert.equal(new Set(trust.ca).size, trust.size);
});

test('protocols that will never be spoken are warned of, with the remedy', () => {
  const warnings = policyWarnings({ ...settings, protocols: ['SSLv3', 'TLSv1', 'TLSv1.2'] }).map(
    (one) => one.message,
  );
  assert.equal(warnings.length, 2);
  assert.match(warnings[0] ?? '', /SSLv3 is not available/);
  assert.match(warnings[1] ?? '', /TLSv1 will not be spoken.*"DEFAULT:@SECLEVEL=0"/);
  const allowed = { ...settings, protocols: ['TLSv1', 'TLSv1.2'], ciphers: 'ALL:@SECLEVEL=0' };
  assert.deepEqual(policyWarnings(allowed as UpstreamTlsSettings), []);
});

test('a certificate whose days are over is warned of', () => {
  const old = makeCertificate({ commonName: 'old', notAfter: new Date(Date.now() - 1000) });
  const warnings = policyWarnings({ ...settings, trusted: pemFile('old.crt', old) }).map(
    (one) => one.message,
  );
  assert.match(warnings.join(), /"old\.crt": the certificate expired on /);
});
