// `server NAME resolve`, `service=`: the servers of a group whose names are looked up while it runs,
// each as often as its answers ask for. Names that are unknown at first are looked for again; while
// name servers don't answer, the servers that were found before stay.

import type { SrvRecord } from 'node:dns';
import { formatAddress } from '../base/address.ts';
import { now } from '../base/clock.ts';
import { CoarseTimer } from '../base/coarse-timer.ts';
import type { LiveResolvers } from './live-resolvers.ts';
import type { MemberSource, Membership } from './membership.ts';
import type { NameFailure } from './name-query.ts';
import { Peer, type PeerOptions } from './peer.ts';
import type { NameResolver, Resolution, ResolverSettings, Waiting } from './resolver.ts';

/** A `server` line whose name is looked up. */
export interface ResolvedLine {
  readonly host: string;
  /** Of no meaning with `service`. */
  readonly port: number;
  /** `service=`; null: addresses of the host are looked for. */
  readonly service: string | null;
  /** What all servers of the line have in common. */
  readonly options: Omit<PeerOptions, 'address'>;
}

/** A `server` line: fixed servers, or a name. */
export type GroupLine = readonly Peer[] | ResolvedLine;

export interface ResolvedServersOptions {
  readonly lines: readonly GroupLine[];
  readonly resolvers: LiveResolvers;
  readonly settings: ResolverSettings;
  /** `resolver_timeout`, in milliseconds. */
  readonly timeoutMs: number;
}

/** Names are looked up once in a second at most, whatever their TTL. */
const shortestMs = 1_000;
const retryMs = 5_000;

/** The servers of all lines of a group. */
export class ResolvedServers implements MemberSource {
  readonly #options: ResolvedServersOptions;
  #resolver: NameResolver | null = null;
  #watches: LineWatch[] = [];

  constructor(options: ResolvedServersOptions) {
    this.#options = options;
  }

  async start(members: Membership): Promise<void> {
    const { lines, resolvers, settings, timeoutMs } = this.#options;
    const resolver = resolvers.acquire(settings);
    this.#resolver = resolver;
    const parts = lines.map((line) =>
      isResolved(line) ? new LineWatch(line, resolver, timeoutMs) : { peers: line },
    );
    const watches = parts.filter((part) => part instanceof LineWatch);
    this.#watches = watches;
    const collect = (): void => members.set(parts.flatMap((part) => part.peers));
    await Promise.all(
      watches.map((watch) => new Promise<void>((resolve) => watch.start(collect, resolve))),
    );
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop();
    this.#watches = [];
    if (this.#resolver !== null) this.#options.resolvers.release(this.#resolver);
    this.#resolver = null;
  }
}

function isResolved(line: GroupLine): line is ResolvedLine {
  return 'host' in line;
}

/** Where one server of a line is. */
interface Place {
  readonly address: string;
  readonly port: number;
  /** Of an SRV record; null: the line's. */
  readonly weight: number | null;
  readonly backup: boolean;
}

interface Found {
  readonly places: readonly Place[];
  readonly failure: NameFailure | null;
  readonly validUntil: number;
}

/** Looks one line up, again and again. */
class LineWatch {
  peers: readonly Peer[] = [];
  readonly #line: ResolvedLine;
  readonly #resolver: NameResolver;
  readonly #timeoutMs: number;
  readonly #timer: CoarseTimer;
  #waiting: Waiting[] = [];
  #changed: () => void = () => undefined;
  #looked: (() => void) | null = null;
  #stopped = false;
  /** What was complained about last. */
  #complaint = '';

  constructor(line: ResolvedLine, resolver: NameResolver, timeoutMs: number) {
    this.#line = line;
    this.#resolver = resolver;
    this.#timeoutMs = timeoutMs;
    this.#timer = new CoarseTimer(() => this.#look());
  }

  /** @param looked - called once, after the first look or at the end */
  start(changed: () => void, looked: () => void): void {
    this.#changed = changed;
    this.#looked = looked;
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer.disarm();
    for (const waiting of this.#waiting) waiting.cancel();
    this.#haveLooked();
  }

  #haveLooked(): void {
    this.#looked?.();
    this.#looked = null;
  }

  #look(): void {
    this.#waiting = [];
    const { host, port, service } = this.#line;
    if (service === null) {
      this.#ask(host, (found) => this.#take(hostFound(found, port)));
      return;
    }
    this.#resolver.askService(serviceName(service, host), ({ records, failure }) => {
      if (this.#stopped) return;
      if (failure === null) this.#locate(records);
      else this.#take({ places: [], failure, validUntil: 0 });
    });
  }

  #ask(host: string, done: (resolution: Resolution) => void): void {
    this.#waiting.push(this.#resolver.ask(host, this.#timeoutMs, done));
  }

  // Node tells no TTL of SRV records: those of the addresses count for both.
  #locate(records: readonly SrvRecord[]): void {
    const wanted = usedRecords(records, this.#line.options.backup === true);
    const found: Found[] = [];
    for (const { record, backup } of wanted) {
      this.#ask(record.name, (resolution) => {
        const { places, ...rest } = hostFound(resolution, record.port);
        const weight = Math.max(1, record.weight);
        found.push({ ...rest, places: places.map((one) => ({ ...one, weight, backup })) });
        if (found.length === wanted.length) this.#take(together(found));
      });
    }
  }

  #take({ places, failure, validUntil }: Found): void {
    this.#complain(failure);
    if (failure?.transient !== true || this.peers.length === 0) {
      const peers = renewed(this.peers, this.#line.options, places);
      const changed =
        peers.length !== this.peers.length || peers.some((peer, i) => peer !== this.peers[i]);
      this.peers = peers;
      if (changed) this.#changed();
    }
    const { validMs } = this.#resolver.settings;
    const given = failure === null ? (validMs ?? validUntil - now()) : this.#retryAfter(failure);
    this.#timer.arm(Math.max(shortestMs, given));
    this.#haveLooked();
  }

  #retryAfter({ transient }: NameFailure): number {
    return transient && this.peers.length > 0 ? retryMs : shortestMs;
  }

  // Said once, not at each look.
  #complain(failure: NameFailure | null): void {
    const { host, service } = this.#line;
    const what = service === null ? host : `service ${service} of ${host}`;
    const complaint = failure === null ? '' : `${what} could not be resolved (${failure.text})`;
    if (complaint !== '' && complaint !== this.#complaint) this.#resolver.log('error', complaint);
    this.#complaint = complaint;
  }
}

function hostFound({ addresses, failure, validUntil }: Resolution, port: number): Found {
  const places = addresses.map((address) => ({ address, port, weight: null, backup: false }));
  return { places, failure, validUntil };
}

// Some targets of a service may be unknown: the others serve.
function together(found: readonly Found[]): Found {
  const good = found.filter(({ failure }) => failure === null);
  return {
    places: good.flatMap(({ places }) => places),
    failure: good.length > 0 ? null : (found[0]?.failure ?? null),
    validUntil: Math.min(...found.map(({ validUntil }) => validUntil)),
  };
}

/** nginx: a name without dots is that of a service over TCP. */
function serviceName(service: string, host: string): string {
  return service.includes('.') ? `${service}.${host}` : `_${service}._tcp.${host}`;
}

/** Records of the best priority are servers, the others backups; of a backup line only the best. */
function usedRecords(
  records: readonly SrvRecord[],
  onlyBest: boolean,
): readonly { readonly record: SrvRecord; readonly backup: boolean }[] {
  const best = Math.min(...records.map(({ priority }) => priority));
  return records
    .map((record) => ({ record, backup: record.priority !== best }))
    .filter(({ backup }) => !onlyBest || !backup);
}

// Servers that are still there stay the same objects, and in the same order.
function renewed(
  before: readonly Peer[],
  common: ResolvedLine['options'],
  places: readonly Place[],
): readonly Peer[] {
  const wanted = new Map<string, PeerOptions>();
  for (const { address, port, weight, backup } of places) {
    const options: PeerOptions = {
      ...common,
      address: { kind: 'ip', host: address, port },
      ...(weight === null ? {} : { weight }),
      backup: backup || common.backup === true,
    };
    wanted.set(keyOf(options), options);
  }
  const kept = before.filter(({ options }) => wanted.delete(keyOf(options)));
  return [...kept, ...[...wanted.values()].map((options) => new Peer(options))];
}

function keyOf({ address, weight, backup }: PeerOptions): string {
  return `${formatAddress(address)} ${weight ?? 1} ${backup === true}`;
}
