// `split_clients` beside real nginx: the same key, the same choice.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { loadConfig } from '../src/index.ts';
import type { Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

const config = ({ port }: Site): string => `
events {}
http {
  split_clients "$arg_k" $thirds { 33.33% one; 33.33% two; * three; }
  split_clients "$arg_k-salt" $uneven { 0.01% rare; 0.5% half; 2.0% two; 12.34% more; 50% most; }
  split_clients $http_x_key $field { 50% "left half"; 50% $right; }
  split_clients $arg_k $all { 100% all; }
  split_clients $arg_k $star { * star; }
  split_clients $arg_k $hundredths {${Array.from({ length: 100 }, (_, i) => ` 1% v${i};`).join('')} }
  split_clients $arg_k $settable { * split; }
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "$thirds|$uneven|$field|$all|$star|$hundredths"; }
    location /set { set $settable mine; return 200 $settable; }
  }
}`;

// Different lengths (the hash takes four bytes at a time), and bytes beyond ASCII.
const keys = fc.sample(
  fc.oneof(fc.string({ unit: 'grapheme', maxLength: 20 }), fc.ipV4(), fc.uuid(), fc.emailAddress()),
  { numRuns: 1000, seed: 7 },
);

test('1,000 keys get the shares that nginx gives them', { skip, timeout: 60_000 }, async (t) => {
  const requests = keys.map((key) => ({
    name: JSON.stringify(key),
    raw: Buffer.from(
      `GET /?k=${encodeURIComponent(key)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n` +
        `X-Key: ${key.replace(/[\x00-\x1f\x7f]/g, '')}\r\n\r\n`,
    ),
  }));
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config,
    requests: [...requests, { path: '/set' }],
    scope: t,
  });
  assertSameAsNginx(pairs);
  const bodies = new Set(pairs.flatMap(({ proxy }) => proxy.answers.map(({ body }) => body)));
  assert.ok(bodies.size > 100);
});

const refused: readonly string[] = [
  'split_clients $arg_k b { * x; }',
  'split_clients $arg_k $uri { * x; }',
  'split_clients $arg_k { * x; }',
  'split_clients $arg_k $b { 50 x; }',
  'split_clients $arg_k $b { 0% x; }',
  'split_clients $arg_k $b { 0.00% x; }',
  'split_clients $arg_k $b { 0.001% x; }',
  'split_clients $arg_k $b { -1% x; }',
  'split_clients $arg_k $b { % x; }',
  'split_clients $arg_k $b { 1.2.3% x; }',
  'split_clients $arg_k $b { 1e1% x; }',
  'split_clients $arg_k $b { ** x; }',
];

test('what split_clients refuses, and in which words, is as in nginx', { skip }, async (t) => {
  for (const block of refused) {
    const folder = tempFolder(t);
    const conf = `events {}\nhttp {\n${block}\n}\n`;
    const theirs = checkConfig(conf, { folder });
    assert.equal(theirs.ok, false, block);
    const words = /^\[emerg\] (.*) in nginx\.conf:3$/m.exec(theirs.messages.join('\n'))?.[1];
    const loaded = await loadConfig({ file: `${folder}/x.conf`, text: conf, prefix: folder });
    assert.ok(!loaded.ok, block);
    assert.deepEqual(
      loaded.diagnostics.map(({ message }) => message),
      [words],
    );
  }
});

test('more than 100 % is refused', { skip }, async (t) => {
  for (const shares of ['60% x; 40.01% y;', '100% x; 0.01% y;', '50% x; * y; 1% z;']) {
    const folder = tempFolder(t);
    const conf = `events {}\nhttp {\nsplit_clients $arg_k $b { ${shares} }\n}\n`;
    const words = checkConfig(conf, { folder }).messages.join('\n');
    assert.match(words, /percent total is greater than 100%/);
    const loaded = await loadConfig({ file: `${folder}/x.conf`, text: conf, prefix: folder });
    assert.ok(!loaded.ok);
    assert.equal(loaded.diagnostics[0]?.message, 'percent total is greater than 100%');
  }
});
