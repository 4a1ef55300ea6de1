import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasWantedSan, parseWantedSan, sanText } from './wanted-san.ts';

const taken: readonly (readonly [string, string])[] = [
  ['dns:A.Example.ORG.', 'dns:a.example.org'],
  ['dns:*.example.org', 'dns:*.example.org'],
  ['dns:xn--bcher-kva.example', 'dns:xn--bcher-kva.example'],
  ['ip:10.0.0.1', 'ip:10.0.0.1'],
  ['ip:[::1]', 'ip:::1'],
  ['uri:spiffe://example.org/a/b', 'uri:spiffe://example.org/a/b'],
  ['uri:spiffe://example.org', 'uri:spiffe://example.org'],
  ['uri:urn:Some:Thing', 'uri:urn:Some:Thing'],
];

for (const [text, expected] of taken) {
  test(`${text} is taken`, () => {
    const san = parseWantedSan(text);
    assert.equal(typeof san === 'string' ? san : sanText(san), expected);
  });
}

const refused: readonly (readonly [string, RegExp])[] = [
  ['a.example.org', /begins with "dns:", "ip:" or "uri:"/],
  ['mail:a@example.org', /begins with/],
  ['dns:', /1 to 253/],
  ['dns:10.0.0.1', /write "ip:"/],
  ['dns:a*.example.org', /whole left-most label/],
  ['dns:a.*.example.org', /whole left-most label/],
  ['dns:*.*.example.org', /whole left-most label/],
  ['dns:*.org', /two labels after it/],
  ['dns:*', /two labels after it/],
  ['dns:bücher.example', /not a DNS name/],
  ['dns:a..b', /not a DNS name/],
  ['ip:10.0.0.*', /"\*" cannot stand in an IP address/],
  ['ip:10.0.0', /not an IP address/],
  ['ip:fe80::1%eth0', /not an IP address/],
  ['uri:spiffe://example.org/*', /byte for byte/],
  ['uri:nothing', /begins with its scheme/],
  ['uri:spiffe:/example.org', /"spiffe:\/\/trust-domain\/path"/],
  ['uri:spiffe:///a', /"spiffe:\/\/trust-domain\/path"/],
  ['uri:SPIFFE://example.org/a', /"spiffe:\/\/trust-domain\/path"/],
  ['uri:spiffe://Example.org/a', /lower-case/],
  ['uri:spiffe://example.org:443/a', /no port/],
  ['uri:spiffe://me@example.org/a', /no user/],
  ['uri:spiffe://example.org/a?b', /no query/],
  ['uri:spiffe://example.org/a#b', /no fragment/],
  ['uri:spiffe://example.org/a/', /does not end in/],
  ['uri:spiffe://example.org/a//b', /segment/],
  ['uri:spiffe://example.org/../b', /segment/],
  ['uri:spiffe://example.org/a%20b', /segment/],
];

for (const [text, reason] of refused) {
  test(`${text} is refused with the reason`, () => {
    const san = parseWantedSan(text);
    assert.match(typeof san === 'string' ? san : `taken: ${sanText(san)}`, reason);
  });
}

const comparisons: readonly (readonly [wanted: string, list: string, boolean])[] = [
  ['dns:a.x.test', 'DNS:A.x.test', true],
  ['dns:a.x.test', 'DNS:*.x.test', true],
  ['dns:a.b.x.test', 'DNS:*.x.test', false],
  ['dns:a.x.test', 'URI:https://a.x.test', false],
  ['dns:*.x.test', 'DNS:b.x.test', true],
  ['dns:*.x.test', 'DNS:*.x.test', true],
  ['dns:*.x.test', 'DNS:a.b.x.test', false],
  ['dns:*.x.test', 'DNS:x.test', false],
  ['dns:*.x.test', 'DNS:a*.x.test', false],
  ['dns:*.x.test', 'DNS:"a\\u0000.x.test"', false],
  ['ip:10.0.0.1', 'IP Address:10.0.0.1', true],
  ['ip:10.0.0.1', 'DNS:10.0.0.1', false],
  ['ip:::1', 'IP Address:0:0:0:0:0:0:0:1', true],
  ['uri:spiffe://d.test/a', 'URI:spiffe://d.test/a', true],
  ['uri:spiffe://d.test/a', 'DNS:a.test, URI:spiffe://d.test/a', true],
  ['uri:spiffe://d.test/a', 'URI:spiffe://D.test/a', false],
  ['uri:spiffe://d.test/a', 'URI:spiffe://d.test/a/b', false],
  ['uri:spiffe://d.test/a', 'URI:spiffe://d.test/a, URI:spiffe://d.test/b', false],
  ['uri:spiffe://d.test/a', 'DNS:"x, URI:spiffe://d.test/a"', false],
  ['uri:urn:a,b', 'URI:"urn:a,b"', true],
  ['uri:urn:a', 'URI:urn:b, URI:urn:a', true],
];

for (const [text, list, expected] of comparisons) {
  test(`${text} ${expected ? 'is' : 'is not'} in ${list}`, () => {
    const san = parseWantedSan(text);
    assert.ok(typeof san !== 'string');
    assert.equal(hasWantedSan([san], list), expected);
  });
}
