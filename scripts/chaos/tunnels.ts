// Upgraded connections: what is sent must come back, byte by byte, over reloads and beside all else.

import { setTimeout as sleep } from 'node:timers/promises';
import { Content } from './content.ts';
import { withLine, type Round } from './rounds.ts';
import { anyAsk, ask, headOf, nextId, type Actor, type Line } from './world.ts';
import type { Route } from './routes.ts';

const upgrade = 'Connection: upgrade\r\nUpgrade: websocket\r\n';

// Resolves when all has come back, or the connection is gone.
function echoed(line: Line, content: Content, total: number): Promise<string | null> {
  const { client } = line;
  let got = 0;
  return new Promise((resolve) => {
    client.onTunnel = (chunk) => {
      if (!content.matches(got, chunk)) resolve(`wrong bytes at ${got}`);
      got += chunk.length;
      if (got === total) resolve(null);
      if (got > total) resolve(`${got} bytes came back of ${total}`);
    };
    client.onClosed = () => resolve('closed');
    if (client.closed) resolve('closed');
  });
}

async function converse(
  actor: Actor,
  line: Line,
  one: { id: number; route: Route },
): Promise<void> {
  const { random, name, world } = actor;
  const from = Date.now();
  const content = new Content(one.id, 'tunnel');
  const total = 1 + random.below(200_000);
  const over = echoed(line, content, total);
  const pauseMs = random.pick([0, 10, 400]);
  for (let at = 0; at < total;) {
    const size = Math.min(total - at, 1 + random.below(pauseMs > 100 ? 40_000 : 15_000));
    if (!(await line.client.write(content.bytes(at, at + size)))) break;
    at += size;
    if (pauseMs > 0) await sleep(random.below(pauseMs));
  }
  const problem = await over;
  const onExtra = line.target.name === 'extra';
  const settled = { client: name, ...one, from, connectedAt: line.client.openedAt, onExtra };
  if (problem === null) world.tally.settle(settled, { kind: 'right' });
  else if (problem === 'closed') world.tally.settle(settled, { kind: 'cut', why: problem });
  else world.tally.settle(settled, { kind: 'wrong', why: problem });
}

export const tunnels: Round = (actor) =>
  withLine(actor, async (line) => {
    const id = nextId(actor.world);
    const wanted = anyAsk(actor, { method: 'GET', length: 0 });
    const { route } = wanted;
    const over = ask(actor, line, { ...wanted, id });
    await line.client.write(`${headOf(id, wanted, upgrade)}\r\n`);
    const outcome = await over;
    if (outcome.kind !== 'right') return;
    await converse(actor, line, { id, route });
    if (actor.random.oneIn(2)) line.client.socket.end();
  });
