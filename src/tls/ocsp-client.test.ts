// Whatever a responder does, the question ends: with a verdict that can be believed, or with reasons.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { startOcspResponder } from '../../test/kit/ocsp.ts';
import { freePort } from '../../test/kit/ports.ts';
import { makeAuthority, makeCertificate } from './certificates.test-kit.ts';
import type { OcspAnswer } from './ocsp-client.ts';
import { askOcsp, isResponderUrl } from './ocsp-client.ts';
import { largestResponse } from './ocsp-response.ts';

const ca = makeAuthority('Test root');
const otherCa = makeAuthority('Other root');
const issuer = new X509Certificate(ca.pem);
const leaf = new X509Certificate(makeCertificate({ commonName: 'a.test', issuer: ca }).pem);

function problems(answer: OcspAnswer): readonly string[] {
  assert.equal(answer.verdict, null);
  return answer.verdict === null ? answer.problems : [];
}

test('a responder is asked by POST about the certificate, and its verdict comes back', async (t) => {
  const responder = await startOcspResponder({ issuer, key: ca.key, scope: t });
  for (const status of ['good', 'revoked', 'unknown'] as const) {
    responder.setStatus(leaf.serialNumber, status);
    const answer = await askOcsp({ leaf, issuer, responders: [`${responder.url}path?q`] });
    assert.equal(answer.verdict?.kind, status);
  }
  const [seen] = responder.requests;
  assert.equal(seen?.method, 'POST');
  assert.equal(seen.path, '/path?q');
  assert.equal(seen.contentType, 'application/ocsp-request');
  assert.equal(seen.serial, leaf.serialNumber);
});

test('the next responder is asked where one fails, and all failures are told', async (t) => {
  const dead = `http://127.0.0.1:${await freePort()}/`;
  const good = await startOcspResponder({ issuer, key: ca.key, scope: t });
  const liar = await startOcspResponder({ issuer, key: otherCa.key, scope: t });
  const both = await askOcsp({ leaf, issuer, responders: [dead, liar.url, good.url] });
  assert.equal(both.verdict?.kind, 'good');
  const none = problems(await askOcsp({ leaf, issuer, responders: [dead, liar.url] }));
  assert.match(none[0] ?? '', new RegExp(`asking "${dead}" failed: .*ECONNREFUSED`));
  assert.match(none[1] ?? '', /is refused: its signature is wrong/);
});

test('answers that are no OCSP responses are told from each other', async (t) => {
  const responder = await startOcspResponder({ issuer, key: ca.key, scope: t });
  const body = Buffer.from('<html>');
  const cases = [
    [{ body, status: 500 }, /it answered 500/],
    [{ body, status: 302 }, /it answered 302/],
    [{ body, contentType: 'text/html' }, /body of text\/html/],
    [{ body }, /malformed/],
    [{ body: Buffer.alloc(largestResponse + 1) }, /too large/],
    ['close', /socket hang up/],
  ] as const;
  for (const [answer, why] of cases) {
    responder.answerWith(answer);
    const found = problems(await askOcsp({ leaf, issuer, responders: [responder.url] }));
    assert.match(found[0] ?? '', why);
  }
});

test('a responder that never answers is left after ten seconds', async (t) => {
  const responder = await startOcspResponder({ issuer, key: ca.key, scope: t });
  responder.answerWith('silence');
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const asked = askOcsp({ leaf, issuer, responders: [responder.url] });
  t.mock.timers.tick(10_000);
  assert.match(problems(await asked)[0] ?? '', /no answer in 10 s/);
});

test('a question that nobody needs any more is given up', async (t) => {
  const responder = await startOcspResponder({ issuer, key: ca.key, scope: t });
  responder.answerWith('silence');
  const abort = new AbortController();
  const asked = askOcsp({ leaf, issuer, responders: [responder.url], signal: abort.signal });
  abort.abort();
  assert.match(problems(await asked)[0] ?? '', /given up/);
  const late = askOcsp({ leaf, issuer, responders: [responder.url], signal: abort.signal });
  assert.match(problems(await late)[0] ?? '', /given up/);
});

test('only http:// URLs with a host are asked', () => {
  assert.ok(isResponderUrl('http://ocsp.test/x'));
  for (const url of [
    'https://a.test/',
    'http://',
    'http:///x',
    'ftp://a.test',
    '$x',
    'http://a:1x/',
  ]) {
    assert.ok(!isResponderUrl(url), url);
  }
});
