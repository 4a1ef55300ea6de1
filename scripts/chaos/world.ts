// What all clients of a run share.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../test/kit/random.ts';
import { Client, type Expected, type Outcome, type Target } from './client.ts';
import { routes, type Route } from './routes.ts';
import type { Tally } from './tally.ts';

/** A client's place in the world. */
export interface World {
  readonly targets: readonly Target[];
  readonly tally: Tally;
  readonly ids: { last: number };
  /** No longer, in bytes, are bodies. */
  readonly largest: number;
  /** Milliseconds between two rounds of a client; grows where the machine cannot keep up. */
  restMs: number;
  stopped: boolean;
  /** When the last connection to a target, by its name, was refused. */
  readonly refusedAt: Map<string, number>;
}

/** For so long nobody asks where a connection was refused. */
const refusedMs = 1_000;

/** One client. */
export interface Actor {
  readonly world: World;
  readonly random: Random;
  readonly name: string;
}

/** What a round asks for. */
export interface Ask {
  readonly method: string;
  readonly route: Route;
  readonly way: 'stored' | 'streamed';
  readonly length: number;
  readonly chunked: boolean;
  /** Bytes that go with it; -1 for none. */
  readonly sent: number;
}

export function anyRoute(random: Random): Route {
  return random.oneIn(3) ? 'calm' : random.pick(routes);
}

/** Mostly small, now and then as large as there are. */
export function anyLength({ world, random }: Actor): number {
  const limit = random.pick([100, 5_000, 70_000, 300_000, world.largest]);
  return random.below(limit);
}

export function anyAsk(actor: Actor, more: Partial<Ask> = {}): Ask {
  const { random } = actor;
  return {
    method: random.oneIn(12) ? 'HEAD' : 'GET',
    route: anyRoute(random),
    way: random.pick(['stored', 'streamed']),
    length: anyLength(actor),
    chunked: random.oneIn(2),
    sent: -1,
    ...more,
  };
}

/** A request as it is written, without the empty line. */
export function headOf(id: number, ask: Ask, fields = ''): string {
  const { method, route, way, length, chunked, sent } = ask;
  const body = sent < 0 ? '' : `&sent=${sent}`;
  const framing = chunked ? 'chunked' : 'length';
  const query = `id=${id}&length=${length}&framing=${framing}${body}`;
  return `${method} /${route}/${way}/x?${query} HTTP/1.1\r\nHost: b.test\r\nX-Id: ${id}\r\n${fields}`;
}

/** A connection and where it goes. */
export interface Line {
  readonly client: Client;
  readonly target: Target;
}

/** Null where none was to be had; that is judged as a request without an answer. */
export async function open(actor: Actor): Promise<Line | null> {
  const { world, random, name } = actor;
  const able = world.targets.filter(({ name: one }) => {
    return Date.now() - (world.refusedAt.get(one) ?? 0) > refusedMs;
  });
  const target = random.pick(able.length === 0 ? world.targets : able);
  const from = Date.now();
  const client = await Client.open(target);
  if (client !== null) return { client, target };
  world.refusedAt.set(target.name, Date.now());
  const onExtra = target.name === 'extra';
  const settled = { client: name, route: 'calm', id: 0, from, connectedAt: from, onExtra } as const;
  world.tally.settle(settled, { kind: 'closed', why: 'no connection' });
  await sleep(50);
  return null;
}

export function nextId(world: World): number {
  world.ids.last += 1;
  return world.ids.last;
}

/** Expects an answer on a connection; counts what becomes of it. */
export async function ask(
  actor: Actor,
  line: Line,
  expected: Expected & { readonly route: Route },
): Promise<Outcome> {
  const { client, target } = line;
  const from = Date.now();
  const outcome = await client.expect(expected);
  const { tally } = actor.world;
  const { id, route } = expected;
  const onExtra = target.name === 'extra';
  const connectedAt = client.openedAt;
  tally.settle({ client: actor.name, route, id, from, connectedAt, onExtra }, outcome);
  if (client.stray !== null) {
    if (outcome.kind !== 'wrong') tally.fail(`${actor.name}: on ${target.name}: ${client.stray}`);
    client.stray = null;
  }
  if (outcome.kind === 'right') tally.bytes += expected.length;
  return outcome;
}
