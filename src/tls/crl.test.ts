import assert from 'node:assert/strict';
import { createSecureContext } from 'node:tls';
import { test } from 'node:test';
import fc from 'fast-check';
import { SallyportError } from '../base/errors.ts';
import { CertificateAuthority } from '../pki/authority.ts';
import { crlExpiry, crlFindings, readCrls } from './crl.ts';

const day = 86_400_000;
const second = (time: number): number => Math.floor(time / 1000) * 1000;
const root = await CertificateAuthority.create({ commonName: 'First root' });
const other = await CertificateAuthority.create({ commonName: 'Second, "root"' });
const leaf = await root.issue({ commonName: 'a.test', purpose: 'server' });
const fresh = await root.crl({ revoked: [leaf.certificatePem] });
const otherFresh = await other.crl({ revoked: [] });
const past = new Date(Date.now() - day);
const stale = await root.crl({
  revoked: [],
  thisUpdate: new Date(Date.now() - 3 * day),
  nextUpdate: past,
});
const early = await other.crl({
  revoked: [],
  thisUpdate: new Date(Date.now() + day),
  nextUpdate: new Date(Date.now() + 2 * day),
});

function file(...lists: string[]): { path: string; pem: string } {
  return { path: 'root.crl', pem: lists.join('') };
}

function messageOf(pem: string): string {
  try {
    readCrls({ path: 'root.crl', pem });
    return '';
  } catch (error) {
    assert.ok(error instanceof SallyportError && error.code === 'CERTIFICATE_INVALID');
    return error.message;
  }
}

test('every list of a file is read: its issuer, its dates, itself', () => {
  const found = readCrls(file(fresh, root.certificatePem, stale, otherFresh));
  assert.deepEqual(
    found.map((one) => one.issuer),
    ['CN=First root', 'CN=First root', 'CN=Second, "root"'],
  );
  assert.equal(found[1]?.nextUpdate, second(past.getTime()));
  assert.equal(found[0]?.pem, fresh);
  assert.ok(found.every((one) => one.thisUpdate < Date.now()));
  assert.equal(new Set(found.map((one) => one.fingerprint)).size, 3);
});

test('the label "CRL" is read as well, and given on as OpenSSL takes it', () => {
  const [one] = readCrls(file(fresh.replaceAll('X509 CRL', 'CRL')));
  assert.equal(one?.pem, fresh);
  createSecureContext({ crl: one.pem });
});

test('a file without a list, or with one that is cut off or malformed, is refused by name', () => {
  assert.match(messageOf(root.certificatePem), /"root.crl": there is no CRL in it/);
  assert.match(messageOf(fresh + fresh.slice(0, 200)), /CRL 2 is cut off/);
  assert.match(messageOf(fresh.replace(/\n[^-\n]{10}/, '\nAAAAAAAAAA')), /CRL 1 is malformed/);
  const der = Buffer.from(fresh.replace(/-----.*-----/g, ''), 'base64');
  assert.match(messageOf(der.toString('utf8')), /it is DER; write it as PEM: openssl crl/);
});

test('text of any kind is refused, never with another error', () => {
  fc.assert(fc.property(fc.string(), (text) => messageOf(text) !== ''));
  const frame = (text: string): string =>
    `-----BEGIN X509 CRL-----\n${text}\n-----END X509 CRL-----\n`;
  fc.assert(fc.property(fc.base64String(), (text) => messageOf(frame(text)) !== ''));
});

test('a list that nobody has renewed is named with its issuer and date', () => {
  const at = file(stale, otherFresh);
  const [message, ...more] = crlFindings(at, readCrls(at));
  const date = new Date(second(past.getTime())).toISOString();
  assert.equal(
    message,
    `"root.crl": the CRL of "CN=First root" was to be renewed by ${date} (nextUpdate): ` +
      'its certificates are refused',
  );
  assert.deepEqual(more, []);
});

test('a list that is not valid yet is named', () => {
  const at = file(early);
  assert.match(crlFindings(at, readCrls(at))[0] ?? '', /Second, "root"" is not valid before/);
});

test('a stale list beside a fresh one of the same issuer is no trouble', () => {
  const at = file(stale, fresh);
  assert.deepEqual(crlFindings(at, readCrls(at)), []);
});

test('what lists prove ends when an issuer has no fresh one any more', () => {
  const [one, two] = readCrls(file(fresh, otherFresh));
  const ends = [one?.nextUpdate ?? 0, two?.nextUpdate ?? 0];
  assert.equal(crlExpiry(readCrls(file(stale, fresh, otherFresh))), Math.min(...ends));
  assert.equal(crlExpiry([]), Infinity);
});
