// The workers of one proxy and the sockets that they share: starts them, replaces those that die,
// moves them to a new configuration and lets them go. The supervisor decides when; one thing after
// the other.

import type { SallyportError } from '../base/errors.ts';
import type { EngineHost, JobListener } from './engine-parts.ts';
import { EngineRunner } from './engine-runner.ts';
import { asSallyportError, settleAll } from './failure.ts';
import type { ListenSockets } from './listen-sockets.ts';
import type { Loaded, ListenSetting } from './load.ts';
import type { SupervisorParts } from './supervisor-parts.ts';
import { watchdogTimes } from './watchdog.ts';
import { WorkerSeats } from './worker-seats.ts';
import { WorkerSlot } from './worker-slot.ts';
import { WorkerThread } from './worker-thread.ts';

/** What a crew needs of its supervisor. */
export interface CrewHooks {
  readonly parts: SupervisorParts;
  /** The configuration in force; null where none is. */
  current(): Loaded | null;
  running(): boolean;
  sockets(): ListenSockets;
  /** Does something when nothing else changes the workers. */
  exclusive(work: () => Promise<void>): void;
  /** A worker survived something. */
  failed(error: SallyportError): void;
  died(workerId: number, cause: SallyportError): void;
  notice(text: string): void;
}

/** All workers of one proxy. */
export class Crew {
  readonly #hooks: CrewHooks;
  readonly #seats = new WorkerSeats();
  #slots: WorkerSlot[] = [];
  /** Threads that hang in a call of the system. */
  #stuck = 0;
  /** Workers that drain. */
  readonly #leaving = new Set<EngineHost>();
  readonly #onLeft: (() => void)[] = [];

  constructor(hooks: CrewHooks) {
    this.#hooks = hooks;
  }

  /** How many threads nothing can end. The process cannot exit as long as there are any. */
  get stuck(): number {
    return this.#stuck;
  }

  /** How many there are to be. */
  get size(): number {
    return this.#slots.length;
  }

  /** Starts workers that serve nothing yet. Rejects when all have settled. */
  async start(loaded: Loaded, count: number): Promise<void> {
    this.#slots = this.#newSlots(0, count);
    await settleAll(this.#slots.map((slot) => this.#prepareNew(slot, loaded)));
  }

  /** All that were started serve. */
  async serve(): Promise<void> {
    await Promise.all(this.#slots.map((slot) => this.#commit(slot)));
  }

  /**
   * Gets ready for another configuration, with more workers where `count` says so. Where that fails,
   * all is as before.
   *
   * @returns what puts it in force; workers that are too many drain then
   */
  async prepare(change: CrewChange): Promise<() => Promise<void>> {
    const { loaded, added, count } = change;
    const fresh = this.#newSlots(this.#slots.length, count);
    const kept = this.#slots.slice(0, count).filter((slot) => slot.host !== null);
    try {
      await settleAll([
        ...kept.map((slot) => this.#prepareKept(slot, loaded, added)),
        ...fresh.map((slot) => this.#prepareNew(slot, loaded)),
      ]);
      change.assertWanted();
    } catch (error) {
      for (const slot of fresh) await slot.empty()?.close();
      for (const slot of kept) await slot.host?.abandon().catch(() => {});
      throw error;
    }
    return async () => {
      const surplus = this.#slots.slice(count);
      this.#slots = [...this.#slots.slice(0, count), ...fresh];
      await Promise.all(this.#slots.map((slot) => this.#commitOrReplace(slot)));
      for (const slot of surplus) this.#gone(slot, { down: false });
      await this.#share();
      // Their sockets must be free when the reload is over: the next one may want the addresses.
      for (const { host } of surplus) await host?.listen([], 'all').catch(() => {});
      for (const slot of surplus) this.#drain(slot.empty(), loaded.process.workerShutdownTimeout);
    };
  }

  /** Lets all of them finish what they have begun, and does not wait; the sockets stay bound. */
  dismiss(timeoutMs: number): void {
    for (const slot of this.#slots) this.#gone(slot, { down: false });
    for (const host of this.#emptySlots()) this.#drain(host, timeoutMs);
  }

  /** Starts workers anew after `dismiss`. Where that fails, there are none, as before. */
  async recall(loaded: Loaded, count: number): Promise<void> {
    try {
      await this.start(loaded, count);
      await this.serve();
    } catch (error) {
      for (const host of this.#emptySlots()) await host.close();
      throw error;
    }
  }

  /** Lets all of them finish what they have begun. Resolves when the last has ended. */
  async drain(timeoutMs: number): Promise<void> {
    for (const host of this.#emptySlots()) this.#drain(host, timeoutMs);
    while (this.#leaving.size > 0) await new Promise<void>((resolve) => this.#onLeft.push(resolve));
  }

  /** Ends all of them at once, also those that drain. */
  async close(): Promise<void> {
    const hosts = [...this.#emptySlots(), ...this.#leaving];
    await Promise.all(hosts.map((host) => host.close()));
  }

  reopenLogs(): void {
    for (const slot of this.#slots) slot.host?.reopenLogs();
    for (const host of this.#leaving) host.reopenLogs();
  }

  #emptySlots(): readonly EngineHost[] {
    const hosts = this.#slots.map((slot) => slot.empty());
    this.#slots = [];
    return hosts.filter((host) => host !== null);
  }

  // A worker that cannot swap must not go on with the old configuration while others have the new.
  async #commitOrReplace(slot: WorkerSlot): Promise<void> {
    const { host } = slot;
    if (host === null) return;
    try {
      await this.#commit(slot);
    } catch (error) {
      // It died meanwhile, which has its restart already.
      if (slot.host !== host) return;
      slot.empty();
      await host.close();
      if (this.#hooks.running()) slot.retryLater(asSallyportError(error));
    }
  }

  async #restart(slot: WorkerSlot): Promise<void> {
    const current = this.#hooks.current();
    if (!this.#hooks.running() || current === null || !this.#slots.includes(slot)) return;
    try {
      await this.#prepareNew(slot, current);
      await this.#commit(slot);
      await this.#share();
      this.#hooks.notice(`worker ${slot.id} restarted`);
    } catch (error) {
      await slot.empty()?.close();
      if (this.#hooks.running()) slot.retryLater(asSallyportError(error));
    }
  }

  // After a change of who is there: the sockets of nobody are everybody's.
  async #share(): Promise<void> {
    const sockets = this.#hooks.sockets();
    for (const { id, host } of this.#slots) {
      const change = host === null ? null : sockets.change(id);
      if (host === null || change === null) continue;
      try {
        await host.listen(change.open, change.close);
        sockets.served(id, change.open);
      } catch (error) {
        this.#hooks.failed(asSallyportError(error));
      }
    }
  }

  async #prepareNew(slot: WorkerSlot, loaded: Loaded): Promise<void> {
    const listeners = this.#hooks.sockets().forWorker(slot.id, loaded.listens);
    await slot.fill(listeners).prepare({ recorded: loaded.recorded, listeners });
  }

  async #prepareKept(
    slot: WorkerSlot,
    loaded: Loaded,
    added: readonly ListenSetting[],
  ): Promise<void> {
    const { host } = slot;
    const listeners = this.#hooks.sockets().forWorker(slot.id, added);
    slot.prepared = listeners;
    try {
      await host?.prepare({ recorded: loaded.recorded, listeners });
    } catch (error) {
      // One that died meanwhile is no objection to a configuration: its successor comes after this.
      if (slot.host === host) throw error;
    }
  }

  async #commit(slot: WorkerSlot): Promise<void> {
    const { host } = slot;
    if (host === null) return;
    const listeners: readonly JobListener[] = slot.prepared;
    slot.prepared = [];
    await host.commit();
    if (slot.host !== host) return;
    this.#hooks.sockets().served(slot.id, listeners);
    slot.markServing();
  }

  #gone(slot: WorkerSlot, options: { readonly down: boolean }): void {
    this.#hooks.sockets().gone(slot.id, options);
  }

  #drain(host: EngineHost | null, timeoutMs: number): void {
    if (host === null) return;
    this.#leaving.add(host);
    const left = (): void => {
      this.#leaving.delete(host);
      for (const resolve of this.#onLeft.splice(0)) resolve();
    };
    host.drain(timeoutMs).then(left, left);
  }

  #newSlots(from: number, to: number): WorkerSlot[] {
    const hooks = {
      createHost: (workerId: number, onDeath: (cause: SallyportError) => void) =>
        this.#createHost(workerId, onDeath),
      restartDelay: this.#hooks.parts.restartDelay,
      died: (slot: WorkerSlot, cause: SallyportError, delayMs: number) =>
        this.#died(slot, cause, delayMs),
      restart: (slot: WorkerSlot) => this.#hooks.exclusive(() => this.#restart(slot)),
    };
    const slots: WorkerSlot[] = [];
    for (let id = from; id < to; id += 1) slots.push(new WorkerSlot(id, hooks));
    return slots;
  }

  #createHost(workerId: number, onDeath: (cause: SallyportError) => void): EngineHost {
    const { parts } = this.#hooks;
    const onError = (error: Error): void => this.#hooks.failed(asSallyportError(error));
    const seat = this.#seats.take();
    if (this.#hooks.current()?.process.masterProcess === false) {
      return new EngineRunner(parts.engine, { workerId, seat, onError });
    }
    let stuck = false;
    const onStuck = (): void => {
      stuck = true;
      this.#stuck += 1;
    };
    const onExit = (): void => {
      if (stuck) this.#stuck -= 1;
      const zones = this.#hooks.current()?.recorded.zones;
      if (zones !== undefined) this.#seats.free(seat, zones);
    };
    return new WorkerThread({
      url: parts.workerUrl,
      workerId,
      seat,
      onError,
      onDeath,
      onExit,
      onStuck,
      watchdog: parts.watchdog ?? watchdogTimes,
    });
  }

  // One that comes back at once finds the connections that wait for it. For one that does not, the
  // others accept.
  #died(slot: WorkerSlot, cause: SallyportError, delayMs: number): void {
    this.#gone(slot, { down: delayMs > 0 });
    this.#hooks.died(slot.id, cause);
    const when = delayMs === 0 ? 'now' : `in ${delayMs / 1000} s`;
    this.#hooks.notice(`worker ${slot.id} is restarted ${when}`);
    if (delayMs > 0) this.#hooks.exclusive(() => this.#share());
  }
}

/** What workers are to become. */
export interface CrewChange {
  readonly loaded: Loaded;
  /** Addresses that are new. */
  readonly added: readonly ListenSetting[];
  readonly count: number;
  /** Throws where the change is not wanted any more. */
  assertWanted(): void;
}
