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
  /** The message of the error log, without time and request; null where there is none. */
  readonly reason: string | null;
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
  const reason = wanted.code === null ? null : await reasonAfter(running, before, wanted.code);
  const problem = problemWith(wanted, { status, facts, reason });
  return { wanted, status, facts, reason, problem };
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

// The line is written by a worker thread, after the answer has left.
async function reasonAfter(running: Running, from: number, code: string): Promise<string | null> {
  for (const deadline = Date.now() + logPatienceMs; Date.now() < deadline; await sleep(20)) {
    const text = readFileSync(running.errorLogFile, 'latin1').slice(from);
    const line = text.split('\n').find((one) => one.includes(` ${code}: `));
    if (line !== undefined) return messageOf(line, code);
  }
  return null;
}

// "DATE [error] PID#TID: *N CODE: MESSAGE while …, client: …, server: …"
function messageOf(line: string, code: string): string {
  const message = line.slice(line.indexOf(`${code}: `) + code.length + 2);
  const end = message.search(/ while [a-z ]+, client: /);
  return end === -1 ? message : message.slice(0, end);
}

function problemWith(
  wanted: Case,
  { status, facts, reason }: Pick<Outcome, 'status' | 'facts' | 'reason'>,
): string | null {
  if (status !== wanted.status) return `status ${status} instead of ${wanted.status}`;
  if (wanted.code !== null && reason === null) return `${wanted.code} is not in the error log`;
  if (wanted.servedBy === null) return null;
  const servedBy = facts.get('served by') ?? 'nobody';
  if (!wanted.servedBy.includes(servedBy)) return `answered by ${servedBy}`;
  const session = facts.get('session') ?? 'none';
  return session === wanted.session ? null : `session ${session} instead of ${wanted.session}`;
}
