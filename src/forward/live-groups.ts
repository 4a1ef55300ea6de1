// The groups of one worker with their peers' state and idle connections. They outlive a change of
// configuration: a group that is defined as before goes on as if nothing had happened, and only
// connections of TLS policies that are gone are closed.

import { ConnectionBudget, type IdleConnections } from '../base/connection-budget.ts';
import type { UpstreamGroup } from '../upstream/group.ts';
import { LiveResolvers } from '../upstream/live-resolvers.ts';
import { ConnectionPool } from '../upstream/pool.ts';
import type { LiveGroup } from './proxy-settings.ts';

interface Held {
  readonly live: LiveGroup;
  /** Snapshots that use it. */
  holders: number;
}

/** Groups for literal addresses in variables are bounded: a client may choose them. */
const maxAddressGroups = 1024;

// What a balancer evaluates for a request are variables of the configuration that the request began
// with.
function withBalancerOf(fresh: UpstreamGroup, live: LiveGroup): LiveGroup {
  const { group, pool } = live;
  if (fresh.rebalance === null) return live;
  const view = { ...group, balancer: fresh.rebalance(group.peers) };
  group.membership?.addView(view, fresh.rebalance);
  return { group: view, pool };
}

/** All groups of a worker, whatever snapshot they belong to. */
export class LiveGroups implements IdleConnections {
  /** Of all connections of the worker. */
  readonly budget: ConnectionBudget = new ConnectionBudget();
  /** Whom they ask for names. */
  readonly resolvers: LiveResolvers = new LiveResolvers();
  readonly #held = new Map<string, Held>();
  /** By address, the oldest first. */
  readonly #addresses = new Map<string, LiveGroup>();
  #policies: ReadonlySet<string> | null = null;

  constructor() {
    this.budget.idleUpstreams = this;
  }

  /**
   * The group that is defined like this one and in use already; else this one. To be given back
   * with `release` by the snapshot that asked.
   */
  acquire(group: UpstreamGroup): LiveGroup {
    const known = this.#held.get(group.definition);
    if (known !== undefined) {
      known.holders += 1;
      return withBalancerOf(group, known.live);
    }
    const live = this.#open(group);
    this.#held.set(group.definition, { live, holders: 1 });
    return live;
  }

  /** Its last holder gone, a group's idle connections are closed, and those in use when done. */
  release(live: LiveGroup): void {
    const { definition } = live.group;
    const known = this.#held.get(definition);
    if (known?.live.pool !== live.pool) return;
    known.holders -= 1;
    if (known.live !== live) live.group.membership?.removeView(live.group);
    if (known.holders > 0) return;
    this.#held.delete(definition);
    known.live.group.membership?.stop();
    live.pool.closeAll();
  }

  /** The group of an address that came out of a variable, if it has been there before. */
  ofAddress(address: string): LiveGroup | null {
    return this.#addresses.get(address) ?? null;
  }

  /** Adds the group of an address. It belongs to no snapshot and stays until there are too many. */
  addAddress(address: string, group: UpstreamGroup): LiveGroup {
    const live = this.#open(group);
    if (this.#addresses.size >= maxAddressGroups) this.#dropOldestAddress();
    this.#addresses.set(address, live);
    return live;
  }

  /** Closes what was made under other TLS policies than these; see `ConnectionPool.retain`. */
  retain(policies: ReadonlySet<string>): void {
    this.#policies = policies;
    for (const { live } of this.#held.values()) live.pool.retain(policies);
    for (const live of this.#addresses.values()) live.pool.retain(policies);
  }

  /** Connections of all groups that wait for a request. */
  get idle(): number {
    let idle = 0;
    for (const { pool } of this.#all()) idle += pool.idle;
    return idle;
  }

  /** As `IdleConnections` asks; the longest idle of each group, group by group. */
  closeIdle(count: number): number {
    let closed = 0;
    for (const { pool } of this.#all()) {
      if (closed < count) closed += pool.closeIdle(count - closed);
    }
    return closed;
  }

  *#all(): Generator<LiveGroup> {
    for (const { live } of this.#held.values()) yield live;
    yield* this.#addresses.values();
  }

  /** Closes all idle connections, and those in use when done. */
  closeAll(): void {
    for (const { live } of this.#held.values()) {
      live.group.membership?.stop();
      live.pool.closeAll();
    }
    for (const live of this.#addresses.values()) live.pool.closeAll();
    this.resolvers.closeAll();
    this.#held.clear();
    this.#addresses.clear();
  }

  #open(group: UpstreamGroup): LiveGroup {
    const pool = new ConnectionPool(group.keepalive);
    if (this.#policies !== null) pool.retain(this.#policies);
    if (group.membership !== null) group.membership.onLeft = () => pool.closeLeft();
    return { group, pool };
  }

  #dropOldestAddress(): void {
    const oldest = this.#addresses.keys().next().value;
    if (oldest === undefined) return;
    this.#addresses.get(oldest)?.pool.closeAll();
    this.#addresses.delete(oldest);
  }
}
