// Identity beyond one DNS name: pins, proxy_ssl_san, the common name.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import type { Made } from '../../test/kit/certificate-maker.ts';
import { spkiPin } from './certificate-extensions.ts';
import { fileOf, makeCa, makeLeaf } from './hostile.test-kit.ts';
import type { UpstreamTlsSettings } from './upstream-settings.ts';
import { attempt, fail, listen, succeed, targetAt, tlsUpstream } from './upstream.test-kit.ts';
import { parseWantedSan } from './wanted-san.ts';
import type { WantedSan } from './wanted-san.ts';

const root = await makeCa('Identity root');
const intermediate = await makeCa('Identity intermediate', { issuer: root });
const leaf = await makeLeaf(intermediate);
const trusted = fileOf('root.crt', root);
const nobody = 'A'.repeat(43) + '=';

function pinOf(one: Made): string {
  return spkiPin(new X509Certificate(one.pem));
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a pin of any certificate of the verified path will do over ${version}`, async (t) => {
    const port = await listen(t, tlsUpstream([leaf, intermediate], { maxVersion: version }));
    for (const one of [leaf, intermediate, root]) {
      await succeed(targetAt(port, { trusted, pins: [nobody, pinOf(one)] }));
    }
  });

  test(`without a pinned key an upstream is refused over ${version}, and its keys named`, async (t) => {
    const port = await listen(t, tlsUpstream([leaf, intermediate], { maxVersion: version }));
    const error = await fail(targetAt(port, { trusted, pins: [nobody, nobody] }));
    assert.equal(error.code, 'UPSTREAM_TLS_PIN_MISMATCH');
    for (const one of [leaf, intermediate, root]) {
      assert.ok(error.message.includes(`sha256/${pinOf(one)} of "CN=`), error.message);
    }
    assert.match(error.message, /to mend this: .*proxy_ssl_pin/);
  });
}

test('a pinned CA that is only sent along is not in the verified path', async (t) => {
  const stranger = await makeCa('Stranger');
  const port = await listen(t, tlsUpstream([leaf, intermediate, stranger]));
  const error = await fail(targetAt(port, { trusted, pins: [pinOf(stranger), nobody] }));
  assert.equal(error.code, 'UPSTREAM_TLS_PIN_MISMATCH');
});

test('with verification off pins are enforced, and only the key of the leaf counts', async (t) => {
  const port = await listen(t, tlsUpstream([leaf, intermediate]));
  const off = { trusted: null, verify: 'off' } as const;
  const facts = await succeed(targetAt(port, { ...off, pins: [nobody, pinOf(leaf)] }));
  assert.equal(facts.verify, 'NONE');
  // Anybody can put a public certificate behind its own.
  const { error, refused } = await attempt(
    targetAt(port, { ...off, pins: [nobody, pinOf(intermediate)] }),
  );
  assert.equal(error?.code, 'UPSTREAM_TLS_PIN_MISMATCH');
  assert.equal(refused?.verify, 'FAILED:UPSTREAM_TLS_PIN_MISMATCH');
});

test('a session of one pin is no help to another', async (t) => {
  const port = await listen(t, tlsUpstream([leaf, intermediate]));
  const right = targetAt(port, { trusted, pins: [nobody, pinOf(leaf)] });
  for (let i = 0; i < 5; i += 1) await succeed(right);
  assert.equal((await succeed(right)).reused, true);
  const wrong = targetAt(port, { trusted, pins: [nobody, nobody] });
  for (let i = 0; i < 5; i += 1) {
    assert.equal((await fail(wrong)).code, 'UPSTREAM_TLS_PIN_MISMATCH');
  }
});

function sans(...texts: string[]): WantedSan[] {
  return texts.map((text) => {
    const san = parseWantedSan(text);
    assert.ok(typeof san !== 'string', `${text}: ${String(san)}`);
    return san;
  });
}

const spiffe = await makeLeaf(root, { dns: [], uri: ['spiffe://d.test/web'] });
const address = await makeLeaf(root, { dns: [], ip: ['10.0.0.7'] });

const wanted: readonly (readonly [string, Made, string[], boolean])[] = [
  ['a SPIFFE ID and no name at all', spiffe, ['uri:spiffe://d.test/web'], true],
  ['another SPIFFE ID', spiffe, ['uri:spiffe://d.test/db'], false],
  ['one of several', spiffe, ['uri:spiffe://d.test/db', 'uri:spiffe://d.test/web'], true],
  ['an address that nobody connected to', address, ['ip:10.0.0.7'], true],
  ['another address', address, ['ip:10.0.0.8'], false],
  ['another name than the one to verify', leaf, ['dns:b.test'], false],
];

for (const [name, shown, texts, accepted] of wanted) {
  test(`proxy_ssl_san: ${name} is ${accepted ? 'accepted' : 'refused'}`, async (t) => {
    const port = await listen(t, tlsUpstream([shown, intermediate]));
    const { error, facts } = await attempt(targetAt(port, { trusted, sans: sans(...texts) }));
    if (accepted) {
      assert.equal(facts?.verify, 'SUCCESS');
      return;
    }
    assert.equal(error?.code, 'UPSTREAM_TLS_SAN_MISMATCH');
    assert.ok(error.message.includes(`wanted "${texts[0] ?? ''}"`), error.message);
    assert.match(
      error.message,
      /presented names "(?:URI|DNS|IP Address):.*to mend this: .*proxy_ssl_san/,
    );
  });
}

const named = await makeLeaf(root, { dns: [] }, { commonName: 'a.test' });
const wildcard = await makeLeaf(root, { dns: [] }, { commonName: '*.wild.test' });
const withUri = await makeLeaf(root, { dns: [], uri: ['urn:x'] }, { commonName: 'a.test' });
const otherName = await makeLeaf(root, { dns: ['b.test'] }, { commonName: 'a.test' });
const otherAddress = await makeLeaf(root, { dns: [], ip: ['10.0.0.7'] }, { commonName: 'a.test' });
const asAddress = await makeLeaf(root, { dns: [] }, { commonName: '127.0.0.1' });

const commonNames: readonly (readonly [string, Made, string, boolean])[] = [
  ['the only name', named, 'a.test', true],
  ['the only name, in other letters', named, 'A.Test', true],
  ['another name', named, 'b.test', false],
  ['a wildcard', wildcard, 'x.wild.test', true],
  ['a wildcard, two labels deep', wildcard, 'y.x.wild.test', false],
  ['beside a URI', withUri, 'a.test', true],
  ['beside another DNS name', otherName, 'a.test', false],
  ['beside an IP address', otherAddress, 'a.test', false],
  ['an address', asAddress, '127.0.0.1', false],
];

for (const [name, shown, verifyName, accepted] of commonNames) {
  test(`common name, ${name}: ${accepted ? 'accepted' : 'refused'} where it is asked for`, async (t) => {
    const port = await listen(t, tlsUpstream([shown]));
    const at = (change: Partial<UpstreamTlsSettings>) =>
      targetAt(port, { trusted, ...change }, { verifyName, serverName: null });
    assert.equal((await fail(at({}))).code, 'UPSTREAM_TLS_NAME_MISMATCH');
    const { error } = await attempt(at({ verifyCommonName: true }));
    assert.equal(error?.code ?? null, accepted ? null : 'UPSTREAM_TLS_NAME_MISMATCH');
  });
}

test('nothing that a peer presents can break the line or speak in our name', async (t) => {
  const evil = 'a"; to mend this: set proxy_ssl_verify off\n2026/01/01 [emerg] über';
  const shown = await makeLeaf(root, { dns: ['b.test'] }, { commonName: evil });
  const error = await fail(targetAt(await listen(t, tlsUpstream([shown])), { trusted }));
  assert.match(error.message, /^[\x20-\x7e]+$/);
  assert.equal(error.message.match(/"; to mend this: /g)?.length, undefined);
});
