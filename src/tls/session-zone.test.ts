import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { now } from '../base/clock.ts';
import { leaseZone } from './session-zone.ts';

const secret = Buffer.alloc(48, 7);

test('a zone is one for all who name it alike, until the last of them has gone', () => {
  const expires = now() + 60_000;
  const one = leaseZone('zone', 65_536, secret);
  const two = leaseZone('zone', 65_536, secret);
  const others = [
    leaseZone('zone', 65_536, Buffer.alloc(48, 8)),
    leaseZone('zone', 32_768, secret),
    leaseZone('other', 65_536, secret),
  ];
  one.keeper.put('a', Buffer.from('session'), expires);
  assert.equal(two.keeper.get('a')?.toString(), 'session');
  assert.deepEqual(
    others.map(({ keeper }) => keeper.get('a')),
    [null, null, null],
  );
  one.release();
  one.release();
  assert.equal(leaseZone('zone', 65_536, secret).keeper, two.keeper);
  two.release();
  for (const other of others) other.release();
});

/** Asks until there is an answer: messages between threads take their time. */
async function sooner(ask: () => Buffer | null): Promise<string | null> {
  for (let tries = 0; tries < 2000; tries += 1) {
    const found = ask();
    if (found !== null) return found.toString();
    await sleep(5);
  }
  return null;
}

test('what one thread puts in, the others get', async (t) => {
  const zone = leaseZone('threads', 65_536, secret);
  t.after(() => zone.release());
  const source = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(new URL('./session-zone.ts', import.meta.url).href)}).then((module) => {
      const zone = module.leaseZone('threads', 65536, Buffer.alloc(48, 7));
      zone.keeper.put('from the worker', Buffer.from('its session'), Date.now() + 600000);
      parentPort.postMessage('ready');
      const timer = setInterval(() => {
        const found = zone.keeper.get('from the test');
        if (found === null) return;
        clearInterval(timer);
        parentPort.postMessage(found.toString());
      }, 5);
      parentPort.once('message', () => {
        clearInterval(timer);
        zone.release();
      });
    });`;
  const worker = new Worker(source, { eval: true });
  const [ready] = (await once(worker, 'message')) as unknown[];
  assert.equal(ready, 'ready');
  const answer = once(worker, 'message', { signal: AbortSignal.timeout(20_000) });
  zone.keeper.put('from the test', Buffer.from('our session'), now() + 600_000);
  try {
    assert.deepEqual(await answer, ['our session']);
    assert.equal(await sooner(() => zone.keeper.get('from the worker')), 'its session');
  } finally {
    worker.postMessage('end');
    await once(worker, 'exit');
  }
});
