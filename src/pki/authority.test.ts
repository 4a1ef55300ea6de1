// The judge is openssl: what it accepts and refuses, other TLS stacks do as well.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CertificateAuthority, selfSigned } from './authority.ts';
import type { Issued } from './authority.ts';

const folder = mkdtempSync(join(tmpdir(), 'sallyport-pki-'));
after(() => rmSync(folder, { recursive: true, force: true }));

let fileCount = 0;
function file(text: string): string {
  fileCount += 1;
  const path = join(folder, `${fileCount}.pem`);
  writeFileSync(path, text);
  return path;
}

interface Verdict {
  readonly ok: boolean;
  readonly output: string;
}

function verify(root: string, issued: Issued, ...options: string[]): Verdict {
  const args = ['verify', '-x509_strict', '-CAfile', file(root), ...options];
  const { status, stdout, stderr } = spawnSync(
    'openssl',
    [...args, '-untrusted', file(issued.chainPem), file(issued.certificatePem)],
    { encoding: 'utf8' },
  );
  return { ok: status === 0, output: stdout + stderr };
}

const root = await CertificateAuthority.create({ commonName: 'Test root' });
const dayMs = 86_400_000;

test('openssl accepts a server certificate for its DNS name and for no other', async () => {
  const issued = await root.issue({ commonName: 'a.test', purpose: 'server' });
  const good = verify(root.certificatePem, issued, '-verify_hostname', 'a.test');
  assert.ok(good.ok, good.output);
  const bad = verify(root.certificatePem, issued, '-verify_hostname', 'b.test');
  assert.match(bad.output, /hostname mismatch/i);
});

test('a chain through two intermediates verifies with the root alone as trust', async () => {
  const upper = await root.issueIntermediate({ commonName: 'Upper' });
  const lower = await upper.issueIntermediate({ commonName: 'Lower' });
  const issued = await lower.issue({ commonName: 'deep.test', purpose: 'server' });
  const names = (issued.chainPem.match(/-----BEGIN [^-]+-----[^-]+-----END [^-]+-----/g) ?? []).map(
    (pem) => new X509Certificate(pem).subject,
  );
  assert.deepEqual(names, ['CN=deep.test', 'CN=Lower', 'CN=Upper']);
  const verdict = verify(root.certificatePem, issued);
  assert.ok(verdict.ok, verdict.output);
});

test('IPv4, IPv6, DNS and URI names all become alternative names', async () => {
  const issued = await root.issue({
    commonName: 'many',
    dns: ['a.test', '*.b.test'],
    ip: ['127.0.0.1', '2001:db8::7'],
    uri: ['spiffe://a.test/web'],
    purpose: 'both',
  });
  const certificate = new X509Certificate(issued.certificatePem);
  assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(certificate.checkIP('127.0.0.2'), undefined);
  assert.ok(verify(root.certificatePem, issued, '-verify_ip', '2001:db8::7').ok);
  assert.ok(verify(root.certificatePem, issued, '-verify_hostname', 'x.b.test').ok);
  assert.match(certificate.subjectAltName ?? '', /URI:spiffe:\/\/a\.test\/web/);
});

test('a common name that is an IP address becomes an IP name, not a DNS name', async () => {
  const issued = await root.issue({ commonName: '127.0.0.1', purpose: 'server' });
  assert.equal(new X509Certificate(issued.certificatePem).subjectAltName, 'IP Address:127.0.0.1');
});

test('the purpose decides whether a certificate serves for a server or a client', async () => {
  const expectations = [
    ['server', true, false],
    ['client', false, true],
    ['both', true, true],
  ] as const;
  for (const [purpose, asServer, asClient] of expectations) {
    const issued = await root.issue({ commonName: 'p.test', purpose });
    assert.equal(verify(root.certificatePem, issued, '-purpose', 'sslserver').ok, asServer);
    assert.equal(verify(root.certificatePem, issued, '-purpose', 'sslclient').ok, asClient);
  }
});

test('a certificate without alternative names has only its common name', async () => {
  const issued = await root.issue({ commonName: 'a.test', purpose: 'server', withoutSans: true });
  const certificate = new X509Certificate(issued.certificatePem);
  assert.equal(certificate.subjectAltName, undefined);
  assert.equal(certificate.subject, 'CN=a.test');
});

test('a certificate whose end is past is refused as expired', async () => {
  const notAfter = new Date(Date.now() - dayMs);
  const issued = await root.issue({ commonName: 'a.test', purpose: 'server', notAfter });
  assert.match(verify(root.certificatePem, issued).output, /expired/);
});

test('a certificate whose start is to come is refused as not yet valid', async () => {
  const notBefore = new Date(Date.now() + dayMs);
  const issued = await root.issue({ commonName: 'a.test', purpose: 'server', notBefore });
  assert.match(verify(root.certificatePem, issued).output, /not yet valid/);
});

test('no certificate outlives its issuer by default', async () => {
  const shortLived = await CertificateAuthority.create({ commonName: 'Short', days: 3 });
  const issued = await shortLived.issue({ commonName: 'a.test', purpose: 'server' });
  assert.equal(
    new X509Certificate(issued.certificatePem).validTo,
    new X509Certificate(shortLived.certificatePem).validTo,
  );
});

test('a certificate of another authority with the same name is refused', async () => {
  const impostor = await CertificateAuthority.create({ commonName: 'Test root' });
  const issued = await impostor.issue({ commonName: 'a.test', purpose: 'server' });
  assert.equal(verify(root.certificatePem, issued).ok, false);
});

test('a self-signed certificate verifies only where it is itself trusted', async () => {
  const issued = await selfSigned({ commonName: 'self.test', purpose: 'server' });
  assert.equal(issued.chainPem, issued.certificatePem);
  assert.match(verify(root.certificatePem, issued).output, /self.signed/);
  const leaf = new X509Certificate(issued.certificatePem);
  assert.ok(leaf.verify(leaf.publicKey));
  assert.equal(leaf.ca, false);
});

test('the key is the key of the certificate', async () => {
  const issued = await root.issue({ commonName: 'a.test', purpose: 'server' });
  const certificate = new X509Certificate(issued.certificatePem);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(issued.keyPem)));
});

test('serial numbers are positive, 16 octets long and never the same', async () => {
  const serials = new Set<string>();
  for (let i = 0; i < 20; i += 1) {
    const issued = await root.issue({ commonName: 'a.test', purpose: 'client' });
    const serial = new X509Certificate(issued.certificatePem).serialNumber;
    assert.match(serial, /^[4-7][0-9A-F]{31}$/);
    serials.add(serial);
  }
  assert.equal(serials.size, 20);
});

test('a common name is taken as it is, quotes, commas and all', async () => {
  const commonName = 'Åsa "x", Inc = #7';
  const authority = await CertificateAuthority.create({ commonName });
  assert.ok(new X509Certificate(authority.certificatePem).subject.includes('Inc = #7'));
  const issued = await authority.issue({ commonName: 'a.test', purpose: 'server' });
  assert.ok(verify(authority.certificatePem, issued).ok);
});

test('a revocation list refuses the revoked certificate and no other', async () => {
  const revoked = await root.issue({ commonName: 'a.test', purpose: 'server' });
  const other = await root.issue({ commonName: 'b.test', purpose: 'server' });
  const crl = await root.crl({ revoked: [revoked.certificatePem] });
  const options = ['-crl_check', '-CRLfile', file(crl)];
  assert.match(verify(root.certificatePem, revoked, ...options).output, /revoked/);
  const verdict = verify(root.certificatePem, other, ...options);
  assert.ok(verdict.ok, verdict.output);
});
