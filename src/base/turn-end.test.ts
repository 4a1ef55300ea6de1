import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { atTurnEnd } from './turn-end.ts';

test('all that wait are called once, in order, after what else the turn has to do', async () => {
  const seen: string[] = [];
  atTurnEnd({ onTurnEnd: () => seen.push('first') });
  atTurnEnd({ onTurnEnd: () => seen.push('second') });
  process.nextTick(() => seen.push('tick'));
  await turn();
  assert.deepEqual(seen, ['tick', 'first', 'second']);
  await turn();
  assert.equal(seen.length, 3);
});

test('who comes meanwhile waits for the next turn', async () => {
  const seen: string[] = [];
  atTurnEnd({
    onTurnEnd() {
      seen.push('now');
      atTurnEnd({ onTurnEnd: () => seen.push('later') });
    },
  });
  await turn();
  assert.deepEqual(seen, ['now']);
  await turn();
  assert.deepEqual(seen, ['now', 'later']);
});
