// TLS sessions with upstreams, for resumption. On a resumed connection nothing is verified again,
// neither chain nor name, and there is no certificate: so a session is kept under the whole identity
// of its target together with what was learnt at the full handshake, and dies with it.

import { now } from '../base/clock.ts';
import type { PeerFacts } from './upstream-facts.ts';

/** The longest time for which a full handshake counts, whatever the upstream's tickets say. */
export const sessionLifetimeMs = 3_600_000;

/** Tickets above this size are not kept: an upstream must not fill our memory. */
const largestSession = 16_384;

/** One full handshake and the sessions that come of it. */
export interface SessionRecord {
  readonly peer: PeerFacts;
  /** When the full handshake was, in milliseconds since the epoch. */
  readonly verifiedAt: number;
  /** The earliest `notAfter` of the path, or a fixed time after the handshake. 0: withdrawn. */
  expiresAt: number;
  readonly sessions: Buffer[];
}

/** A record for a full handshake that was wholly verified just now. */
export function sessionRecord(peer: PeerFacts): SessionRecord {
  const verifiedAt = now();
  const expiresAt = Math.min(verifiedAt + sessionLifetimeMs, peer.validUntil);
  return { peer, verifiedAt, expiresAt, sessions: [] };
}

/** May connections still be resumed on the strength of this full handshake? */
export function isUsable(record: SessionRecord): boolean {
  return record.expiresAt > now();
}

/** Sessions by the key of their target; the least recently used goes first. */
export class UpstreamSessionCache {
  readonly #records = new Map<string, SessionRecord>();
  readonly #targets: number;
  readonly #sessionsEach: number;

  constructor({ targets = 1024, sessionsEach = 4 } = {}) {
    this.#targets = targets;
    this.#sessionsEach = sessionsEach;
  }

  get size(): number {
    return this.#records.size;
  }

  /**
   * A session to offer, with its record; null where there is none. The newest goes out first and
   * is not offered again while there are others (RFC 8446 appendix C.4).
   */
  take(key: string): { session: Buffer; record: SessionRecord } | null {
    const record = this.#records.get(key);
    if (record === undefined) return null;
    this.#records.delete(key);
    if (!isUsable(record)) return null;
    this.#records.set(key, record);
    const session = record.sessions.length > 1 ? record.sessions.pop() : record.sessions[0];
    return session === undefined ? null : { session, record };
  }

  /** Keeps a session. Ignored where its record is withdrawn, expired, or older than the one kept. */
  store(key: string, session: Buffer, record: SessionRecord): void {
    if (session.length > largestSession || !isUsable(record)) return;
    const known = this.#records.get(key);
    if (known !== undefined && known !== record && known.verifiedAt > record.verifiedAt) return;
    record.sessions.push(session);
    if (record.sessions.length > this.#sessionsEach) record.sessions.shift();
    this.#records.delete(key);
    this.#records.set(key, record);
    if (this.#records.size > this.#targets) this.#evictOldest();
  }

  /** Forgets a target. Resumptions under way on its sessions fail. */
  drop(key: string): void {
    const record = this.#records.get(key);
    if (record === undefined) return;
    record.expiresAt = 0;
    this.#records.delete(key);
  }

  /**
   * Forgets the targets of policies that are no longer in force, as after a change of a CA or a
   * revocation list. The sessions of policies that are not named stay, others of this thread's
   * proxies among them.
   *
   * @param policies - keys of policies
   */
  dropPolicies(policies: ReadonlySet<string>): void {
    if (policies.size === 0) return;
    for (const key of [...this.#records.keys()]) {
      if (policies.has(policyOf(key))) this.drop(key);
    }
  }

  /** Forgets everything. */
  clear(): void {
    for (const record of this.#records.values()) record.expiresAt = 0;
    this.#records.clear();
  }

  #evictOldest(): void {
    for (const key of this.#records.keys()) {
      this.#records.delete(key);
      return;
    }
  }
}

// The key of a target begins with that of its policy: `tlsTargetKey`.
function policyOf(key: string): string {
  const end = key.indexOf('\0');
  return end < 0 ? key : key.slice(0, end);
}

/** The sessions of this thread. Keys hold the whole policy, so all configurations share it. */
export const upstreamSessions: UpstreamSessionCache = new UpstreamSessionCache();
