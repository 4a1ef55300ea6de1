// What the clients do, one round after the other until the run is over.

import { setTimeout as sleep } from 'node:timers/promises';
import { Content } from './content.ts';
import { anyAsk, ask, headOf, nextId, open, type Actor, type Ask, type Line } from './world.ts';

export type Round = (actor: Actor) => Promise<void>;

/** Runs `use` on a connection, and drops that whatever happens. */
export async function withLine(actor: Actor, use: (line: Line) => Promise<void>): Promise<void> {
  const line = await open(actor);
  if (line === null) return;
  try {
    await use(line);
  } finally {
    line.client.drop();
  }
}

async function get(actor: Actor, line: Line, wanted: Ask): Promise<void> {
  const id = nextId(actor.world);
  const over = ask(actor, line, { ...wanted, id });
  await line.client.write(`${headOf(id, wanted)}\r\n`);
  await over;
}

/** Many small answers over one connection, with pauses in which reloads happen. */
const keepalive: Round = (actor) =>
  withLine(actor, async (line) => {
    const count = 1 + actor.random.below(40);
    for (let i = 0; i < count && line.client.isUsable && !actor.world.stopped; i += 1) {
      await get(actor, line, anyAsk(actor, { length: actor.random.below(2_000) }));
      await sleep(actor.random.below(actor.world.restMs));
    }
  });

const handshakes: Round = (actor) =>
  withLine(actor, (line) => get(actor, line, anyAsk(actor, { length: 10 })));

/** Large answers, some to a client that reads slowly. */
const downloads: Round = (actor) =>
  withLine(actor, async (line) => {
    const { client } = line;
    const { random } = actor;
    const slow = random.oneIn(3);
    client.onChunk = () => {
      if (!slow || !random.oneIn(8)) return;
      client.socket.pause();
      setTimeout(() => client.socket.resume(), random.below(40));
    };
    for (let i = 0; i < 3 && client.isUsable; i += 1) await get(actor, line, anyAsk(actor));
  });

/** Sends a body in pieces, and stops where an answer comes that makes the rest pointless. */
async function sendBody(
  actor: Actor,
  line: Line,
  body: { id: number; sent: number; chunked: boolean },
): Promise<void> {
  const { random } = actor;
  const content = new Content(body.id, 'request');
  const slow = random.oneIn(4);
  for (let at = 0; at < body.sent;) {
    const size = Math.min(body.sent - at, 1 + random.below(slow ? 20_000 : 120_000));
    const bytes = content.bytes(at, at + size);
    const [before, after] = body.chunked ? [`${size.toString(16)}\r\n`, '\r\n'] : ['', ''];
    const piece = Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]);
    if (!(await line.client.write(piece))) return;
    at += size;
    if (slow) await sleep(random.below(10));
  }
  if (body.chunked) await line.client.write('0\r\n\r\n');
}

const uploads: Round = (actor) =>
  withLine(actor, async (line) => {
    const { random, world } = actor;
    for (let i = 0; i < 3 && line.client.isUsable; i += 1) {
      const id = nextId(world);
      const sent = random.below(random.pick([0, 500, 30_000, 300_000, world.largest]) + 1);
      const method = random.pick(['POST', 'POST', 'PUT']);
      const wanted = anyAsk(actor, { method, sent, length: random.below(20_000) });
      const chunked = random.oneIn(2);
      const framing = chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${sent}`;
      const over = ask(actor, line, { ...wanted, id });
      if (!(await line.client.write(`${headOf(id, wanted, `${framing}\r\n`)}\r\n`))) return;
      let ended = false;
      const sending = sendBody(actor, line, { id, sent, chunked }).then(() => (ended = true));
      const outcome = await over;
      // The rest of a body that was refused would be the start of the next request.
      if (outcome.kind !== 'right' || !ended) return;
      await sending;
    }
  });

const pipelines: Round = (actor) =>
  withLine(actor, async (line) => {
    const count = 2 + actor.random.below(10);
    const answers: Promise<unknown>[] = [];
    let text = '';
    for (let i = 0; i < count; i += 1) {
      const id = nextId(actor.world);
      const length = actor.random.below(actor.random.pick([50, 3_000, 60_000]));
      const wanted = anyAsk(actor, { length });
      answers.push(ask(actor, line, { ...wanted, id }));
      text += `${headOf(id, wanted)}\r\n`;
    }
    await line.client.write(text);
    await Promise.all(answers);
  });

/** All that checks its answers; see aborts.ts and tunnels.ts for the others. */
export const rounds: Readonly<Record<string, Round>> = {
  keepalive,
  handshakes,
  downloads,
  uploads,
  pipelines,
};
