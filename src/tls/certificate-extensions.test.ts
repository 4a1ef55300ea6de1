import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { opensslAvailable } from '../../test/kit/openssl.ts';
import {
  allowsServerAuth,
  demandsStaple,
  isCa,
  ocspResponders,
  spkiPin,
} from './certificate-extensions.ts';
import { makeAuthority, makeCertificate } from './certificates.test-kit.ts';
import type { CertificateWish } from './certificates.test-kit.ts';

const ca = makeAuthority('Test root');

function certificate(wish: Partial<CertificateWish> = {}): X509Certificate {
  return new X509Certificate(makeCertificate({ commonName: 'a.test', issuer: ca, ...wish }).pem);
}

test('a certificate with the feature status_request demands a staple, others do not', () => {
  assert.equal(demandsStaple(certificate({ mustStaple: true })), true);
  assert.equal(demandsStaple(certificate()), false);
});

test('a feature that cannot be read counts as a demand, another feature does not', () => {
  const der = certificate({ mustStaple: true }).raw;
  const at = der.indexOf(Buffer.from('0403020105', 'hex').subarray(2)) + 2;
  const withByte = (index: number, byte: number): X509Certificate => {
    const changed = Buffer.from(der);
    changed[index] = byte;
    return new X509Certificate(changed);
  };
  assert.equal(der[at], 5);
  assert.equal(demandsStaple(withByte(at, 17)), false);
  assert.equal(demandsStaple(withByte(at - 2, 0x0c)), true);
  assert.equal(demandsStaple(withByte(at - 3, 0x7f)), true);
});

test('OCSP responders are given in order, those that are not http:// left out', () => {
  const urls = [
    'http://one.test/ocsp',
    'https://two.test/',
    'ldap://three.test/',
    'HTTP://four.test',
  ];
  const found = ocspResponders(certificate({ ocspResponders: urls }));
  assert.deepEqual(found, ['http://one.test/ocsp', 'HTTP://four.test']);
  assert.deepEqual(ocspResponders(certificate()), []);
});

test("the pin is what openssl's commands give", { skip: !opensslAvailable }, () => {
  const one = certificate();
  const command =
    'openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | ' +
    'openssl dgst -sha256 -binary | base64';
  const done = spawnSync('sh', ['-c', command], { input: one.toString(), encoding: 'utf8' });
  assert.equal(spkiPin(one), done.stdout.trim());
});

test('a CA is told from other certificates', () => {
  assert.equal(isCa(new X509Certificate(ca.pem)), true);
  assert.equal(isCa(certificate()), false);
});

test('a server may use what names its purpose, or no purpose at all', () => {
  assert.equal(allowsServerAuth(certificate()), true);
  assert.equal(allowsServerAuth(certificate({ purposes: ['server'] })), true);
  assert.equal(allowsServerAuth(certificate({ purposes: ['client', 'server'] })), true);
  assert.equal(allowsServerAuth(certificate({ purposes: ['client'] })), false);
});
