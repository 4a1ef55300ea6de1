// The data path of one worker thread: its listeners, its connections and the snapshot in force.

import type net from 'node:net';
import type { ClientConnections } from '../base/connection-budget.ts';
import { openFileLimit } from '../base/open-file-limit.ts';
import type { WorkerCounters } from '../base/worker-counters.ts';
import type { ClientConnection } from './client-connection.ts';
import { Listener, type ListenHandle, type WorkerState } from './listener.ts';
import { RetiredSnapshots, type Unfinished } from './retired-snapshots.ts';
import type { ListenAddress, Snapshot } from './virtual-server.ts';

/** A socket bound for this worker; null where another worker serves the address. */
export interface EngineListener {
  /** Of the address. */
  readonly key: string;
  /** Of the socket: a worker may listen on several of one address. */
  readonly id: string;
  readonly handle: ListenHandle | null;
}

/** Ids of sockets to listen on no more. */
export type ClosedSockets = readonly string[] | 'all';

export interface EngineOptions {
  readonly workerId: number;
  /** Of this worker. */
  readonly counters: WorkerCounters;
}

export class Engine {
  readonly #options: EngineOptions;
  readonly #listeners = new Map<string, Listener>();
  /** Those that accept no more, while there are connections that they have accepted. */
  #former: Listener[] = [];
  readonly #retired = new RetiredSnapshots();
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
    const { budget } = snapshot;
    budget.clients = new WorkerClients(this.#state);
    const openFiles = openFileLimit();
    budget.limitDescriptors(openFiles);
    this.#bound(snapshot);
    if (openFiles < budget.limit) {
      const exceeds = `worker_connections exceed open file resource limit: ${openFiles}`;
      snapshot.errorLog.log('warn', `${budget.limit} ${exceeds} (worker_rlimit_nofile)`);
    }
    try {
      await this.#open(snapshot, listeners, this.#state);
      snapshot.begin();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #bound({ budget, workerConnections, errorLog, unattended }: Snapshot): void {
    unattended.onEmpty = () => this.#checkDrained();
    budget.limit = workerConnections;
    budget.log = (level, message) => errorLog.log(level, message);
  }

  async #open(
    snapshot: Snapshot,
    listeners: readonly EngineListener[],
    state: WorkerState,
  ): Promise<void> {
    for (const { key, id, handle } of listeners) {
      const listen = snapshot.listens.find((one) => one.key === key);
      if (listen === undefined || handle === null || this.#listeners.has(id)) {
        handle?.[Symbol.dispose]();
        continue;
      }
      const listener = new Listener(listen, state);
      await listener.start(handle);
      this.#listeners.set(id, listener);
    }
  }

  /**
   * Listens on further sockets of addresses of the snapshot in force, and on others no more: those
   * of a worker that died, until it is back.
   *
   * @param closed - ids of sockets
   */
  async listen(listeners: readonly EngineListener[], closed: ClosedSockets): Promise<void> {
    const state = this.#state;
    if (state === null || state.draining) {
      for (const { handle } of listeners) handle?.[Symbol.dispose]();
      return;
    }
    await this.#open(state.snapshot, listeners, state);
    await this.#finish((id) => closed === 'all' || closed.includes(id));
  }

  async #finish(isOver: (id: string, key: string) => boolean): Promise<void> {
    const over = [...this.#listeners].filter(([id, { key }]) => isOver(id, key));
    await Promise.all(over.map(([, listener]) => listener.finish()));
    for (const [id, listener] of over) {
      this.#listeners.delete(id);
      if (!listener.finished) this.#former.push(listener);
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
    this.#bound(snapshot);
    old.retire();
    snapshot.begin();
    const gone = new Set<string>();
    const retired: Listener[] = [];
    this.#former = this.#former.filter(({ finished }) => !finished);
    for (const listener of [...this.#listeners.values(), ...this.#former]) {
      const { key } = listener;
      const listen: ListenAddress | undefined = snapshot.listens.find((one) => one.key === key);
      if (listen !== undefined) {
        listener.update(listen);
        continue;
      }
      gone.add(key);
      listener.retire();
      retired.push(listener);
    }
    const busy = [
      ...[...state.connections].flatMap(({ underWay }) => underWay ?? []),
      ...[...state.handshakes].map((raw) => new HandshakeUnderWay(raw, state)),
    ];
    const finished = this.#finish((_id, key) => gone.has(key));
    for (const connection of state.connections) {
      connection.reconsider();
      if (connection.host.draining) connection.closeIdle();
    }
    // On what is listened on no more a request may still begin, with the old snapshot.
    this.#retired.add(old, [...busy, ...retired]);
    await finished;
  }

  /**
   * Stops accepting, closes idle connections, lets requests finish.
   * @param timeoutMs - after this long what is left is cut; 0 waits without end
   */
  async drain(timeoutMs: number): Promise<void> {
    const state = this.#state;
    if (state === null) return;
    state.draining = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const connection of state.connections) connection.closeIdle();
    await this.#finish(() => true);
    this.#drained = resolve;
    const timer = timeoutMs > 0 ? setTimeout(() => this.#cut(), timeoutMs) : null;
    this.#checkDrained();
    await promise;
    if (timer !== null) clearTimeout(timer);
    this.close();
  }

  #checkDrained(): void {
    const state = this.#state;
    if (state === null || !this.#isBusy(state)) this.#drained?.();
  }

  #isBusy({ connections, handshakes, snapshot }: WorkerState): boolean {
    if (connections.size > 0 || handshakes.size > 0) return true;
    return snapshot.unattended.size > 0 || this.#retired.unattended;
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
    this.#retired.disposeAll();
    state.snapshot.unattended.dropAll();
    state.snapshot.dispose();
    this.#drained?.();
  }

  /** Opens the log files anew, after they were renamed (USR1). */
  reopenLogs(): void {
    this.#state?.snapshot.logFiles.reopenAll();
    this.#retired.reopenLogs();
  }
}

/** A handshake goes on by the rules that it began with, and their logs. */
class HandshakeUnderWay implements Unfinished {
  readonly #raw: net.Socket;
  readonly #state: WorkerState;

  constructor(raw: net.Socket, state: WorkerState) {
    this.#raw = raw;
    this.#state = state;
  }

  get finished(): boolean {
    return !this.#state.handshakes.has(this.#raw);
  }
}

/** The clients of a worker as its budget sees them. */
class WorkerClients implements ClientConnections {
  readonly #state: WorkerState;

  constructor(state: WorkerState) {
    this.#state = state;
  }

  get count(): number {
    return this.#state.connections.size + this.#state.handshakes.size;
  }

  get idle(): number {
    return this.#quiet().length;
  }

  closeIdle(count: number): number {
    const quiet = this.#quiet().sort((one, other) => one.quietSince - other.quietSince);
    let closed = 0;
    for (const connection of quiet) {
      if (closed < count && connection.closeIdle()) closed += 1;
    }
    return closed;
  }

  // Between two requests, or before the first.
  #quiet(): ClientConnection[] {
    return [...this.#state.connections].filter((one) => one.idle);
  }
}
