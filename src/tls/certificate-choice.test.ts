import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CertificateChoice, oneOfEachType } from './certificate-choice.ts';
import { makeAuthority, makeCertificate, pairFiles } from './certificates.test-kit.ts';
import type { ClientHello } from './client-hello.ts';
import type { KeyPair } from './pem.ts';

const issuer = makeAuthority('Root');

function pair(commonName: string, keyType: 'ec' | 'rsa'): KeyPair {
  return pairFiles(makeCertificate({ commonName, issuer, keyType }));
}

const ec = pair('ec', 'ec');
const rsa = pair('rsa', 'rsa');
const laterEc = pair('later', 'ec');

test('of several with one type of key the last counts, and RSA comes last', () => {
  assert.deepEqual(oneOfEachType([rsa, ec]), [ec, rsa]);
  assert.deepEqual(oneOfEachType([ec, rsa, laterEc]), [laterEc, rsa]);
  assert.deepEqual(oneOfEachType([rsa]), [rsa]);
});

const hello: ClientHello = {
  serverName: '',
  // ECDHE-ECDSA-AES128-GCM-SHA256 and ECDHE-RSA-AES128-GCM-SHA256.
  ciphers: [0xc02b, 0xc02f],
  groups: [23],
  alpn: [],
  versions: [0x0304, 0x0303],
  sigalgs: [0x0403, 0x0804],
  takesTicket: false,
  ticketName: '',
};
const tls12 = { ...hello, versions: [0x0303] };

const choice = new CertificateChoice([ec, rsa], { ciphers: 'HIGH:!aNULL', speaksTls13: true });
const onlyRsa = new CertificateChoice([ec, rsa], { ciphers: 'aRSA', speaksTls13: true });
const old = new CertificateChoice([ec, rsa], { ciphers: 'aRSA', speaksTls13: false });

for (const [name, chooser, offered, place] of [
  ['TLS 1.3 with both', choice, hello, 0],
  [
    'TLS 1.3 with the curve of another certificate',
    choice,
    { ...hello, sigalgs: [0x0503, 0x0804] },
    1,
  ],
  ['TLS 1.3 without a scheme for either', choice, { ...hello, sigalgs: [0x0807] }, -1],
  ['TLS 1.3 with RSA signatures of TLS 1.2', choice, { ...hello, sigalgs: [0x0401] }, -1],
  ['TLS 1.2 with both', choice, tls12, 0],
  ['TLS 1.2 with ECDSA of any curve', choice, { ...tls12, sigalgs: [0x0503, 0x0401] }, 0],
  ['TLS 1.2 without the group of the key', choice, { ...tls12, groups: [24] }, 1],
  ['TLS 1.2 without suites for ECDSA', choice, { ...tls12, ciphers: [0xc02f] }, 1],
  ['TLS 1.2 with RSA key exchange alone', choice, { ...tls12, ciphers: [0x002f] }, -1],
  ['TLS 1.2 without signature schemes', choice, { ...tls12, sigalgs: [] }, -1],
  ['TLS 1.3 where the suites of TLS 1.2 are for RSA', onlyRsa, hello, 0],
  ['TLS 1.2 where the suites are for RSA', onlyRsa, tls12, 1],
  ['a server without TLS 1.3', old, hello, 1],
] as const) {
  test(`${name}: ${['OpenSSL is to choose', 'ECDSA', 'RSA'][place + 1] ?? ''}`, () => {
    assert.equal(chooser.choose(offered), place);
  });
}

test('a server with signature schemes of its own leaves the choice to OpenSSL', () => {
  const settings = { ciphers: 'HIGH', speaksTls13: true, ownSchemes: true };
  assert.equal(new CertificateChoice([ec, rsa], settings).choose(hello), -1);
});

test('one certificate is for everybody', () => {
  const single = new CertificateChoice([rsa], { ciphers: 'HIGH', speaksTls13: true });
  assert.equal(single.choose({ ...hello, sigalgs: [] }), 0);
});
