// Idle connections to the servers of one group, in one worker. A connection goes only to a request
// of exactly its own identity, the newest first; when there are too many, those unused for the
// longest time are closed, whatever their identity (nginx `keepalive`).
//
// Too many is looked at every now and then: one turn of a busy event loop may end more requests than
// are to stay idle, and begin as many in the next. Closed at once, their connections would have to be
// opened again for each turn.

import { CoarseTimer } from '../base/coarse-timer.ts';
import { now } from '../base/clock.ts';
import type { IdleKeeper, UpstreamConnection } from './connection.ts';
import type { KeepaliveSettings } from './group.ts';

/** More empty stacks than this are swept: keys may come from variables without a bound. */
const sweepSize = 256;
/** How long there may be too many, in milliseconds, and a tick. */
const surplusMs = 50;

/** The idle connections of one group in one worker. */
export class ConnectionPool implements IdleKeeper {
  readonly #settings: KeepaliveSettings;
  /** Identity → idle connections, the newest last. */
  #stacks = new Map<string, UpstreamConnection[]>();
  #oldest: UpstreamConnection | null = null;
  #newest: UpstreamConnection | null = null;
  #idle = 0;
  readonly #surplus = new CoarseTimer(() => this.#closeSurplus());
  #closed = false;
  /** TLS policies in force; null: all. */
  #policies: ReadonlySet<string> | null = null;

  constructor(settings: KeepaliveSettings) {
    this.#settings = settings;
  }

  /** Idle connections at present. */
  get idle(): number {
    return this.#idle;
  }

  /**
   * The newest idle connection of exactly this identity, or null. The caller sets its `user` before
   * it does anything else, and counts as its next request. One whose certificate has expired since
   * it was verified is closed instead.
   */
  take(key: string): UpstreamConnection | null {
    const stack = this.#stacks.get(key);
    let connection = stack?.at(-1);
    while (connection !== undefined && connection.validUntil <= now()) {
      connection.end();
      connection = stack?.at(-1);
    }
    if (connection === undefined) return null;
    this.forget(connection);
    connection.requests += 1;
    connection.reused = true;
    connection.asked = false;
    return connection;
  }

  /**
   * Takes a connection whose response is complete, or closes it where it may not be used again. It
   * has no user from here on. Call it from within `onData` where the response ends there, so that
   * the connection is idle before anything else can arrive.
   */
  put(connection: UpstreamConnection): void {
    connection.user = null;
    if (!this.#admits(connection)) {
      // Unsent bytes of a request that is already answered are not worth waiting for.
      if (connection.reusable) connection.end();
      else connection.destroy();
      return;
    }
    this.#stackOf(connection.key).push(connection);
    this.#append(connection);
    connection.keeper = this;
    connection.idleTimer ??= new CoarseTimer(() => {
      if (connection.keeper !== null) connection.end();
    });
    connection.idleTimer.arm(this.#settings.timeoutMs);
    if (this.#idle > this.#settings.connections && !this.#surplus.armed) {
      this.#surplus.arm(surplusMs);
    }
    connection.resume();
  }

  #closeSurplus(): void {
    this.closeIdle(this.#idle - this.#settings.connections);
  }

  /** Closes up to `count` idle connections, those unused for the longest time. Says how many. */
  closeIdle(count: number): number {
    let closed = 0;
    while (closed < count && this.#oldest !== null) {
      this.#oldest.end();
      closed += 1;
    }
    return closed;
  }

  /** Closes all idle connections, and from now on every one that is put back. */
  closeAll(): void {
    this.#closed = true;
    this.#surplus.disarm();
    while (this.#oldest !== null) this.#oldest.end();
    this.#stacks.clear();
  }

  /**
   * From now on keeps connections of these TLS policies only, and plain ones. Idle ones of others
   * are closed now, those in use when their response is complete.
   *
   * @param policies - keys of the policies in force
   */
  retain(policies: ReadonlySet<string>): void {
    this.#policies = policies;
    let next = this.#oldest;
    while (next !== null) {
      const connection = next;
      next = connection.newer;
      if (!this.#isInForce(connection)) connection.end();
    }
    this.#sweep();
  }

  /** Closes idle connections to servers that have left the group. */
  closeLeft(): void {
    let next = this.#oldest;
    while (next !== null) {
      const connection = next;
      next = connection.newer;
      if (connection.peer.left) connection.end();
    }
    this.#sweep();
  }

  /** For the connection itself: takes it out without closing it. */
  forget(connection: UpstreamConnection): void {
    if (connection.keeper !== this) return;
    connection.keeper = null;
    connection.idleTimer?.rest();
    this.#unlink(connection);
    const stack = this.#stacks.get(connection.key);
    if (stack === undefined) return;
    if (stack.at(-1) === connection) stack.pop();
    else stack.splice(stack.indexOf(connection), 1);
  }

  #admits(connection: UpstreamConnection): boolean {
    const settings = this.#settings;
    return (
      !this.#closed &&
      connection.keeper === null &&
      !connection.peer.left &&
      connection.reusable &&
      this.#isInForce(connection) &&
      settings.connections > 0 &&
      settings.timeoutMs > 0 &&
      connection.requests < settings.requests &&
      now() - connection.createdAt <= settings.timeMs
    );
  }

  // A certificate, CA or revocation list that has changed makes another policy: what was verified
  // under the old one must not serve another request.
  #isInForce({ policyKey }: UpstreamConnection): boolean {
    return policyKey === null || this.#policies === null || this.#policies.has(policyKey);
  }

  #stackOf(key: string): UpstreamConnection[] {
    let stack = this.#stacks.get(key);
    if (stack === undefined) {
      if (this.#stacks.size >= sweepSize + this.#settings.connections) this.#sweep();
      stack = [];
      this.#stacks.set(key, stack);
    }
    return stack;
  }

  #sweep(): void {
    for (const [key, stack] of this.#stacks) {
      if (stack.length === 0) this.#stacks.delete(key);
    }
  }

  #append(connection: UpstreamConnection): void {
    connection.older = this.#newest;
    connection.newer = null;
    if (this.#newest === null) this.#oldest = connection;
    else this.#newest.newer = connection;
    this.#newest = connection;
    this.#idle += 1;
  }

  #unlink(connection: UpstreamConnection): void {
    const { older, newer } = connection;
    if (older === null) this.#oldest = newer;
    else older.newer = newer;
    if (newer === null) this.#newest = older;
    else newer.older = older;
    connection.older = null;
    connection.newer = null;
    this.#idle -= 1;
  }
}
