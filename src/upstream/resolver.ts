// `resolver`: what a worker knows of host names while it runs. Each name is asked for once at a time,
// however many wait; the answer is kept for its TTL, or for `valid=`. Where the servers don't answer,
// what was known before goes on to count; where they say that there is no such name, it does not.

import { CoarseTimer } from '../base/coarse-timer.ts';
import { now } from '../base/clock.ts';
import type { LogLevel } from '../base/errors.ts';
import {
  hostNotFound,
  NameServers,
  timedOut,
  type FamilyAnswer,
  type NameFailure,
} from './name-query.ts';
import type { SrvRecord } from 'node:dns';

/** What a `resolver` directive says. */
export interface ResolverSettings {
  /** `address:port`; IPv6 addresses in brackets. At least one. */
  readonly servers: readonly string[];
  /** Milliseconds for which answers are good; null: as long as they say themselves. */
  readonly validMs: number | null;
  /** Which addresses are asked for; not both false. */
  readonly ipv4: boolean;
  readonly ipv6: boolean;
  /** `status_zone=`: what it is called where resolvers are counted; null: it is not. */
  readonly statusZone: string | null;
}

/** What is known of a name. */
export interface Resolution {
  /** In an order that differs from answer to answer; empty where there is a failure. */
  readonly addresses: readonly string[];
  readonly failure: NameFailure | null;
  /** Until when it counts, in milliseconds of `now()`. */
  readonly validUntil: number;
}

/** What is known of a service (SRV). */
export interface ServiceResolution {
  readonly records: readonly SrvRecord[];
  readonly failure: NameFailure | null;
}

/** Someone who waits for a name. */
export interface Waiting {
  /** It is no longer of interest; nothing is called any more. */
  cancel(): void;
}

/** What became of questions. */
export interface ResolverCounts {
  /** Names asked for. */
  name: number;
  success: number;
  notFound: number;
  timedOut: number;
  otherFailures: number;
}

export type ResolverLog = (level: LogLevel, message: string) => void;

/** How long it is believed that a name does not exist. */
const negativeMs = 1_000;
/** How often servers are tried that don't answer, while an old answer serves. */
const retryMs = 5_000;
/** With an old answer at hand nobody waits longer than this for a new one. */
const patienceMs = 1_000;
/** Names may come from clients. */
const mostNames = 4_096;
const mostQuestions = 1_024;

/** All families of a name that were asked for, as they were answered last. */
interface Known {
  v4: FamilyAnswer | null;
  v6: FamilyAnswer | null;
}

class Entry {
  readonly name: string;
  readonly known: Known = { v4: null, v6: null };
  resolution: Resolution | null = null;
  /** Answers under way: 0 where nobody is asked. */
  pending = 0;
  /** The servers failed to answer last time. */
  failing = false;
  readonly waiters = new Set<Waiter>();

  constructor(name: string) {
    this.name = name;
  }
}

class Waiter implements Waiting {
  readonly #entry: Entry;
  readonly #done: (resolution: Resolution) => void;
  readonly #timer: CoarseTimer;

  constructor(entry: Entry, ms: number, done: (resolution: Resolution) => void) {
    this.#entry = entry;
    this.#done = done;
    this.#timer = new CoarseTimer(() => this.#timedOut());
    this.#timer.arm(ms);
    entry.waiters.add(this);
  }

  tell(resolution: Resolution): void {
    this.cancel();
    this.#done(resolution);
  }

  #timedOut(): void {
    const stale = staleOf(this.#entry);
    // Who comes next need not wait for the same servers.
    if (stale !== null) this.#entry.failing = true;
    this.tell(stale ?? failed(timedOut, now()));
  }

  cancel(): void {
    this.#timer.disarm();
    this.#entry.waiters.delete(this);
  }
}

function failed(failure: NameFailure, validUntil: number): Resolution {
  return { addresses: [], failure, validUntil };
}

// An answer that has run out, and is better than none.
function staleOf({ resolution }: Entry): Resolution | null {
  return resolution === null || resolution.failure !== null ? null : resolution;
}

/** One `resolver` in one worker. */
export class NameResolver {
  readonly settings: ResolverSettings;
  readonly counts: ResolverCounts = {
    name: 0,
    success: 0,
    notFound: 0,
    timedOut: 0,
    otherFailures: 0,
  };
  /** Where to say what goes wrong with the servers. */
  readonly log: ResolverLog;
  /** Null before the first question. */
  #servers: NameServers | null = null;
  /** The one asked for the longest ago first. */
  readonly #entries = new Map<string, Entry>();
  #questions = 0;
  #closed = false;

  constructor(settings: ResolverSettings, log: ResolverLog = () => undefined) {
    this.settings = settings;
    this.log = log;
  }

  /** What is known of a name now; null where it has to be asked for. */
  find(name: string): Resolution | null {
    return this.#fresh(this.#entries.get(canonical(name)));
  }

  /**
   * Asks for a name. `done` is called once, and never before this returns, unless it is cancelled:
   * with what is known where that still counts.
   *
   * @param timeoutMs - after so many milliseconds without an answer it fails
   */
  ask(name: string, timeoutMs: number, done: (resolution: Resolution) => void): Waiting {
    const entry = this.#entryOf(canonical(name));
    const fresh = this.#fresh(entry);
    if (fresh !== null) {
      const waiter = new Waiter(entry, timeoutMs, done);
      queueMicrotask(() => {
        if (entry.waiters.has(waiter)) waiter.tell(fresh);
      });
      return waiter;
    }
    const patience = staleOf(entry) === null ? timeoutMs : Math.min(timeoutMs, patienceMs);
    const waiter = new Waiter(entry, patience, done);
    this.#question(entry);
    return waiter;
  }

  /** Asks for a service; answers are not kept. `done` is not called any more once it is closed. */
  askService(name: string, done: (resolution: ServiceResolution) => void): void {
    this.counts.name += 1;
    this.#open().services(canonical(name), (records, failure) => {
      if (this.#closed) return;
      this.#count(failure);
      done({ records, failure });
    });
  }

  /** Ends everything; whoever waits is told that there was no answer. */
  close(): void {
    this.#closed = true;
    this.#servers?.close();
    for (const entry of this.#entries.values()) this.#tell(entry, failed(timedOut, now()));
    this.#entries.clear();
  }

  #fresh(entry: Entry | undefined): Resolution | null {
    const resolution = entry?.resolution ?? null;
    if (entry === undefined || resolution === null) return null;
    if (now() < resolution.validUntil) return resolution;
    if (!entry.failing || resolution.failure !== null) return null;
    // Old, but the servers are not there: look again meanwhile, without anybody waiting.
    this.#question(entry);
    return resolution;
  }

  #entryOf(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) entry = new Entry(name);
    else this.#entries.delete(name);
    this.#entries.set(name, entry);
    if (this.#entries.size > mostNames) this.#forgetOldest();
    return entry;
  }

  #forgetOldest(): void {
    for (const [name, { pending, waiters }] of this.#entries) {
      if (pending > 0 || waiters.size > 0) continue;
      this.#entries.delete(name);
      return;
    }
  }

  #question(entry: Entry): void {
    if (entry.pending > 0) return;
    const { ipv4, ipv6 } = this.settings;
    if (this.#closed || this.#questions >= mostQuestions) {
      queueMicrotask(() => this.#tell(entry, staleOf(entry) ?? failed(timedOut, now())));
      return;
    }
    this.#questions += 1;
    this.counts.name += 1;
    const fresh: Known = { v4: null, v6: null };
    const done = (): void => {
      entry.pending -= 1;
      if (entry.pending === 0 && !this.#closed) this.#answered(entry, fresh);
    };
    entry.pending = Number(ipv4) + Number(ipv6);
    const servers = this.#open();
    if (ipv4) servers.addresses(entry.name, 4, (answer) => ((fresh.v4 = answer), done()));
    if (ipv6) servers.addresses(entry.name, 6, (answer) => ((fresh.v6 = answer), done()));
  }

  #open(): NameServers {
    this.#servers ??= new NameServers(this.settings.servers);
    return this.#servers;
  }

  #answered(entry: Entry, fresh: Known): void {
    this.#questions -= 1;
    const failure = failureOf(fresh);
    this.#count(fresh.v4?.failure === null || fresh.v6?.failure === null ? null : failure);
    const before = staleOf(entry);
    entry.failing = failure?.transient === true && before !== null;
    if (entry.failing && failure !== null) {
      this.log(
        'warn',
        `${entry.name} could not be resolved (${failure.text}), its addresses of before are used`,
      );
    }
    entry.known.v4 = merged(entry.known.v4, fresh.v4);
    entry.known.v6 = merged(entry.known.v6, fresh.v6);
    entry.resolution = this.#resolutionOf(entry, failure);
    this.#tell(entry, entry.resolution);
  }

  #resolutionOf({ known, failing }: Entry, failure: NameFailure | null): Resolution {
    const families = [known.v4, known.v6].filter((one) => one !== null && one.failure === null);
    const addresses = families.flatMap((one) => one?.addresses ?? []);
    if (addresses.length === 0) return failed(failure ?? hostNotFound, now() + negativeMs);
    const ttl = Math.min(...families.map((one) => one?.ttl ?? 0)) * 1000;
    const validMs = failing ? retryMs : (this.settings.validMs ?? ttl);
    return { addresses: shuffled(addresses), failure: null, validUntil: now() + validMs };
  }

  #tell(entry: Entry, resolution: Resolution): void {
    for (const waiter of [...entry.waiters]) waiter.tell(resolution);
  }

  #count(failure: NameFailure | null): void {
    const { counts } = this;
    if (failure === null) counts.success += 1;
    else if (failure === hostNotFound) counts.notFound += 1;
    else if (failure === timedOut) counts.timedOut += 1;
    else counts.otherFailures += 1;
  }
}

// A family that could not be asked for keeps its addresses; one that has none any more loses them.
function merged(before: FamilyAnswer | null, fresh: FamilyAnswer | null): FamilyAnswer | null {
  if (fresh?.failure?.transient !== true) return fresh;
  return before?.failure === null ? before : fresh;
}

// What did not answer counts more than what has no addresses: it may have some.
function failureOf({ v4, v6 }: Known): NameFailure | null {
  const all = [v4?.failure ?? null, v6?.failure ?? null].filter((one) => one !== null);
  return all.find(({ transient }) => transient) ?? all[0] ?? null;
}

/** Names are the same in upper and lower case, and with or without the last dot. */
function canonical(name: string): string {
  return (name.endsWith('.') ? name.slice(0, -1) : name).toLowerCase();
}

function shuffled(addresses: readonly string[]): readonly string[] {
  const rest = [...new Set(addresses)];
  const from = Math.floor(Math.random() * rest.length);
  return [...rest.slice(from), ...rest.slice(0, from)];
}
