import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainProblem } from './chain-problem.ts';
import { makeCertificate } from './certificates.test-kit.ts';
import { describeTlsFile } from './describe-file.ts';

const root = makeCertificate({ commonName: 'root', authority: true });
const one = makeCertificate({ commonName: 'one', authority: true, issuer: root });
const two = makeCertificate({ commonName: 'two', authority: true, issuer: root });
const leaf = makeCertificate({ commonName: 'a.test', issuer: one });

function file(...pems: readonly string[]) {
  return { path: '/x.pem', pem: pems.join('') };
}

test('a certificate is described by subject, end and fingerprint', () => {
  const text = describeTlsFile(file(leaf.pem, one.pem));
  assert.match(
    text,
    /^certificate "CN=a\.test", valid until \d{4}-\S+Z, SHA-256 [0-9A-F:]{95}, and 1 more$/,
  );
  assert.match(describeTlsFile(file(root.pem)), /^CA "CN=root", valid until/);
});

test('nothing secret is described', () => {
  assert.equal(describeTlsFile(file(leaf.keyPem)), 'a private key');
  assert.equal(describeTlsFile(file('pässword\n')), 'content that is not shown');
  const broken = '-----BEGIN CERTIFICATE-----\nsecret\n-----END CERTIFICATE-----\n';
  assert.equal(describeTlsFile(file(broken)), 'content that cannot be described');
});

test('intermediates that do not belong to the certificate are a problem', () => {
  const before = file(leaf.pem, one.pem);
  const problem = chainProblem(file(leaf.pem, two.pem), before);
  assert.match(problem ?? '', /^"\/x\.pem": none of its intermediate certificates has issued/);
  assert.equal(chainProblem(file(leaf.pem, two.pem, one.pem), before), null);
  assert.equal(chainProblem(file(leaf.pem), before), null);
});

test('a chain that was odd before may be odd again, and a list of CAs is no chain', () => {
  const odd = file(leaf.pem, two.pem);
  assert.equal(chainProblem(odd, odd), null);
  assert.equal(chainProblem(odd, file(root.pem)), null);
  assert.equal(chainProblem(file(one.pem, two.pem), file(leaf.pem, one.pem)), null);
});
