// Clients that leave at every stage. Nobody sees their answers; what they leave behind would show
// when everything is quiet.

import { setTimeout as sleep } from 'node:timers/promises';
import { Content } from './content.ts';
import { withLine, type Round } from './rounds.ts';
import { anyAsk, headOf, nextId, type Actor } from './world.ts';

function begun(actor: Actor): Buffer {
  const { random, world } = actor;
  const id = nextId(world);
  if (random.oneIn(2)) {
    const head = `${headOf(id, anyAsk(actor))}\r\n`;
    const whole = Buffer.from(head.repeat(random.oneIn(4) ? 3 : 1));
    return random.oneIn(4) ? whole.subarray(0, random.below(whole.length)) : whole;
  }
  const sent = 1 + random.below(400_000);
  const ask = anyAsk(actor, { method: 'POST', sent, length: 1_000 });
  const head = Buffer.from(`${headOf(id, ask, `Content-Length: ${sent}\r\n`)}\r\n`);
  const body = new Content(id, 'request').bytes(0, random.below(sent));
  return Buffer.concat([head, body]);
}

/** Sends the whole of a request or a part of it, and leaves after some moments. */
export const aborts: Round = (actor) =>
  withLine(actor, async ({ client }) => {
    const { random, world } = actor;
    // Nothing is expected: what comes is not looked at.
    client.socket.removeAllListeners('data');
    if (random.oneIn(2)) client.socket.pause();
    else client.socket.resume();
    client.socket.write(begun(actor));
    await sleep(random.below(random.pick([1, 20, 300])));
    if (random.oneIn(3)) {
      client.socket.end();
      await sleep(random.below(50));
    }
    if (random.oneIn(3)) client.reset();
    world.tally.count(actor.name, 'left');
  });
