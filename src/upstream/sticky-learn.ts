// `sticky learn`: servers open sessions, and what they call them shows in their responses. Which
// server a session is at is kept in memory that all workers share, until the session has not been
// used for a while; when the memory is full, the session unused for the longest time goes.

import { createHash } from 'node:crypto';
import type { SharedTable } from '../base/shared-table.ts';
import { steadyNow } from '../base/steady-clock.ts';
import { mostWorkers } from '../base/worker-counters.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Getter } from '../exchange/variable.ts';
import type { Binding } from './sticky.ts';
import { firstValue } from './sticky-route.ts';

export interface StickyLearnSettings {
  /** Of a response: names a session that is new. */
  readonly create: readonly Getter[];
  /** Of a request: names a session that may be known. */
  readonly lookup: readonly Getter[];
  readonly sessions: SharedTable;
  readonly timeoutMs: number;
  /** Learn once the head is there; else when the response has ended. */
  readonly header: boolean;
}

/** Sessions belong to no worker. */
const nobody = mostWorkers;
/** Numbers of a session: its server, and when it was last used. */
const Field = { server: 0, usedAt: 1 } as const;

/** A server as a number: 48 bits of a hash of its id. */
function numberOf(sid: string): number {
  return createHash('sha256').update(sid).digest().readUIntBE(0, 6);
}

export class StickyLearn implements Binding {
  readonly #settings: StickyLearnSettings;
  readonly #sids = new Map<number, string>();
  readonly #numbers = new Map<string, number>();

  /** @param sids - of all servers of the group */
  constructor(settings: StickyLearnSettings, sids: readonly string[]) {
    this.#settings = settings;
    for (const sid of sids) {
      const number = numberOf(sid);
      this.#sids.set(number, sid);
      this.#numbers.set(sid, number);
    }
  }

  lookup(x: Exchange): string | null {
    const id = firstValue(x, this.#settings.lookup);
    if (id === null) return null;
    const { sessions } = this.#settings;
    sessions.select(id);
    sessions.lock();
    try {
      const record = sessions.find(nobody);
      if (!this.#isLive(record)) return null;
      return this.#sids.get(sessions.number(record, Field.server)) ?? null;
    } finally {
      sessions.unlock();
    }
  }

  onHead(x: Exchange, sid: string): void {
    if (this.#settings.header) this.#learn(x, sid);
  }

  onEnd(x: Exchange, sid: string): void {
    if (!this.#settings.header) this.#learn(x, sid);
  }

  #learn(x: Exchange, sid: string): void {
    const { create, lookup } = this.#settings;
    const created = firstValue(x, create);
    const id = created ?? firstValue(x, lookup);
    if (id === null) return;
    const { sessions } = this.#settings;
    sessions.select(id);
    sessions.lock();
    try {
      const known = sessions.find(nobody);
      if (created === null && !this.#isLive(known)) return;
      const record = known < 0 ? this.#add() : known;
      if (record < 0) return;
      sessions.setNumber(record, Field.server, this.#numbers.get(sid) ?? 0);
      sessions.setNumber(record, Field.usedAt, steadyNow());
      sessions.touch(record);
    } finally {
      sessions.unlock();
    }
  }

  #isLive(record: number): boolean {
    const { sessions, timeoutMs } = this.#settings;
    return record >= 0 && steadyNow() - sessions.number(record, Field.usedAt) < timeoutMs;
  }

  // Up to two that have run out go with each that comes, so that the table is never much too full.
  #add(): number {
    const { sessions } = this.#settings;
    for (let i = 0; i < 2; i += 1) {
      const oldest = sessions.oldest();
      if (oldest < 0 || this.#isLive(oldest)) break;
      sessions.remove(oldest);
    }
    const added = sessions.add(nobody);
    if (added >= 0) return added;
    const oldest = sessions.oldest();
    if (oldest >= 0) sessions.remove(oldest);
    return sessions.add(nobody);
  }
}
