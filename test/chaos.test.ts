// A minute of everything going wrong at once: the short form of `npm run test:chaos`. What the
// clients got is asserted, not how much of it; a slow machine does less in the same time.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { report } from '../scripts/chaos/report.ts';
import { runChaos } from '../scripts/chaos/run.ts';
import { tempFolder } from './kit/temp-folder.ts';

// The same each time, so that a failure has a chance to come again.
const seed = 20_261_121;

test('what clients get is right, or cut visibly, or an error that something explains', async (t) => {
  const result = await runChaos({
    folder: tempFolder(t),
    seed,
    seconds: 60,
    clients: 2,
    restMs: 100,
    killEveryMs: 12_000,
    scope: t,
  });
  assert.equal(result.failures.join('\n'), '', report(result));
  for (const client of ['keepalive', 'downloads', 'uploads', 'pipelines', 'tunnels']) {
    assert.ok((result.rows[client]?.['right'] ?? 0) > 0, `${client} came to nothing`);
  }
  const done = Object.keys(result.faults).map((name) => name.split(':')[0]);
  for (const kind of ['worker', 'upstream', 'resolver', 'expired']) {
    assert.ok(done.includes(kind), `nothing of the kind "${kind}" was done`);
  }
  assert.ok((result.rows['reloads']?.['done'] ?? 0) > 0);
});
