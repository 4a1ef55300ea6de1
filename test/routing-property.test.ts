// Which way a request goes, and with which URI it is passed on: random configurations and random
// targets, in nginx and here. `npm run test:routing` does the same with 10,000 pairs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nginxAvailable } from './kit/nginx.ts';
import { compareRouting } from './kit/routing-pairs.ts';

const skip = !nginxAvailable;
const count = 1500;

test('random routing is decided as nginx decides it', { skip }, async (t) => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
  const pairs = await compareRouting({ seed, count, scope: t });
  const routed = pairs.filter(({ nginx }) =>
    /^HTTP\/1.1 (200|404)/.test(nginx.answers[0]?.statusLine ?? ''),
  );
  const passed = pairs.filter(({ nginx }) => nginx.received['upstream'] !== undefined);
  assert.ok(routed.length > count / 3, `seed ${seed}: only ${routed.length} were routed`);
  assert.ok(passed.length > count / 20, `seed ${seed}: only ${passed.length} were passed on`);
});
