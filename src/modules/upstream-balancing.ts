// How the servers of a group share its requests: a directive for each way of balancing, and the rules
// about their order among the other directives of an `upstream` block.

import type { Argument, DirectiveNode } from '../config/node.ts';
import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { custom } from '../config/value-types.ts';
import type { BalancerRow } from '../upstream/balancer.ts';
import { hash } from '../upstream/hash.ts';
import { ipHash } from '../upstream/ip-hash.ts';
import { leastConn } from '../upstream/least-conn.ts';
import { leastTime } from '../upstream/least-time.ts';
import { random } from '../upstream/random.ts';
import { timesOf } from '../upstream/response-times.ts';
import { roundRobin } from '../upstream/round-robin.ts';
import type { BuildContext } from './build-context.ts';
import { inUpstream } from './contexts.ts';

/** A method that is named in a group. */
export interface Balancing {
  readonly row: BalancerRow;
  /** Arguments, the key excluded. */
  readonly words: readonly string[];
  readonly key: Argument | null;
}

function words(
  row: BalancerRow,
  isValid: (word: string, at: number) => boolean,
): ValueType<Balancing> {
  return custom('the words that stand for this method', (node, help) => {
    const given = row.keyed ? node.args.slice(1) : node.args;
    for (const [at, { text, at: place }] of given.entries()) {
      if (isValid(text, at)) continue;
      // nginx reads the first word of least_time as an enumeration.
      const what = row === leastTime && at === 0 ? 'value' : 'parameter';
      help.error(place, `invalid ${what} "${text}"`);
      return null;
    }
    const key = row.keyed ? (node.args[0] ?? null) : null;
    return { row, words: given.map(({ text }) => text), key };
  });
}

const twoWords = ['two', 'least_conn'];

export const leastConnRow = listDirective<Balancing>({
  name: 'least_conn',
  contexts: inUpstream,
  args: 0,
  value: words(leastConn, () => false),
  help: leastConn.help,
  example: 'least_conn;',
});

export const ipHashRow = listDirective<Balancing>({
  name: 'ip_hash',
  contexts: inUpstream,
  args: 0,
  value: words(ipHash, () => false),
  help: `${ipHash.help} The choice is the one that nginx makes.`,
  example: 'ip_hash;',
});

export const hashRow = listDirective<Balancing>({
  name: 'hash',
  contexts: inUpstream,
  args: { min: 1, max: 2 },
  value: words(hash, (word) => word === 'consistent'),
  help: `${hash.help} The choice is the one that nginx makes. An empty key leaves it to round robin.`,
  example: 'hash $request_uri consistent;',
});

export const randomRow = listDirective<Balancing>({
  name: 'random',
  contexts: inUpstream,
  args: { min: 0, max: 2 },
  value: words(
    random,
    (word, at) =>
      twoWords[at] === word ||
      (at === 1 && word.startsWith('least_time=') && timesOf(word.slice(11)) !== null),
  ),
  help:
    'A server by chance, by the weights. With "two", the better one of two that are drawn: with ' +
    'fewer requests under way (least_conn, the default), or with the shorter time ' +
    '(least_time=header, least_time=last_byte).',
  example: 'random two least_conn;',
});

export const leastTimeRow = listDirective<Balancing>({
  name: 'least_time',
  contexts: inUpstream,
  args: { min: 1, max: 2 },
  value: words(leastTime, (word, at) => (at === 0 ? timesOf(word) !== null : word === 'inflight')),
  help:
    'The server that is likely to be through first, by the average time until its response heads ' +
    '(header) or whole responses (last_byte) were there and by its requests under way; with ' +
    '"inflight", requests that still wait for an answer count too.',
  example: 'least_time header inflight;',
});

export const balancingRows = [leastConnRow, ipHashRow, hashRow, randomRow, leastTimeRow] as const;

/** What is known of a group's method at some place in its block. */
interface Course {
  /** Name of its directive. */
  method: string;
  balancing: Balancing;
  /** Some directive has settled how peers are chosen. */
  settled: boolean;
}

/** Those that wrap the method that stands before them. */
const wrappers: ReadonlySet<string> = new Set(['keepalive', 'sticky', 'queue']);

/**
 * The method of a group. Reports what stands in the wrong order: a method counts for the servers
 * that stand after it.
 */
export function balancingOf(scope: Scope, context: BuildContext): Balancing {
  const course: Course = {
    method: '',
    balancing: { row: roundRobin, words: [], key: null },
    settled: false,
  };
  for (const node of scope.node?.block ?? []) {
    const row = balancingRows.find(({ name }) => name === node.name);
    const given = row === undefined ? undefined : scope.own(row)?.at(-1);
    if (given !== undefined) {
      if (course.settled) context.diagnostics.warn(node.at, 'load balancing method redefined');
      course.method = node.name;
      course.balancing = given;
      course.settled = true;
    } else if (wrappers.has(node.name)) {
      course.settled = true;
    } else if (node.name === 'server') {
      checkServer(node, course, context);
    }
  }
  return course.balancing;
}

function checkServer(
  node: DirectiveNode,
  { method, balancing }: Course,
  context: BuildContext,
): void {
  if (balancing.row.backup) return;
  for (const { text, at } of node.args.slice(1)) {
    if (text !== 'backup' && !text.startsWith('slow_start=')) continue;
    const hint = `"${method}" chooses among all servers that are not down`;
    context.error(at, `balancing method does not support parameter "${text}"`, hint);
  }
}
