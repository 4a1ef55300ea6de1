// `ssl_session_cache shared:name:size`: one cache of each worker thread, and a channel on which each
// tells the others of its new sessions. A zone outlives the configurations that name it: a reload
// takes it over with all that is in it.

import { createHash } from 'node:crypto';
import { BroadcastChannel } from 'node:worker_threads';
import { ServerSessionCache, type SessionKeeper } from './server-session-cache.ts';

interface Message {
  readonly key: string;
  readonly session: Uint8Array;
  readonly expires: number;
}

/** A zone in this thread. */
class Zone implements SessionKeeper {
  readonly #cache: ServerSessionCache;
  readonly #channel: BroadcastChannel;
  users = 0;

  constructor(name: string, bytes: number) {
    this.#cache = new ServerSessionCache({ sessions: Infinity, bytes });
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = (event: unknown) => {
      const { key, session, expires } = (event as { data: Message }).data;
      this.#cache.put(key, Buffer.from(session), expires);
    };
    // Does not keep the process alive.
    this.#channel.unref();
  }

  put(key: string, session: Buffer, expires: number): void {
    this.#cache.put(key, session, expires);
    // A copy: what lies in a pool would be sent with all its neighbours.
    this.#channel.postMessage({ key, session: new Uint8Array(session), expires });
  }

  get(key: string): Buffer | null {
    return this.#cache.get(key);
  }

  close(): void {
    this.#channel.close();
  }
}

const zones = new Map<string, Zone>();

/** A zone, and how to let go of it. */
export interface ZoneLease {
  readonly keeper: SessionKeeper;
  release(): void;
}

/**
 * A zone of this thread, made where nobody has it yet.
 *
 * @param secret - the ticket secret of the process: two proxies in one process never share a zone
 * @param bytes - the room of the zone; another size is another zone
 */
export function leaseZone(name: string, bytes: number, secret: Buffer): ZoneLease {
  const id = createHash('sha256').update(secret).update(`\0${bytes}\0${name}`).digest('hex');
  const channel = `sallyport sessions ${id}`;
  const zone = zones.get(channel) ?? new Zone(channel, bytes);
  zones.set(channel, zone);
  zone.users += 1;
  let released = false;
  return {
    keeper: zone,
    release() {
      if (released) return;
      released = true;
      zone.users -= 1;
      if (zone.users > 0) return;
      zones.delete(channel);
      zone.close();
    },
  };
}
