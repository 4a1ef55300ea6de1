// Random messages beside real nginx: requests, by what reaches the upstream; responses, by what
// reaches the client. A difference needs a row in one of the tables.

import { AssertionError } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { llhttpResponse } from './llhttp.ts';
import { factsOf } from './message-facts.ts';
import { nginxDifferences, type NginxDifference } from './nginx-differences.ts';
import type { NginxPairs, OutcomePair } from './nginx-pairs.ts';
import { nginxResponseDifferences } from './nginx-response-differences.ts';
import { randomRequest, randomResponse } from './random-messages.ts';
import { Random } from './random.ts';
import { repository } from './source-tree.ts';
import { isInterim } from './understood.ts';

/** What differs, and the row that allows it; `row` is null where none does. */
export interface NginxFinding {
  readonly kind: NginxDifference['kind'];
  readonly row: NginxDifference | null;
  readonly pair: OutcomePair;
}

export interface NginxTally {
  /** Cases that both passed on alike. */
  readonly passed: number;
  readonly rows: ReadonlyMap<string, number>;
}

// Whoever takes the end of the message elsewhere finds another request, or none.
const follower = Buffer.from('GET /follows HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n');

/** A second and third look, since a busy machine may let a wait run out. */
const looks = 3;

async function lookAgain<T>(look: () => Promise<T>, isAlike: (seen: T) => boolean): Promise<T> {
  let seen = await look();
  for (let more = 1; more < looks && !isAlike(seen); more += 1) seen = await look();
  return seen;
}

function kindOf(ours: number, theirs: number): NginxDifference['kind'] {
  if (ours === theirs) return 'otherwise';
  return ours < theirs ? 'stricter' : 'laxer';
}

function isDeliveredAlike({ nginx, proxy }: OutcomePair): boolean {
  return isDeepStrictEqual(nginx.received, proxy.received);
}

function isOfKind(row: NginxDifference, kind: NginxDifference['kind']): boolean {
  return row.kind === kind || row.kind === 'any';
}

/** Sends one request, and another one behind it. Null where the same reached both upstreams. */
export async function requestFinding(
  pairs: NginxPairs,
  bytes: Buffer,
  lane: number,
): Promise<NginxFinding | null> {
  const sent = Buffer.concat([bytes, follower]);
  const pair = await lookAgain(() => pairs.send(sent, lane), isDeliveredAlike);
  if (isDeliveredAlike(pair)) return null;
  const kind = kindOf(pair.proxy.received.length, pair.nginx.received.length);
  const facts = factsOf(sent, 'request', 0);
  const row = nginxDifferences.find((one) => isOfKind(one, kind) && one.when(facts));
  return { kind, row: row ?? null, pair };
}

interface SeenAnswer {
  /** 0: refused, or no answer. */
  readonly status: number;
  readonly fields: readonly string[];
  readonly body: string;
  /** Did it come to its end? */
  readonly whole: boolean;
}

const ownFields = /^(?:server|date|connection|content-length|transfer-encoding|keep-alive):/;

function seenAnswer(answer: string, method: string): SeenAnswer {
  const { messages } = llhttpResponse(Buffer.from(answer, 'latin1'), { method, ended: true });
  const last = messages.findLast(({ start }) => !isInterim(start));
  const status = Number(last?.start.split(' ')[1] ?? 0);
  // A refusal, or nothing that is a response.
  if (last === undefined || status >= 500) return { status: 0, fields: [], body: '', whole: true };
  const fields = last.fields.map(([name, value]) => `${name}: ${value}`);
  const compared = fields.filter((line) => !ownFields.test(line)).sort();
  return { status, fields: compared, body: last.body, whole: last.end >= 0 };
}

/** Lets the upstreams answer with these bytes. Null where both clients see the same. */
export async function responseFinding(
  pairs: NginxPairs,
  { bytes, method }: { readonly bytes: Buffer; readonly method: 'GET' | 'HEAD' },
  lane: number,
): Promise<NginxFinding | null> {
  const request = Buffer.from(
    `${method} / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n`,
    'latin1',
  );
  const answers = ({ nginx, proxy }: OutcomePair): [SeenAnswer, SeenAnswer] => [
    seenAnswer(nginx.answer, method),
    seenAnswer(proxy.answer, method),
  ];
  const isAlike = (pair: OutcomePair): boolean => isDeepStrictEqual(...answers(pair));
  const pair = await lookAgain(() => pairs.send(request, lane, bytes), isAlike);
  if (isAlike(pair)) return null;
  const [theirs, ours] = answers(pair);
  const passed = ({ status, whole }: SeenAnswer): number => (status > 0 ? (whole ? 2 : 1) : 0);
  const kind = kindOf(passed(ours), passed(theirs));
  const facts = factsOf(bytes, 'response', 0);
  const row = nginxResponseDifferences.find((one) => isOfKind(one, kind) && one.when(facts));
  return { kind, row: row ?? null, pair };
}

/**
 * Compares random messages, as many requests as responses.
 *
 * @throws AssertionError for a difference that no row allows, with the seed and the message, which is
 *   also written to `fuzz/crashes/`
 */
export async function compareRandom(
  pairs: NginxPairs,
  { seed, count }: { readonly seed: number; readonly count: number },
): Promise<NginxTally> {
  const random = new Random(seed);
  const cases = Array.from({ length: count }, (_, i) =>
    i % 2 === 0
      ? { side: 'request' as const, method: 'GET' as const, ...randomRequest(random) }
      : { side: 'response' as const, ...randomResponse(random) },
  );
  const rows = new Map<string, number>();
  let passed = 0;
  await pairs.forEach(cases, async (one, lane) => {
    const found =
      one.side === 'request'
        ? await requestFinding(pairs, one.bytes, lane)
        : await responseFinding(pairs, one, lane);
    if (found === null) passed += 1;
    else if (found.row === null) throw unexplained(one, found, seed);
    else rows.set(found.row.name, (rows.get(found.row.name) ?? 0) + 1);
  });
  return { passed, rows };
}

function unexplained(
  { side, bytes, method }: { side: string; bytes: Buffer; method: string },
  { kind, pair }: NginxFinding,
  seed: number,
): AssertionError {
  const folder = `${repository}/fuzz/crashes`;
  mkdirSync(folder, { recursive: true });
  const file = `${folder}/nginx-${side}-${seed}`;
  writeFileSync(file, bytes);
  return new AssertionError({
    message: [
      `seed ${seed}: ${kind} than nginx, and no row says why`,
      `${side} (${method}): ${JSON.stringify(bytes.toString('latin1'))}`,
      `nginx: ${JSON.stringify(pair.nginx)}`,
      `proxy: ${JSON.stringify(pair.proxy)}`,
      `written to ${file}`,
    ].join('\n'),
  });
}
