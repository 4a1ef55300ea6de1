// The data path of one worker thread: its listeners, its connections and the snapshot in force.

import type net from 'node:net';
import type { WorkerCounters } from '../base/worker-counters.ts';
import type { ClientConnection } from './client-connection.ts';
import { Listener, type WorkerState } from './listener.ts';
import type { ListenAddress, Snapshot } from './virtual-server.ts';

/** A socket bound for this worker; null where another worker serves the address. */
export interface EngineListener {
  readonly key: string;
  readonly handle: net.BoundSocket | null;
}

export interface EngineOptions {
  readonly workerId: number;
  /** Of this worker. */
  readonly counters: WorkerCounters;
  /** Unexpected, survivable errors. */
  onError(error: Error): void;
}

/** How often a draining worker looks whether all is done, besides being told. */
const drainPollMs = 50;
/** Old snapshots keep their pools until their last request has surely ended. */
const disposeAfterMs = 60_000;

export class Engine {
  readonly #options: EngineOptions;
  readonly #listeners = new Map<string, Listener>();
  #state: WorkerState | null = null;
  #drained: (() => void) | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  /** Starts to serve. Rejects where a socket can't be listened on; nothing is open then. */
  async start(snapshot: Snapshot, listeners: readonly EngineListener[]): Promise<void> {
    this.#state = {
      connections: new Set<ClientConnection>(),
      handshakes: new Set<net.Socket>(),
      snapshot,
      counters: this.#options.counters,
      draining: false,
      lastConnectionId: 0,
      onIdle: () => this.#checkDrained(),
    };
    try {
      await this.#open(snapshot, listeners, this.#state);
      snapshot.begin();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  async #open(
    snapshot: Snapshot,
    listeners: readonly EngineListener[],
    state: WorkerState,
  ): Promise<void> {
    for (const { key, handle } of listeners) {
      const listen = snapshot.listens.find((one) => one.key === key);
      if (listen === undefined || handle === null) continue;
      const listener = new Listener(listen, state);
      await listener.start(handle);
      this.#listeners.set(key, listener);
    }
  }

  /**
   * Puts another snapshot in force: listeners that stay are kept, new ones opened, others closed.
   * Requests under way end with the old one.
   */
  async swap(snapshot: Snapshot, listeners: readonly EngineListener[]): Promise<void> {
    const state = this.#state;
    if (state === null) throw new Error('the engine has not been started');
    await this.#open(snapshot, listeners, state);
    const old = state.snapshot;
    state.snapshot = snapshot;
    old.retire();
    snapshot.begin();
    for (const [key, listener] of this.#listeners) {
      const listen: ListenAddress | undefined = snapshot.listens.find((one) => one.key === key);
      if (listen === undefined) {
        listener.close();
        this.#listeners.delete(key);
      } else {
        listener.update(listen);
      }
    }
    for (const connection of state.connections) connection.reconsider();
    this.#disposeLater(old, state);
  }

  #disposeLater(old: Snapshot, state: WorkerState): void {
    const unfinished = [...state.connections].filter((one) => one.busy);
    if (unfinished.length === 0) {
      old.dispose();
      return;
    }
    const started = Date.now();
    const timer = setInterval(() => {
      const over = unfinished.every((one) => !one.busy || !state.connections.has(one));
      if (!over && Date.now() - started < disposeAfterMs) return;
      clearInterval(timer);
      old.dispose();
    }, drainPollMs);
    timer.unref();
  }

  /**
   * Stops accepting, closes idle connections, lets requests finish.
   * @param timeoutMs - after this long what is left is cut; 0 waits without end
   */
  async drain(timeoutMs: number): Promise<void> {
    const state = this.#state;
    if (state === null) return;
    state.draining = true;
    for (const listener of this.#listeners.values()) listener.close();
    for (const connection of state.connections) connection.closeIdle();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#drained = resolve;
    const timer = timeoutMs > 0 ? setTimeout(() => this.#cut(), timeoutMs) : null;
    this.#checkDrained();
    await promise;
    if (timer !== null) clearTimeout(timer);
    this.close();
  }

  #checkDrained(): void {
    const state = this.#state;
    if (state === null || (state.connections.size === 0 && state.handshakes.size === 0)) {
      this.#drained?.();
    }
  }

  #cut(): void {
    const state = this.#state;
    if (state === null) return;
    for (const connection of state.connections) connection.destroy();
    for (const socket of state.handshakes) socket.destroy();
    this.#drained?.();
  }

  /** Closes everything at once and writes the logs out. */
  close(): void {
    const state = this.#state;
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
    if (state === null) return;
    this.#state = null;
    state.draining = true;
    for (const connection of state.connections) connection.destroy();
    const handshakes = [...state.handshakes];
    state.handshakes.clear();
    for (const socket of handshakes) {
      socket.destroy();
      state.counters.closed();
    }
    state.snapshot.dispose();
    this.#drained?.();
  }

  /** Opens the log files anew, after they were renamed (USR1). */
  reopenLogs(): void {
    this.#state?.snapshot.logFiles.reopenAll();
  }

  /** For defects that reach nobody else. */
  report(error: Error): void {
    this.#options.onError(error);
  }
}
