import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HopSummary } from '../modules/hop.ts';
import { hopLines, listenLines } from './banner.ts';

const verified: HopSummary = {
  from: 'a.conf:4',
  to: 'https://a',
  mode: 'on',
  encrypted: true,
  verified: true,
  reason: null,
  until: null,
  note: 'against ca.pem',
};
const off: HopSummary = {
  ...verified,
  from: 'a.conf:40',
  mode: 'off',
  verified: false,
  note: 'proxy_ssl_verify off at a.conf:12',
};
const report: HopSummary = {
  ...off,
  from: 'a.conf:42',
  mode: 'report',
  note: 'report at a.conf:9',
};
const plain: HopSummary = { ...off, from: 'a.conf:44', mode: 'plain', encrypted: false };

test('verified, unverified and plain hops are counted, and the weaker ones named', () => {
  assert.deepEqual(hopLines([verified, off, verified, report, plain]), [
    {
      level: 'notice',
      text:
        '5 upstream hops: 2 verified, 1 verified in report mode only (a.conf:42), ' +
        '1 not verified (a.conf:40), 1 without TLS (a.conf:44)',
    },
    {
      level: 'error',
      text: 'a.conf:40: the hop to https://a is not verified (proxy_ssl_verify off at a.conf:12)',
    },
    {
      level: 'error',
      text: 'a.conf:42: the hop to https://a is verified in report mode only (report at a.conf:9)',
    },
  ]);
});

test('a weaker hop is named with the last day and the reason that it has', () => {
  const lines = hopLines([{ ...off, until: '2027-01-31', reason: 'old box' }]);
  assert.equal(
    lines[1]?.text,
    'a.conf:40: the hop to https://a is not verified ' +
      '(proxy_ssl_verify off at a.conf:12, until 2027-01-31, reason: "old box")',
  );
});

test('a configuration without hops says nothing about them', () => {
  assert.deepEqual(hopLines([]), []);
});

test('a proxy that listens nowhere is worth a warning', () => {
  assert.equal(listenLines([])[0]?.level, 'warn');
});
