// Random messages beside real nginx: of requests, what reaches the upstream; of responses, what
// reaches the client. Both must do the same, or a row of kit/nginx-differences.ts or
// kit/nginx-response-differences.ts says why not. `npm run test:differential` does more of them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { nginxDifferences, type NginxDifference } from './kit/nginx-differences.ts';
import { NginxPairs } from './kit/nginx-pairs.ts';
import { compareRandom, requestFinding, responseFinding } from './kit/nginx-random.ts';
import { nginxResponseDifferences } from './kit/nginx-response-differences.ts';
import { nginxPath } from './kit/nginx.ts';

// Other versions have mended or spoilt something.
const isThatVersion =
  nginxPath !== null && /nginx\/1\.22\./.test(spawnSync(nginxPath, ['-v']).stderr.toString());
const skip = isThatVersion ? false : 'nginx 1.22 is not installed';
const count = 400;
const pairs = isThatVersion ? await NginxPairs.start({ after }, 8) : null;

function running(): NginxPairs {
  assert.ok(pairs !== null);
  return pairs;
}

function mustBeOfKind(found: NginxDifference['kind'] | undefined, row: NginxDifference): void {
  if (row.kind === 'any') assert.ok(found !== undefined);
  else assert.equal(found, row.kind);
}

test('random messages go through as they go through nginx', { skip }, async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
  const { passed } = await compareRandom(running(), { seed, count });
  assert.ok(passed > count / 3, `seed ${seed}: only ${passed} were alike`);
});

for (const row of nginxDifferences) {
  test(`requests differ from nginx: ${row.name}`, { skip }, async () => {
    const found = await requestFinding(running(), Buffer.from(row.example, 'latin1'), 0);
    mustBeOfKind(found?.kind, row);
    assert.equal(found?.row?.name, row.name);
  });
}

for (const row of nginxResponseDifferences) {
  test(`responses differ from nginx: ${row.name}`, { skip }, async () => {
    const bytes = Buffer.from(row.example, 'latin1');
    const found = await responseFinding(running(), { bytes, method: 'GET' }, 0);
    mustBeOfKind(found?.kind, row);
    assert.equal(found?.row?.name, row.name);
  });
}

test('what both pass on alike is no difference', { skip }, async () => {
  const request = Buffer.from('POST /a HTTP/1.1\r\nHost: a.test\r\nContent-Length: 2\r\n\r\nxy');
  assert.equal(await requestFinding(running(), request, 0), null);
  const bytes = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxy');
  assert.equal(await responseFinding(running(), { bytes, method: 'GET' }, 0), null);
});
