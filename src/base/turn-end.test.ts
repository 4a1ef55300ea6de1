import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { answerAtTurnEnd, requestAtTurnEnd } from './turn-end.ts';

test('all that wait are called once, answers first, after what else the turn has to do', async () => {
  const seen: string[] = [];
  requestAtTurnEnd({ onTurnEnd: () => seen.push('third') });
  answerAtTurnEnd({ onTurnEnd: () => seen.push('first') });
  requestAtTurnEnd({ onTurnEnd: () => seen.push('fourth') });
  answerAtTurnEnd({ onTurnEnd: () => seen.push('second') });
  process.nextTick(() => seen.push('tick'));
  await turn();
  assert.deepEqual(seen, ['tick', 'first', 'second', 'third', 'fourth']);
  await turn();
  assert.equal(seen.length, 5);
});

test('who comes meanwhile waits for the next turn', async () => {
  const seen: string[] = [];
  answerAtTurnEnd({
    onTurnEnd() {
      seen.push('now');
      requestAtTurnEnd({ onTurnEnd: () => seen.push('later') });
    },
  });
  await turn();
  assert.deepEqual(seen, ['now']);
  await turn();
  assert.deepEqual(seen, ['now', 'later']);
});
