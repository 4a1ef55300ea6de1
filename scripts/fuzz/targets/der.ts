// DER from strangers: OCSP responses, certificates that a peer presented, revocation lists.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { SallyportError } from '../../../src/base/errors.ts';
import {
  allowsServerAuth,
  demandsStaple,
  isCa,
  issuerUrls,
  ocspResponders,
  publicKeyOf,
} from '../../../src/tls/certificate-extensions.ts';
import { certificateParts, isOneElement } from '../../../src/tls/certificate-der.ts';
import { readCrls } from '../../../src/tls/crl.ts';
import { readElement } from '../../../src/tls/der-element.ts';
import { checkOcspResponse } from '../../../src/tls/ocsp-response.ts';
import type { FuzzTarget } from '../target.ts';
import { crl, good, issuer, leaf, revoked } from './der-fixtures.ts';

const about = { leaf: new X509Certificate(leaf), issuer: new X509Certificate(issuer) };
const time = Date.parse('2027-01-01T00:00:00Z');
const verdicts = [good, revoked].map((der) => checkOcspResponse(der, about, time));

const der: readonly string[] = [
  ...['\x30\x80', '\x30\x82', '\x30\x00', '\x02\x01\x00', '\x05\x00', '\xa0\x03', '\x0a\x01\x00'],
  ...[
    '\x0a\x01\x06',
    '\x04\x00',
    '\x03\x01\x00',
    '\x18\x0f20260101000000Z',
    '\x80\x00',
    '\x84\xff',
  ],
];

const ocsp: FuzzTarget = {
  name: 'ocsp',
  code: ['tls/ocsp-', 'tls/certificate-der.ts', 'tls/der-element.ts', 'tls/signatures.ts'],
  seeds: [good, revoked],
  words: der,
  maxBytes: 2048,
  run(input) {
    const verdict = checkOcspResponse(input, about, time);
    if (verdict.kind === 'invalid') {
      assert.match(verdict.reason, /^[ -~]+$/);
      return;
    }
    // What is signed nobody can change: what is believed is what was signed.
    const believed = verdicts.some((one) => one.kind === verdict.kind);
    assert.ok(believed, `${verdict.kind} was never signed`);
    assert.ok(isOneElement(input));
    for (const one of verdicts) if (one.kind === verdict.kind) assert.deepEqual(verdict, one);
  },
};

function readCertificate(input: Buffer): X509Certificate | null {
  try {
    return new X509Certificate(input);
  } catch {
    return null;
  }
}

const certificates: FuzzTarget = {
  name: 'certificates',
  code: ['tls/certificate-extensions.ts', 'tls/certificate-der.ts', 'tls/der-element.ts'],
  seeds: [leaf, issuer],
  words: [...der, '\x06\x08\x2b\x06\x01\x05\x05\x07\x01\x18', 'http://', 'a.test'],
  maxBytes: 1500,
  run(input) {
    for (let at = 0, element = readElement(input, 0); element !== null;) {
      assert.ok(element.start > at && element.end >= element.start && element.end <= input.length);
      at = element.end;
      element = readElement(input, at);
    }
    const certificate = readCertificate(input);
    if (certificate === null) return;
    for (const url of [...ocspResponders(certificate), ...issuerUrls(certificate)]) {
      assert.ok(URL.canParse(url));
    }
    demandsStaple(certificate);
    publicKeyOf(certificate);
    isCa(certificate);
    allowsServerAuth(certificate);
    try {
      const parts = certificateParts(certificate);
      assert.ok(certificate.raw.includes(parts.issuerName));
    } catch (error) {
      // What the library cannot read; who calls it expects that.
      assert.ok(error instanceof Error && error.name !== 'AssertionError', String(error));
      assert.ok(!(error instanceof RangeError), String(error));
    }
    const again = checkOcspResponse(good, { ...about, leaf: certificate }, time);
    if (again.kind === 'good') assert.ok(certificate.checkIssued(about.issuer));
  },
};

const crls: FuzzTarget = {
  name: 'revocation-lists',
  code: ['tls/crl.ts', 'tls/certificate-der.ts'],
  seeds: [crl],
  words: der,
  maxBytes: 1500,
  run(input) {
    const pem = `-----BEGIN X509 CRL-----\n${input.toString('base64')}\n-----END X509 CRL-----\n`;
    for (const text of [pem, input.toString('latin1')]) {
      try {
        for (const facts of readCrls({ path: 'a.crl', pem: text })) {
          assert.equal(typeof facts.issuer, 'string');
          assert.ok(facts.nextUpdate === null || !Number.isNaN(facts.nextUpdate), 'a date');
          assert.ok(!Number.isNaN(facts.thisUpdate), 'a date');
        }
      } catch (error) {
        if (!(error instanceof SallyportError) || error.code !== 'CERTIFICATE_INVALID') throw error;
      }
    }
  },
};

export const derTargets: readonly FuzzTarget[] = [ocsp, certificates, crls];
