// `node open-loop-program.ts ORDER`: requests at a constant rate, however slowly they are answered.
// Request i is due at i / rate and goes to connection i mod N; where that is still busy it waits,
// and its latency counts from when it was due. So a proxy that stalls pays for all the requests that
// would have come meanwhile ("coordinated omission" is what the uncorrected number suffers from).
//
// With rate 0 every connection asks as soon as it is answered: that finds the highest rate.

import type { Socket } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { answerLength, dialer, requestFor } from './target.ts';
import type { OpenLoopOrder, OpenLoopResult } from './open-loop.ts';

const order = JSON.parse(process.argv[2] ?? '') as OpenLoopOrder;
const { rate, seconds, connections } = order;
const request = requestFor(order);
const dial = dialer(order);
const total = Math.round(rate * seconds);
const periodMs = rate === 0 ? 0 : 1000 / rate;

// In microseconds.
const latencies = createHistogram({ figures: 3 });
const lags = createHistogram({ figures: 3 });

class Connection {
  readonly socket: Socket;
  busy = false;
  /** When the request under way was due. */
  due = 0;
  /** Requests that are due and wait, and when the first of them was. */
  waiting = 0;
  waitingSince = 0;
  received = 0;
  expected = 0;

  constructor(ready: () => void) {
    this.socket = dial((bytes, size) => this.read(bytes, size));
    this.socket.once(order.clientTls ? 'secureConnect' : 'connect', ready);
    this.socket.on('error', (error) => fail(error.message));
    this.socket.on('close', () => finished || fail('a connection was closed'));
  }

  send(due: number): void {
    this.busy = true;
    this.due = due;
    this.socket.write(request);
  }

  read(bytes: Buffer, size: number): void {
    if (this.received === 0) this.expected = answerLengthOf(this, bytes, size);
    this.received += size;
    if (this.expected === 0 || this.received < this.expected) return;
    this.received = 0;
    this.busy = false;
    const now = performance.now();
    answered(now - this.due);
    if (now >= deadline) return;
    if (rate === 0) {
      this.send(now);
    } else if (this.waiting > 0) {
      const due = this.waitingSince;
      this.waiting -= 1;
      this.waitingSince += periodMs * connections;
      this.send(due);
    }
    sendDue(now);
  }
}

let started = 0;
let deadline = Infinity;
let sent = 0;
let requests = 0;
let finished = false;

// All answers to one request are equally long; the first one on a connection says how long.
function answerLengthOf(connection: Connection, bytes: Buffer, size: number): number {
  // "HTTP/1.1 2": the first digit of the status.
  if (bytes[9] !== 0x32) fail(`unexpected answer: ${bytes.toString('latin1', 0, 40)}`);
  return connection.expected === 0 ? answerLength(bytes, size) : connection.expected;
}

function fail(reason: string): never {
  console.error(reason);
  process.exit(1);
}

function answered(ms: number): void {
  requests += 1;
  latencies.record(Math.max(1, Math.round(ms * 1000)));
}

function sendDue(now: number): void {
  if (rate === 0) return;
  while (sent < total) {
    const due = started + sent * periodMs;
    if (due > now) return;
    const connection = all[sent % connections] as Connection;
    sent += 1;
    if (connection.busy) {
      if (connection.waiting === 0) connection.waitingSince = due;
      connection.waiting += 1;
    } else {
      lags.record(Math.max(1, Math.round((now - due) * 1000)));
      connection.send(due);
    }
  }
}

// A timer of Node's has steps of a millisecond; a thread that sleeps has finer ones.
function startTicking(): Worker {
  const code = `const { parentPort } = require('node:worker_threads');
    const cell = new Int32Array(new SharedArrayBuffer(4));
    for (;;) { Atomics.wait(cell, 0, 0, 0.2); parentPort.postMessage(0); }`;
  const ticker = new Worker(code, { eval: true });
  ticker.on('message', () => sendDue(performance.now()));
  return ticker;
}

const all: Connection[] = [];
await Promise.all(
  Array.from({ length: connections }, () => {
    return new Promise<void>((resolve) => all.push(new Connection(resolve)));
  }),
);
const ticker = rate === 0 ? null : startTicking();
started = performance.now();
deadline = started + seconds * 1000;
if (rate === 0) for (const connection of all) connection.send(started);
await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
sendDue(performance.now());
const patience = performance.now() + 2000;
while (all.some(({ busy }) => busy) && performance.now() < patience) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
finished = true;
const inTime = requests;
// What is unanswered by now waited at least until now.
const end = performance.now();
for (const { busy, due, waiting, waitingSince } of all) {
  if (busy) answered(end - due);
  for (let i = 0; i < waiting; i += 1) answered(end - waitingSince - i * periodMs * connections);
}
await ticker?.terminate();
const at = (percentile: number): number => latencies.percentile(percentile) / 1000;
const result: OpenLoopResult = {
  requests: inTime,
  unanswered: requests - inTime,
  perSecond: inTime / seconds,
  p50: at(50),
  p90: at(90),
  p99: at(99),
  p999: at(99.9),
  max: latencies.max / 1000,
  lag99: rate === 0 ? 0 : lags.percentile(99) / 1000,
};
console.log(JSON.stringify(result));
process.exit(0);
