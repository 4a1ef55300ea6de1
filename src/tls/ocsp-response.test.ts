// Every way in which a response can be wrong must be seen; openssl's own responder is the proof
// that right ones are.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { opensslAvailable } from '../../test/kit/openssl.ts';
import { tempFolder, writeIn } from '../../test/kit/temp-folder.ts';
import { makeRefusal, makeStaple } from '../../test/kit/ocsp.ts';
import type { StapleWish } from '../../test/kit/ocsp.ts';
import { makeAuthority, makeCertificate } from './certificates.test-kit.ts';
import type { CertificateWish, TestCertificate } from './certificates.test-kit.ts';
import { ocspRequest } from './ocsp-request.ts';
import { checkOcspResponse } from './ocsp-response.ts';
import type { OcspVerdict } from './ocsp-response.ts';

const hour = 3_600_000;
const ca = makeAuthority('OCSP test root');
const otherCa = makeAuthority('Other root');
const namesake = makeAuthority('OCSP test root');
const leafMade = makeCertificate({ commonName: 'a.test', issuer: ca, purposes: ['server'] });
const issuer = new X509Certificate(ca.pem);
const leaf = new X509Certificate(leafMade.pem);
const otherLeaf = x509(makeCertificate({ commonName: 'b.test', issuer: ca }));

function x509(made: TestCertificate): X509Certificate {
  return new X509Certificate(made.pem);
}

function staple(wish: Partial<StapleWish> = {}): Buffer {
  return makeStaple({ leaf, issuer, key: ca.key, ...wish });
}

function verdict(wish: Partial<StapleWish> = {}): OcspVerdict {
  return checkOcspResponse(staple(wish), { leaf, issuer });
}

function refused(der: Uint8Array, reason: RegExp): void {
  const found = checkOcspResponse(der, { leaf, issuer });
  assert.equal(found.kind, 'invalid');
  assert.match(found.kind === 'invalid' ? found.reason : '', reason);
}

function delegate(wish: Partial<CertificateWish> = {}) {
  const made = makeCertificate({
    commonName: 'responder',
    issuer: ca,
    purposes: ['ocsp'],
    ...wish,
  });
  return { certificate: x509(made), key: made.key };
}

test('a response of the issuer says that a certificate is good, and until when', () => {
  const thisUpdate = new Date(Math.floor(Date.now() / 1000) * 1000 - hour);
  const nextUpdate = new Date(thisUpdate.getTime() + 5 * hour);
  assert.deepEqual(verdict({ thisUpdate, nextUpdate }), {
    kind: 'good',
    thisUpdate: thisUpdate.getTime(),
    nextUpdate: nextUpdate.getTime(),
  });
});

test('the responder may be named by its key or by its name', () => {
  for (const by of ['key', 'name'] as const) {
    assert.equal(verdict({ by }).kind, 'good', by);
    assert.equal(verdict({ by, signer: delegate() }).kind, 'good', `delegated, ${by}`);
  }
});

test('the certificate may be named with SHA-1 or SHA-2, but not with a hash that is not known', () => {
  for (const hash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
    assert.equal(verdict({ hash }).kind, 'good', hash);
  }
  refused(staple({ hash: 'md5' }), /about another certificate/);
});

test('a revoked certificate is told with the time and the reason', () => {
  const revokedAt = new Date(Math.floor(Date.now() / 1000) * 1000 - 2 * hour);
  const found = verdict({ status: 'revoked', revokedAt, reason: 1 });
  assert.equal(found.kind, 'revoked');
  assert.deepEqual(found.kind === 'revoked' ? [found.at, found.reason] : [], [
    revokedAt.getTime(),
    'keyCompromise',
  ]);
  const bare = verdict({ status: 'revoked' });
  assert.equal(bare.kind === 'revoked' ? bare.reason : '', null);
});

test('a certificate that the responder does not know is unknown, never good', () => {
  assert.equal(verdict({ status: 'unknown' }).kind, 'unknown');
});

test('of several answers the one about the certificate counts', () => {
  const other = { leaf: otherLeaf, status: 'revoked' } as const;
  assert.equal(verdict({ before: [other], more: [other] }).kind, 'good');
  assert.equal(
    verdict({ status: 'revoked', before: [{ leaf: otherLeaf }], more: [{ leaf: otherLeaf }] }).kind,
    'revoked',
  );
});

test('of several answers about the certificate the worst counts', () => {
  assert.equal(verdict({ more: [{ leaf, status: 'revoked' }] }).kind, 'revoked');
  assert.equal(verdict({ before: [{ leaf, status: 'unknown' }] }).kind, 'unknown');
});

test('a response about another certificate of the same issuer is refused', () => {
  refused(staple({ leaf: otherLeaf }), /about another certificate/);
});

test('a response about the same serial of another issuer is refused', () => {
  const wish = {
    leaf,
    issuer: x509(otherCa),
    key: ca.key,
    signer: { certificate: issuer, key: ca.key },
  };
  refused(makeStaple(wish), /another certificate/);
});

test('a response that is signed by another CA is refused', () => {
  refused(
    staple({ signer: { certificate: x509(otherCa), key: otherCa.key } }),
    /certificate of another issuer/,
  );
});

test('a response that claims the issuer but is signed with another key is refused', () => {
  refused(staple({ key: otherCa.key }), /signature is wrong/);
});

test('a CA of the same name with another key is not the issuer', () => {
  for (const by of ['key', 'name'] as const) {
    const signer = { certificate: x509(namesake), key: namesake.key };
    refused(staple({ signer, by }), /./);
  }
});

test('the certificate itself cannot speak for itself', () => {
  refused(staple({ signer: { certificate: leaf, key: leafMade.key } }), /not for signing OCSP/);
});

test('a responder without the purpose of signing OCSP responses is refused', () => {
  for (const purposes of [[], ['server'], ['any']] as const) {
    refused(staple({ signer: delegate({ purposes }) }), /not for signing OCSP responses/);
  }
});

test('a responder that another CA has authorised is refused', () => {
  refused(staple({ signer: delegate({ issuer: otherCa }) }), /of another issuer/);
  refused(staple({ signer: delegate({ issuer: namesake }) }), /not signed by the issuer/);
});

test('a responder below an intermediate of the issuer is refused: it must be issued directly', () => {
  const intermediate = makeAuthority('OCSP intermediate', ca);
  refused(staple({ signer: delegate({ issuer: intermediate }) }), /of another issuer/);
});

test('a responder whose certificate has expired, or is not valid yet, is refused', () => {
  const yesterday = new Date(Date.now() - 24 * hour);
  const earlier = new Date(Date.now() - 48 * hour);
  const tomorrow = new Date(Date.now() + 24 * hour);
  const later = new Date(Date.now() + 48 * hour);
  const expired = delegate({ notBefore: earlier, notAfter: yesterday });
  const early = delegate({ notBefore: tomorrow, notAfter: later });
  refused(staple({ signer: expired }), /not valid at this time/);
  refused(staple({ signer: early }), /not valid at this time/);
});

test('a responder whose certificate is not in the response is refused', () => {
  refused(staple({ signer: delegate(), withCertificate: false }), /neither the issuer nor/);
});

test('a response out of its time is refused, five minutes of difference between clocks aside', () => {
  const at = (ms: number): Date => new Date(Date.now() + ms);
  refused(staple({ thisUpdate: at(-3 * hour), nextUpdate: at(-hour) }), /expired on/);
  refused(staple({ thisUpdate: at(hour), nextUpdate: at(2 * hour) }), /not valid before/);
  assert.equal(verdict({ thisUpdate: at(120_000), nextUpdate: at(hour) }).kind, 'good');
  refused(staple({ thisUpdate: at(-hour), nextUpdate: at(-2 * hour) }), /dates make no sense/);
});

test('a revocation out of its time proves nothing either', () => {
  const past = {
    thisUpdate: new Date(Date.now() - 3 * hour),
    nextUpdate: new Date(Date.now() - hour),
  };
  refused(staple({ ...past, status: 'revoked' }), /expired on/);
});

test('a response that does not say until when counts for a day', () => {
  const ago = (ms: number): Date => new Date(Date.now() - ms);
  const fresh = verdict({ thisUpdate: ago(23 * hour), nextUpdate: null });
  assert.equal(fresh.kind, 'good');
  assert.equal(fresh.kind === 'good' ? fresh.nextUpdate : 0, null);
  refused(staple({ thisUpdate: ago(25 * hour), nextUpdate: null }), /expired on/);
});

test('it is judged by the time that is given', () => {
  const der = staple();
  const later = checkOcspResponse(der, { leaf, issuer }, Date.now() + 48 * hour);
  assert.equal(later.kind, 'invalid');
});

test('SHA-1 is refused for the response and for its responder', () => {
  refused(staple({ digest: 'sha1' }), /SHA-1/);
  refused(staple({ signer: delegate(), digest: 'sha1' }), /SHA-1/);
});

test('a short RSA key is refused, a longer one is fine', () => {
  const signer = delegate({ keyType: 'rsa', bits: 1024 });
  refused(staple({ signer }), /key of 1024 bits/);
  assert.equal(verdict({ signer: delegate({ keyType: 'rsa' }) }).kind, 'good');
});

test('a critical extension that nobody knows is refused', () => {
  refused(staple({ criticalExtension: true }), /critical extension/);
});

test('an answer that is no answer is refused with its name', () => {
  for (const status of ['tryLater', 'unauthorized', 'internalError'] as const) {
    refused(makeRefusal(status), new RegExp(status));
  }
});

test('an issuer that did not issue the certificate is refused', () => {
  const found = checkOcspResponse(staple(), { leaf, issuer: x509(otherCa) });
  assert.equal(found.kind, 'invalid');
});

test('what follows the response, and a response that is cut off, is refused', () => {
  refused(Buffer.concat([staple(), Buffer.of(0)]), /malformed/);
  refused(staple().subarray(0, -1), /malformed/);
  refused(Buffer.alloc(0), /malformed/);
  refused(Buffer.alloc(100_000, 0x30), /too large/);
});

test('no bit of what is signed, and none of the signature, can be changed', () => {
  for (const der of [staple(), staple({ signer: delegate() })]) {
    for (let at = 0; at < der.length; at += 1) {
      const changed = Buffer.from(der);
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      const found = checkOcspResponse(changed, { leaf, issuer });
      // Bits that carry no meaning may change: an unused parameter, a certificate's tag.
      if (found.kind === 'good') assert.deepEqual(found, checkOcspResponse(der, { leaf, issuer }));
      else assert.equal(found.kind, 'invalid');
    }
  }
});

test('bytes of any kind never throw and are never believed', () => {
  const der = staple();
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
      assert.equal(checkOcspResponse(bytes, { leaf, issuer }).kind, 'invalid');
    }),
  );
  fc.assert(
    fc.property(fc.nat(der.length), fc.uint8Array({ maxLength: 20 }), (at, bytes) => {
      const mixed = Buffer.concat([der.subarray(0, at), bytes, der.subarray(at + bytes.length)]);
      assert.notEqual(checkOcspResponse(mixed, { leaf, issuer }).kind, 'revoked');
    }),
  );
  fc.assert(
    fc.property(fc.nat(der.length - 1), (length) => {
      assert.equal(checkOcspResponse(der.subarray(0, length), { leaf, issuer }).kind, 'invalid');
    }),
  );
});

test('a deep nest of sequences does not exhaust the stack', () => {
  let nest = Buffer.of(5, 0);
  for (let i = 0; i < 12_000; i += 1) {
    if (nest.length > 60_000) break;
    const head =
      nest.length < 128
        ? Buffer.of(0x30, nest.length)
        : Buffer.of(0x30, 0x82, nest.length >> 8, nest.length & 255);
    nest = Buffer.concat([head, nest]);
  }
  refused(nest, /./);
});

// openssl as the responder: `index.txt` is what its own CA would keep.
function opensslResponse(status: 'V' | 'R' | 'none', args: readonly string[] = []): Buffer {
  const folder = tempFolder();
  writeIn(folder, 'ca.pem', ca.pem);
  writeIn(folder, 'ca.key', ca.keyPem);
  writeIn(folder, 'req.der', ocspRequest(leaf, issuer));
  const end = '351231235959Z';
  const revoked = status === 'R' ? '240101000000Z,keyCompromise' : '';
  const line = [status, end, revoked, leaf.serialNumber, 'unknown', '/CN=a.test'].join('\t');
  writeIn(folder, 'index.txt', status === 'none' ? '' : `${line}\n`);
  const done = spawnSync(
    'openssl',
    [
      'ocsp',
      '-index',
      'index.txt',
      '-CA',
      'ca.pem',
      '-rsigner',
      'ca.pem',
      '-rkey',
      'ca.key',
    ].concat(['-reqin', 'req.der', '-respout', 'resp.der', '-ndays', '1', ...args]),
    { cwd: folder, encoding: 'utf8' },
  );
  assert.equal(done.status, 0, done.stderr);
  return readFileSync(join(folder, 'resp.der'));
}

const skip = !opensslAvailable;

test(
  "openssl's responder understands our request, and its answers are understood",
  { skip },
  () => {
    assert.equal(checkOcspResponse(opensslResponse('V'), { leaf, issuer }).kind, 'good');
    const revoked = checkOcspResponse(opensslResponse('R'), { leaf, issuer });
    assert.equal(revoked.kind, 'revoked');
    assert.equal(revoked.kind === 'revoked' ? revoked.reason : '', 'keyCompromise');
    assert.equal(checkOcspResponse(opensslResponse('none'), { leaf, issuer }).kind, 'unknown');
    const byKey = opensslResponse('V', ['-resp_key_id', '-rmd', 'sha384']);
    assert.equal(checkOcspResponse(byKey, { leaf, issuer }).kind, 'good');
    refused(opensslResponse('V', ['-rmd', 'sha1']), /SHA-1/);
  },
);

test("openssl takes the kit's responses, so that they test what they say", { skip }, () => {
  for (const [status, expected] of [
    ['good', /leaf.pem: good/],
    ['revoked', /leaf.pem: revoked/],
  ] as const) {
    const folder = tempFolder();
    writeIn(folder, 'ca.pem', ca.pem);
    writeIn(folder, 'leaf.pem', leafMade.pem);
    writeIn(folder, 'resp.der', staple({ status, signer: delegate() }));
    const args = ['-CAfile', 'ca.pem', '-issuer', 'ca.pem', '-cert', 'leaf.pem', '-no_nonce'];
    const done = spawnSync('openssl', ['ocsp', ...args, '-respin', 'resp.der'], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.match(done.stdout + done.stderr, /Response verify OK/);
    assert.match(done.stdout, expected);
  }
});
