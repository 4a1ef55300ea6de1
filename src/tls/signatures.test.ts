// Each scheme against a certificate that openssl has signed with it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate, generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { AlgorithmIdentifier } from '@peculiar/asn1-x509';
import { opensslAvailable } from '../../test/kit/openssl.ts';
import { tempFolder } from '../../test/kit/temp-folder.ts';
import { certificateParts } from './certificate-der.ts';
import { signatureProblem } from './signatures.ts';

const skip = !opensslAvailable;

// A self-signed certificate is signed bytes together with the key that signed them.
function selfSigned(...args: readonly string[]): X509Certificate {
  const folder = tempFolder();
  const all = ['req', '-x509', '-nodes', '-subj', '/CN=x', '-keyout', 'x.key', '-out', 'x.pem'];
  const done = spawnSync('openssl', [...all, ...args], { cwd: folder, encoding: 'utf8' });
  assert.equal(done.status, 0, done.stderr);
  return new X509Certificate(readFileSync(join(folder, 'x.pem')));
}

function problemOf(certificate: X509Certificate): string | null {
  return signatureProblem(certificateParts(certificate).signed, certificate.publicKey);
}

const rsa = ['-newkey', 'rsa:2048'];
const pss = [...rsa, '-sigopt', 'rsa_padding_mode:pss'];
const p384 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'];

const accepted: Record<string, readonly string[]> = {
  'RSA with SHA-256': [...rsa, '-sha256'],
  'RSA with SHA-512': [...rsa, '-sha512'],
  'RSA-PSS with SHA-256': [...pss, '-sha256'],
  'RSA-PSS with SHA-384 and a short salt': [...pss, '-sha384', '-sigopt', 'rsa_pss_saltlen:8'],
  'ECDSA with SHA-384': [...p384, '-sha384'],
  Ed25519: ['-newkey', 'ed25519'],
  Ed448: ['-newkey', 'ed448'],
};

for (const [name, args] of Object.entries(accepted)) {
  test(`${name} is accepted, and not with one bit changed`, { skip }, () => {
    const certificate = selfSigned(...args);
    assert.equal(problemOf(certificate), null);
    const { signed } = certificateParts(certificate);
    const data = Buffer.from(signed.data);
    data[20] = (data[20] ?? 0) ^ 1;
    assert.match(signatureProblem({ ...signed, data }, certificate.publicKey) ?? '', /is wrong/);
  });
}

const refused: Record<string, { args: readonly string[]; why: RegExp }> = {
  'RSA with SHA-1': { args: [...rsa, '-sha1'], why: /SHA-1/ },
  'RSA with MD5': { args: [...rsa, '-md5'], why: /MD5/ },
  'RSA-PSS with SHA-1': { args: [...pss, '-sha1'], why: /parameters/ },
  'RSA-PSS with SHA-1 in its mask': {
    args: [...pss, '-sha256', '-sigopt', 'rsa_mgf1_md:sha1'],
    why: /parameters/,
  },
  'ECDSA with SHA-1': { args: [...p384, '-sha1'], why: /SHA-1/ },
  'RSA of 1024 bits': { args: ['-newkey', 'rsa:1024', '-sha256'], why: /1024 bits/ },
};

for (const [name, { args, why }] of Object.entries(refused)) {
  test(`${name} is refused`, { skip }, () => {
    assert.match(problemOf(selfSigned(...args)) ?? '', why);
  });
}

test('a signature is not checked with a key of another kind', { skip }, () => {
  const { signed } = certificateParts(selfSigned(...rsa, '-sha256'));
  const other = selfSigned(...p384);
  assert.match(signatureProblem(signed, other.publicKey) ?? '', /is wrong/);
});

const postQuantum = [
  ['ml-dsa-44', '2.16.840.1.101.3.4.3.17'],
  ['ml-dsa-65', '2.16.840.1.101.3.4.3.18'],
  ['ml-dsa-87', '2.16.840.1.101.3.4.3.19'],
] as const;

for (const [type, id] of postQuantum) {
  test(`${type} is accepted, and not with one bit changed`, () => {
    const { privateKey, publicKey } = generateKeyPairSync(type);
    const data = Buffer.from('what is signed');
    const algorithm = new AlgorithmIdentifier({ algorithm: id });
    const signature = sign(null, data, privateKey);
    assert.equal(signatureProblem({ algorithm, data, signature }, publicKey), null);
    const changed = Buffer.from('what is singed');
    assert.match(
      signatureProblem({ algorithm, data: changed, signature }, publicKey) ?? '',
      /wrong/,
    );
  });
}
