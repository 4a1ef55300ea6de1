// The zones of a configuration: memory that all workers share, by name. The supervisor's compilation
// makes those that are missing; workers, and later configurations with the same zone, find them
// here, with all that is in them.

import type { Position } from '../config/node.ts';
import { SharedTable } from '../base/shared-table.ts';
import type { Diagnostics } from '../config/diagnostic.ts';
import { PeerZone } from '../upstream/peer-zone.ts';

/** What makes two zones of one name the same, over reloads. */
export interface ZoneIdentity {
  /** The directive that defines it: another one cannot use its memory. */
  readonly kind: string;
  /** As configured. */
  readonly bytes: number;
  /** What its records are found by, as written in the configuration. */
  readonly key: string;
}

/** A zone with its memory. Can be sent to a worker thread, which then shares it. */
export interface SharedZone extends ZoneIdentity {
  readonly buffer: SharedArrayBuffer;
}

/** All zones, by name. */
export type SharedZones = ReadonlyMap<string, SharedZone>;

/** Is the memory of one of use for the other? */
export function isSameZone(one: ZoneIdentity, other: ZoneIdentity): boolean {
  return one.kind === other.kind && one.bytes === other.bytes && one.key === other.key;
}

/** Zones of this kind have the layout of a `PeerZone`; all others that of a `SharedTable`. */
export const peersKind = 'upstream';

/** A worker has ended: what it held in the zone is given back. */
export function forgetWorker({ kind, buffer, bytes }: SharedZone, thread: number): void {
  if (kind === peersKind) new PeerZone(buffer, bytes, 0).forget(thread);
  else new SharedTable(buffer, bytes, 0).forget(thread);
}

/** The zones of one build. */
export class ZoneBook {
  readonly #known: SharedZones;
  /** Number of this worker among those that share memory. */
  readonly thread: number;
  readonly #diagnostics: Diagnostics;
  readonly #defined = new Map<string, SharedZone>();

  /**
   * @param known - zones of the supervisor, or of the configuration before
   * @param thread - number of this worker among those that share memory; 0 for the supervisor
   */
  constructor(known: SharedZones, thread: number, diagnostics: Diagnostics) {
    this.#known = known;
    this.thread = thread;
    this.#diagnostics = diagnostics;
  }

  /** The zones that were defined: what is to be handed on. */
  get defined(): SharedZones {
    return this.#defined;
  }

  /** Defines a zone; null after a reported error: the name is taken. */
  define(name: string, identity: ZoneIdentity, at: Position): SharedTable | null {
    const other = this.#defined.get(name);
    if (other !== undefined) {
      const message =
        other.kind === identity.kind
          ? `${identity.kind} "${name}" is already bound to key "${other.key}"`
          : `the shared memory zone "${name}" is already declared for a different use`;
      this.#diagnostics.error(at, message);
      return null;
    }
    const { bytes } = identity;
    return new SharedTable(this.#memory(name, identity, SharedTable.create), bytes, this.thread);
  }

  /** Defines a zone for the peers of upstream groups; null after a reported error. */
  definePeers(name: string, identity: Omit<ZoneIdentity, 'kind'>, at: Position): PeerZone | null {
    if (this.#defined.has(name)) {
      this.reportMissing(name, at);
      return null;
    }
    const { bytes } = identity;
    const buffer = this.#memory(name, { kind: peersKind, ...identity }, PeerZone.create);
    return new PeerZone(buffer, bytes, this.thread);
  }

  #memory(
    name: string,
    identity: ZoneIdentity,
    create: (bytes: number) => SharedArrayBuffer,
  ): SharedArrayBuffer {
    const known = this.#known.get(name);
    const same = known !== undefined && isSameZone(known, identity);
    const buffer = same ? known.buffer : create(identity.bytes);
    this.#defined.set(name, { ...identity, buffer });
    return buffer;
  }

  /** Reports why a zone that a directive names is not among those of its kind. */
  reportMissing(name: string, at: Position): void {
    const message = this.#defined.has(name)
      ? `the shared memory zone "${name}" is already declared for a different use`
      : `zero size shared memory zone "${name}"`;
    this.#diagnostics.error(at, message);
  }
}
