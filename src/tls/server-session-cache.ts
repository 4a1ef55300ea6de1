// `ssl_session_cache`: sessions of clients that take no tickets (TLS 1.2 only: TLS 1.3 has nothing
// but tickets here). The least recently used goes where room is needed.

import { now } from '../base/clock.ts';

/** What a cache may hold: so many sessions (`builtin:20480`), or so many bytes (`shared:a:10m`). */
export interface CacheRoom {
  readonly sessions: number;
  readonly bytes: number;
}

interface Entry {
  readonly session: Buffer;
  /** Milliseconds since the epoch. */
  readonly expires: number;
}

/** What the map and the entry of a session take beside its bytes, about. */
const entryBytes = 256;

/** Sessions by policy and id. */
export class ServerSessionCache {
  readonly #room: CacheRoom;
  readonly #entries = new Map<string, Entry>();
  #bytes = 0;

  constructor(room: CacheRoom) {
    this.#room = room;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param expires - milliseconds since the epoch */
  put(key: string, session: Buffer, expires: number): void {
    this.#remove(key);
    this.#entries.set(key, { session, expires });
    this.#bytes += session.length + entryBytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#room.sessions && this.#bytes <= this.#room.bytes) break;
      this.#remove(oldest);
    }
  }

  /** A session that has not expired; null otherwise. */
  get(key: string): Buffer | null {
    const entry = this.#entries.get(key);
    if (entry === undefined) return null;
    if (entry.expires <= now()) {
      this.#remove(key);
      return null;
    }
    // Those used last come last.
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.session;
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.session.length + entryBytes;
  }
}

/** Where the servers of policies keep sessions. */
export interface SessionKeeper {
  put(key: string, session: Buffer, expires: number): void;
  get(key: string): Buffer | null;
}

/**
 * `builtin` and `shared` together, as nginx has them: the first is asked first. Null where nothing
 * is kept.
 */
export function joinedKeeper(keepers: readonly SessionKeeper[]): SessionKeeper | null {
  const [first] = keepers;
  if (first === undefined || keepers.length === 1) return first ?? null;
  return {
    put(key, session, expires) {
      for (const keeper of keepers) keeper.put(key, session, expires);
    },
    get(key) {
      for (const keeper of keepers) {
        const session = keeper.get(key);
        if (session !== null) return session;
      }
      return null;
    },
  };
}
