import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { cpuBetween, threadTimes, treeUsage } from './process-tree.ts';

test('the work of this process is seen, with that of its children', async (t) => {
  const child = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
  t.after(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const before = treeUsage(process.pid);
  assert.ok(before.pids.includes(child.pid ?? 0));
  assert.equal(before.pids[0], process.pid);
  assert.ok(before.rssKb > 0 && before.peakRssKb >= before.rssKb);
  // Both use at least this much, however long that takes.
  const enough = process.cpuUsage();
  while (process.cpuUsage(enough).user < 50_000);
  const after = treeUsage(process.pid);
  assert.ok(cpuBetween(before, after) >= 45_000);
  const times = threadTimes(before, after);
  assert.deepEqual(
    times,
    times.toSorted((a, b) => b - a),
  );
});
