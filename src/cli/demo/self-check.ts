// Sends the requests of the demo through the proxy and compares what comes back, and what the error
// log says, with what has to.

import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { cases } from './cases.ts';
import type { Case } from './cases.ts';

/** What came of one request. */
export interface Outcome {
  readonly wanted: Case;
  readonly status: number;
  /** What the server said of itself: "served by", "protocol", … Empty for an error page. */
  readonly facts: ReadonlyMap<string, string>;
  /** What the error log says of it, without time and request; null where it has to say nothing. */
  readonly logged: string | null;
  /** What is not as it has to be; null where all is. */
  readonly problem: string | null;
}

/** Where the running demo is to be found. */
export interface Running {
  readonly port: number;
  readonly errorLogFile: string;
}

const logPatienceMs = 5_000;
const requestTimeoutMs = 10_000;

/** Sends all requests, one after the other. */
export async function checkAll(running: Running): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const wanted of cases) outcomes.push(await check(wanted, running));
  return outcomes;
}

async function check(wanted: Case, running: Running): Promise<Outcome> {
  const before = readFileSync(running.errorLogFile, 'latin1').length;
  const { status, body } = await request(running.port, wanted.path);
  const facts = status === 200 ? factsOf(body) : new Map<string, string>();
  const logged = status === wanted.status ? await loggedAbout(wanted, running, before) : null;
  const problem = problemWith(wanted, { status, facts, logged });
  return { wanted, status, facts, logged, problem };
}

function request(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = get(
      { host: '127.0.0.1', port, path, agent: false, timeout: requestTimeoutMs },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => (body += text));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
        response.on('error', reject);
      },
    );
    sent.on('timeout', () => sent.destroy(new Error(`no answer for ${path}`)));
    sent.on('error', reject);
  });
}

function factsOf(body: string): ReadonlyMap<string, string> {
  const pairs = body.split('\n').flatMap((line): [string, string][] => {
    const colon = line.indexOf(': ');
    return colon === -1 ? [] : [[line.slice(0, colon), line.slice(colon + 2)]];
  });
  return new Map(pairs);
}

// A hop that is not verified is named at start, anything else that is wrong when it happens.
async function loggedAbout(wanted: Case, running: Running, from: number): Promise<string | null> {
  if (wanted.verdict === 'verified') return null;
  const isStart = wanted.code === null;
  const mark = isStart ? ' is not verified' : ` ${wanted.code}: `;
  const line = await lineWith(mark, running.errorLogFile, isStart ? 0 : from);
  if (line === null) return null;
  // "DATE [LEVEL] PID#TID: *N CODE: MESSAGE, client: …, server: …"
  const [message = ''] = line.replace(/^.*?#\d+: (\*\d+ )?([A-Z_]+: )?/, '').split(', client: ');
  return message;
}

// Lines are written by a worker thread, perhaps after the answer has left.
async function lineWith(mark: string, file: string, from: number): Promise<string | null> {
  for (const deadline = Date.now() + logPatienceMs; Date.now() < deadline; await sleep(20)) {
    const text = readFileSync(file, 'latin1').slice(from);
    const line = text.split('\n').find((one) => one.includes(mark));
    if (line !== undefined) return line;
  }
  return null;
}

function problemWith(
  wanted: Case,
  { status, facts, logged }: Pick<Outcome, 'status' | 'facts' | 'logged'>,
): string | null {
  if (status !== wanted.status) return `status ${status} instead of ${wanted.status}`;
  if (wanted.verdict !== 'verified' && logged === null) return 'the error log says nothing';
  if (wanted.servedBy === null) return null;
  const servedBy = facts.get('served by') ?? 'nobody';
  if (!wanted.servedBy.includes(servedBy)) return `answered by ${servedBy}`;
  const session = facts.get('session') ?? 'none';
  return session === wanted.session ? null : `session ${session} instead of ${wanted.session}`;
}
