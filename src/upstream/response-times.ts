// How long servers take: averages in which the latest response counts for a twentieth, as nginx
// keeps them, and an estimate of how long a server would take for one request more.

import type { Exchange } from '../exchange/exchange.ts';
import type { UpstreamTry } from '../exchange/upstream-try.ts';
import type { Outcome, ResponseWatcher } from './balancer.ts';
import { Cell, type Peer } from './peer.ts';

/** Which time counts. */
export interface TimeMode {
  /** Until the response head; else until the last byte. */
  readonly header: boolean;
  /** Do requests that are not answered yet count? */
  readonly inflight: boolean;
}

/** @returns null where the word is none of the two */
export function timesOf(word: string, inflight = false): TimeMode | null {
  if (word !== 'header' && word !== 'last_byte') return null;
  return { header: word === 'header', inflight };
}

/** Times above are alike: such servers are told apart by their requests under way. */
const longestMs = 5000;
/** Times within one step are alike, so that round robin spreads the requests. */
const stepMs = 20;

/** Milliseconds until a peer would be through with its requests and one more. */
function estimate(peer: Peer, mode: TimeMode, time: number): number {
  let ms = peer.read(mode.header ? Cell.headerTime : Cell.responseTime);
  // Slow servers get a chance: what is known of them halves with each fail_timeout unused.
  const idle = time - peer.checkedAt;
  if (idle > peer.failTimeout) ms /= 2 ** Math.floor(idle / (peer.failTimeout + 1000));
  if (peer.read(Cell.inflight) > 0) ms = Math.max(ms, peer.read(Cell.inflightTime));
  ms = ms > longestMs ? longestMs : Math.floor(ms / stepMs) * stepMs + stepMs;
  return ms * (1 + peer.connections);
}

/** Below 0 where the first of two peers is likely to be through earlier. */
export function compareTimes(mode: TimeMode): (one: Peer, other: Peer, time: number) => number {
  return (one, other, time) =>
    estimate(one, mode, time) * other.weight - estimate(other, mode, time) * one.weight;
}

function average(peer: Peer, cell: number, ms: number): void {
  const before = peer.read(cell);
  peer.write(cell, before === 0 ? ms : Math.round(ms * 0.05 + before * 0.95));
}

/** Requests that wait for an answer: how many, and how long together. */
const waiting = {
  begin(peer: Peer, time: number): void {
    this.catchUp(peer, time);
    peer.write(Cell.inflight, peer.read(Cell.inflight) + 1);
  },

  end(peer: Peer, time: number, waited: number): void {
    this.catchUp(peer, time);
    const left = Math.max(0, peer.read(Cell.inflight) - 1);
    peer.write(Cell.inflight, left);
    peer.write(
      Cell.inflightSum,
      left === 0 ? 0 : Math.max(0, peer.read(Cell.inflightSum) - waited),
    );
  },

  catchUp(peer: Peer, time: number): void {
    const passed = (time - peer.read(Cell.inflightChangedAt)) * peer.read(Cell.inflight);
    peer.write(Cell.inflightSum, peer.read(Cell.inflightSum) + passed);
    peer.write(Cell.inflightChangedAt, time);
  },
};

/** To be called for each peer before it is compared: counts what its waiting requests have waited. */
export function noteWaiting(peer: Peer, time: number): void {
  const count = peer.read(Cell.inflight);
  if (count === 0) return;
  const since = time - peer.read(Cell.inflightChangedAt);
  average(peer, Cell.inflightTime, Math.floor(peer.read(Cell.inflightSum) / count) + since);
}

/** Keeps the averages of the peers of one group. */
export class TimeKeeper implements ResponseWatcher {
  readonly #mode: TimeMode;
  readonly #clock: () => number;

  constructor(mode: TimeMode, clock: () => number) {
    this.#mode = mode;
    this.#clock = clock;
  }

  /** A request goes to a peer. */
  begin(peer: Peer): void {
    if (this.#mode.inflight) waiting.begin(peer, this.#clock());
  }

  onHead(_x: Exchange, peer: Peer, attempt: UpstreamTry): void {
    const { header, inflight } = this.#mode;
    if (!inflight || !header) return;
    average(peer, Cell.headerTime, attempt.headerTime);
    waiting.end(peer, this.#clock(), attempt.headerTime);
  }

  // Only what was answered counts, so that a server that fails fast is not taken for a fast one.
  onEnd(
    _x: Exchange,
    peer: Peer,
    { attempt, outcome }: { attempt: UpstreamTry; outcome: Outcome },
  ): void {
    const { header, inflight } = this.#mode;
    const time = this.#clock();
    const ms = Math.max(0, time - attempt.startedAt);
    const counted = header && attempt.accepted;
    if (inflight && !counted) waiting.end(peer, time, ms);
    if (outcome === 'failed' || !attempt.accepted) return;
    average(peer, Cell.responseTime, ms);
    if (!(inflight && counted)) average(peer, Cell.headerTime, attempt.headerTime);
  }
}
