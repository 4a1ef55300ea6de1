import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { freeMemory } from './free-memory.ts';

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const skip = header.glibcVersionRuntime === undefined && 'another C library than glibc';

test(
  'what is free between what is not goes back to the system',
  { skip, timeout: 60_000 },
  async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    let pieces = Array.from({ length: 100_000 }, () => Buffer.allocUnsafeSlow(2000));
    const kept = pieces.filter((_, i) => i % 100 === 0);
    pieces = [];
    const before = process.memoryUsage.rss();
    // The collector gives buffers back behind our back.
    do {
      collect();
      await new Promise((resolve) => setTimeout(resolve, 10));
      assert.equal(freeMemory(), true);
    } while (process.memoryUsage.rss() > before - 50_000_000);
    assert.equal(kept.length, 1000);
  },
);
