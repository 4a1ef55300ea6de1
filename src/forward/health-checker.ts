// `health_check`: checks all servers of a group again and again, and takes out of service, or back
// into it, those whose checks failed or passed often enough. A server may be under the checks of
// several locations: it serves only while none of them finds it unfit.

import { now } from '../base/clock.ts';
import { CoarseTimer } from '../base/coarse-timer.ts';
import type { LogLevel } from '../base/errors.ts';
import { Cell, Peer, startSlowly } from '../upstream/peer.ts';
import {
  HealthCheck,
  type CheckPlan,
  type CheckResult,
  type IdleConnection,
} from './health-check.ts';

/** When checks are made and what follows from them. Times in milliseconds. */
export interface CheckSchedule {
  readonly intervalMs: number;
  /** Up to so much is added to each interval. */
  readonly jitterMs: number;
  /** Failures in a row that take a server out. */
  readonly fails: number;
  /** Successes in a row that take it back. */
  readonly passes: number;
  /** Checks go to this port; null: to the server's own. */
  readonly port: number | null;
  /** A server serves only after its first check. */
  readonly mandatory: boolean;
  /** But not one that was fit before a change of configuration. */
  readonly persistent: boolean;
  /** Which of the checks of the group it is: from 0. */
  readonly index: number;
}

/** Checks under way at once in a worker are bounded. */
export class CheckSlots {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(slots: number) {
    this.#free = slots;
  }

  /** Calls `start` at once or when it is its turn; it has to be followed by `release`. */
  take(start: () => void): void {
    if (this.#free === 0) {
      this.#waiting.add(start);
      return;
    }
    this.#free -= 1;
    start();
  }

  /** What waits no longer wants its turn. @returns false where it had it already */
  forget(start: () => void): boolean {
    return this.#waiting.delete(start);
  }

  release(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}

export interface CheckerParts {
  readonly slots: CheckSlots;
  readonly log: (level: LogLevel, message: string) => void;
}

/** How often servers that have come are looked for. */
const lookMs = 1_000;

/** The checks of one location. */
export class HealthChecker {
  readonly #plan: CheckPlan;
  readonly #schedule: CheckSchedule;
  readonly #parts: CheckerParts;
  readonly #watches = new Map<Peer, PeerWatch>();
  readonly #look: CoarseTimer;

  constructor(plan: CheckPlan, schedule: CheckSchedule, parts: CheckerParts) {
    this.#plan = plan;
    this.#schedule = schedule;
    this.#parts = parts;
    this.#look = new CoarseTimer(() => this.#follow());
  }

  begin(): void {
    this.#follow();
  }

  stop(): void {
    this.#look.disarm();
    for (const watch of this.#watches.values()) watch.stop();
    this.#watches.clear();
  }

  #follow(): void {
    const { group } = this.#plan.destination.live;
    for (const [peer, watch] of this.#watches) {
      if (!peer.left) continue;
      watch.stop();
      this.#watches.delete(peer);
    }
    for (const peer of group.peers) {
      if (peer.down || this.#watches.has(peer)) continue;
      const watch = new PeerWatch(peer, this.#plan, this.#schedule, this.#parts);
      this.#watches.set(peer, watch);
      watch.begin();
    }
    if (group.membership !== null) this.#look.arm(lookMs);
  }
}

/** The checks of one server. */
class PeerWatch {
  readonly #peer: Peer;
  /** The same server at the port for checks. */
  readonly #checked: Peer;
  readonly #plan: CheckPlan;
  readonly #schedule: CheckSchedule;
  readonly #parts: CheckerParts;
  readonly #bit: number;
  readonly #timer: CoarseTimer;
  readonly #idle: IdleConnection = { connection: null };
  #running: HealthCheck | null = null;
  #fails = 0;
  #passes = 0;
  #stopped = false;

  constructor(peer: Peer, plan: CheckPlan, schedule: CheckSchedule, parts: CheckerParts) {
    this.#peer = peer;
    this.#checked = atPort(peer, schedule.port);
    this.#plan = plan;
    this.#schedule = schedule;
    this.#parts = parts;
    this.#bit = 1 << schedule.index;
    this.#timer = new CoarseTimer(() => parts.slots.take(this.#start));
  }

  begin(): void {
    const { mandatory, persistent } = this.#schedule;
    if (mandatory && !(persistent && this.#has(Cell.checked))) {
      this.#mark(Cell.checked, false);
      this.#mark(Cell.unhealthy, true);
    }
    this.#parts.slots.take(this.#start);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.disarm();
    this.#idle.connection?.end();
    if (this.#parts.slots.forget(this.#start) || this.#running === null) return;
    this.#running.cancel();
    this.#running = null;
    this.#parts.slots.release();
  }

  // One function for all checks: it is what waits for its turn.
  readonly #start = (): void => {
    const peer = this.#checked;
    const check = new HealthCheck(this.#plan, peer, this.#idle, (result) => this.#take(result));
    this.#running = check;
    check.start(peer);
  };

  #take(result: CheckResult): void {
    if (this.#stopped) return;
    this.#running = null;
    if (result === null) this.#passed();
    else if (result !== undefined) this.#failed(result);
    const { intervalMs, jitterMs } = this.#schedule;
    this.#timer.arm(Math.max(1, intervalMs + Math.random() * jitterMs));
    this.#parts.slots.release();
  }

  #passed(): void {
    this.#fails = 0;
    this.#passes += 1;
    const first = !this.#has(Cell.checked);
    this.#mark(Cell.checked, true);
    if (!this.#has(Cell.unhealthy) || (!first && this.#passes < this.#schedule.passes)) return;
    this.#mark(Cell.unhealthy, false);
    startSlowly(this.#peer, now());
    this.#say('notice', 'peer is healthy');
    this.#plan.destination.live.group.queue?.wake();
  }

  #failed(why: string): void {
    this.#passes = 0;
    this.#fails += 1;
    const out = this.#has(Cell.unhealthy);
    const waited = out && !this.#has(Cell.checked);
    this.#mark(Cell.checked, true);
    if (!waited && (out || this.#fails < this.#schedule.fails)) return;
    this.#mark(Cell.unhealthy, true);
    this.#say('warn', `peer is unhealthy while ${why}`);
  }

  #say(level: LogLevel, what: string): void {
    const { test, destination } = this.#plan;
    const { name } = destination.live.group;
    this.#parts.log(
      level,
      `${what}, health check "${test.name}" of peer ${this.#checked.name} in upstream "${name}"`,
    );
  }

  #has(cell: number): boolean {
    return (this.#peer.read(cell) & this.#bit) !== 0;
  }

  #mark(cell: number, set: boolean): void {
    const others = this.#peer.read(cell) & ~this.#bit;
    this.#peer.write(cell, set ? others | this.#bit : others);
  }
}

function atPort(peer: Peer, port: number | null): Peer {
  const { address, options } = peer;
  if (port === null || address.kind !== 'ip') return peer;
  return new Peer({ ...options, address: { ...address, port } });
}

/** Forgets the verdicts of checks that are no longer made. @param checks - how many there are */
export function forgetChecks(peers: readonly Peer[], checks: number): void {
  const kept = (1 << checks) - 1;
  for (const peer of peers) {
    peer.write(Cell.unhealthy, peer.read(Cell.unhealthy) & kept);
    peer.write(Cell.checked, peer.read(Cell.checked) & kept);
  }
}
