// The end of a run: SIGQUIT while answers are under way. They must all be whole, and the program must
// end by itself.

import { setTimeout as sleep } from 'node:timers/promises';
import { Client, type Target } from './client.ts';
import type { ProxyProgram } from './proxy-program.ts';
import type { Tally } from './tally.ts';
import { headOf } from './world.ts';

const endsWithinMs = 60_000;
const length = 2_000_000;

interface End {
  readonly proxy: ProxyProgram;
  readonly tally: Tally;
  readonly target: Target | undefined;
}

/** An answer whose first bytes are there, and that waits for its reader. */
interface Begun {
  readonly end: () => Promise<void>;
}

async function begin(tally: Tally, target: Target, id: number): Promise<Begun> {
  const client = await Client.open(target);
  if (client === null) {
    tally.fail('at the end: no connection');
    return { end: () => Promise.resolve() };
  }
  const begun = new Promise<void>((resolve) => {
    client.onChunk = () => {
      client.onChunk = () => undefined;
      client.socket.pause();
      resolve();
    };
    client.onClosed = resolve;
  });
  const outcome = client.expect({ id, method: 'GET', length });
  const way = id % 2 === 0 ? 'stored' : 'streamed';
  const ask = { method: 'GET', route: 'calm', way, length, chunked: id % 4 < 2, sent: -1 } as const;
  await client.write(`${headOf(id, ask)}\r\n`);
  await begun;
  const end = async (): Promise<void> => {
    client.socket.resume();
    const result = await outcome;
    tally.count('at the end', result.kind);
    if (result.kind !== 'right') tally.fail(`an answer during QUIT: ${JSON.stringify(result)}`);
    client.drop();
  };
  return { end };
}

export async function orderlyEnd({ proxy, tally, target }: End): Promise<void> {
  if (target === undefined) return;
  const answers: Begun[] = [];
  for (let i = 0; i < 6; i += 1) answers.push(await begin(tally, target, 9_000_000 + i));
  proxy.signal('SIGQUIT');
  await sleep(500);
  await Promise.all(answers.map((answer) => answer.end()));
  const late = sleep(endsWithinMs, 'late' as const, { ref: false });
  const code = await Promise.race([proxy.ended(), late]);
  if (code !== 0) tally.fail(`after QUIT: ${code}`);
  if (proxy.stderr !== '') tally.fail(`stderr: ${proxy.stderr.slice(0, 2_000)}`);
}
