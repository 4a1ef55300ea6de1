// Keeps the data path running: starts the workers, replaces those that die, moves all of them to a
// new configuration at once, and ends them. What it does to them it does one thing after the other.

import { SallyportError } from '../base/errors.ts';
import type { ErrorLog } from '../log/error-log.ts';
import type { ListenSetting } from './load.ts';
import { hopLines, listenLines, versionLines, type BannerLine } from './banner.ts';
import type { EngineHost, EngineParts } from './engine-parts.ts';
import { EngineRunner } from './engine-runner.ts';
import { ListenSockets, type BoundAddress } from './listen-sockets.ts';
import { asSallyportError, assertSound, diagnosticLine, settleAll } from './failure.ts';
import type { Loaded } from './load.ts';
import type { RefusedTlsFile, SwappedTlsFile } from './refresh.ts';
import { ProcessOwner } from './process-owner.ts';
import { openSupervisorLog } from './supervisor-log.ts';
import { TlsReload } from './tls-reload.ts';
import type { TlsWatchTimes } from './tls-watch.ts';
import { noteFixedSettings, workerCount, workerCountAfterReload } from './worker-count.ts';
import { WorkerSeats, zoneLines } from './worker-seats.ts';
import { WorkerSlot } from './worker-slot.ts';
import { WorkerThread } from './worker-thread.ts';

/** The seams of a supervisor: production fills them in `proxy.ts`. */
export interface SupervisorParts {
  readonly engine: EngineParts;
  /** The script of a worker thread. */
  readonly workerUrl: URL;
  readonly restartDelay: (deaths: number) => number;
  /** Asked at start; `refuse` says why this environment is unsafe. */
  readonly checkEnvironment: () => {
    readonly refuse: string | null;
    readonly notes: readonly string[];
  };
  /** How soon changes of TLS files are noticed. */
  readonly tlsWatch?: TlsWatchTimes;
}

/** What happens without having been asked for. */
export interface SupervisorEvents {
  /** Something failed that could be survived; it is in the error log already. */
  error(error: SallyportError): void;
  workerDied(workerId: number, cause: SallyportError): void;
  reloaded(): void;
  reloadFailed(error: SallyportError): void;
  tlsReloaded(files: readonly SwappedTlsFile[]): void;
  tlsReloadFailed(files: readonly RefusedTlsFile[]): void;
  ended(): void;
}

/** How a supervisor behaves. */
export interface SupervisorOptions {
  readonly parts: SupervisorParts;
  readonly events: SupervisorEvents;
  /** May it write the pid file, change the user and the working directory? */
  readonly ownsProcess: boolean;
}

type State = 'idle' | 'starting' | 'running' | 'stopping' | 'ended';

/** Sockets in reserve for each address where new ones cannot be bound later. */
const sparesPerWorker = 4;

/** The supervisor of one proxy. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #events: SupervisorEvents;
  readonly #ownsProcess: boolean;
  #state: State = 'idle';
  #current: Loaded | null = null;
  #log: ErrorLog = openSupervisorLog([], process.pid);
  #sockets = new ListenSockets({ reusePort: false });
  #slots: WorkerSlot[] = [];
  #owner: ProcessOwner | null = null;
  /** Workers that drain because there are fewer now. */
  readonly #leaving = new Set<EngineHost>();
  readonly #onLeft: (() => void)[] = [];
  readonly #tlsFiles: TlsReload;
  readonly #seats = new WorkerSeats();
  #queue: Promise<unknown> = Promise.resolve();

  constructor(options: SupervisorOptions) {
    this.#parts = options.parts;
    this.#events = options.events;
    this.#ownsProcess = options.ownsProcess;
    this.#tlsFiles = new TlsReload({
      compile: this.#parts.engine.compile,
      times: this.#parts.tlsWatch ?? {},
      events: this.#events,
      current: () => (this.#state === 'running' ? this.#current : null),
      log: (level, text) => this.#log.log(level, text),
      swap: (refresh) => this.#exclusive(() => refresh((loaded) => this.#swap(loaded))),
    });
  }

  get current(): Loaded | null {
    return this.#current;
  }

  addresses(): readonly BoundAddress[] {
    return this.#sockets.addresses();
  }

  /** Resolves when every worker serves. Where it rejects, nothing is left behind. */
  start(loaded: Loaded): Promise<void> {
    if (this.#state !== 'idle') {
      return Promise.reject(new SallyportError('NOT_RUNNING', 'the proxy was started before'));
    }
    this.#state = 'starting';
    return this.#exclusive(async () => {
      try {
        await this.#start(loaded);
        this.#state = 'running';
        this.#tlsFiles.watch(loaded);
      } catch (error) {
        await this.#undoStart(loaded, error);
        throw error;
      }
    });
  }

  /** Resolves when every worker has swapped. Where it rejects, all goes on as before. */
  reload(loaded: Loaded): Promise<void> {
    return this.#exclusive(async () => {
      try {
        await this.#reload(loaded);
      } catch (error) {
        const failure = asSallyportError(error);
        this.logError(failure);
        this.#events.reloadFailed(failure);
        throw failure;
      }
      this.#events.reloaded();
    });
  }

  /** Ends gracefully; resolves when the last connection is done. */
  async quit(): Promise<void> {
    if (this.#state !== 'running' && this.#state !== 'starting') return;
    await this.#queue;
    if (this.#state !== 'running') return;
    this.#state = 'stopping';
    this.#tlsFiles.close();
    this.#log.log('notice', 'gracefully shutting down');
    const timeoutMs = this.#current?.process.workerShutdownTimeout ?? 0;
    for (const host of this.#emptySlots()) this.#drain(host, timeoutMs);
    while (this.#leaving.size > 0) await new Promise<void>((resolve) => this.#onLeft.push(resolve));
    this.#end();
  }

  /** Ends at once, even during a `quit`. */
  async close(): Promise<void> {
    if (this.#state === 'idle' || this.#state === 'ended') return;
    this.#state = 'stopping';
    this.#tlsFiles.close();
    const hosts = [...this.#emptySlots(), ...this.#leaving];
    await Promise.all(hosts.map((host) => host.close()));
    this.#end();
  }

  /** The part of `close` that needs no further turn of the event loop. */
  leave(): void {
    this.#owner?.leave();
  }

  reopenLogs(): void {
    this.#log.log('notice', 'reopening logs');
    for (const slot of this.#slots) slot.host?.reopenLogs();
    for (const host of this.#leaving) host.reopenLogs();
  }

  /** Writes a line of the command line's own, e.g. about a signal. */
  logNotice(text: string): void {
    this.#log.log('notice', text);
  }

  logError(error: SallyportError): void {
    for (const line of error.message.split('\n')) this.#log.log(error.level, line);
  }

  #exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }

  async #start(loaded: Loaded): Promise<void> {
    assertSound(loaded);
    const notes = this.#checkEnvironment();
    this.#log = openSupervisorLog(loaded.process.errorLog, process.pid);
    this.#write(versionLines());
    for (const note of notes) this.#log.log('warn', note);
    this.#logWarnings(loaded);
    const owner = this.#ownsProcess ? new ProcessOwner(this.#log) : null;
    owner?.check(loaded);
    const count = workerCount(loaded.process, this.#log);
    this.#sockets = new ListenSockets({ reusePort: count > 1 });
    await this.#sockets.probe(loaded.listens);
    this.#current = loaded;
    const slots = this.#newSlots(0, count);
    this.#slots = slots;
    await Promise.all(slots.map((slot) => this.#prepareNew(slot, loaded)));
    this.#assertNotStopped();
    if (owner?.changesUser === true) {
      this.#sockets.reserve(loaded.listens, sparesPerWorker * count);
    }
    this.#owner = owner;
    owner?.settle(loaded);
    await Promise.all(slots.map((slot) => this.#commit(slot)));
    this.#assertNotStopped();
    this.#write(listenLines(this.addresses()));
    this.#write(hopLines(loaded.hops));
  }

  // The caller is told, so stderr is not.
  async #undoStart(loaded: Loaded, error: unknown): Promise<void> {
    const files = loaded.process.errorLog.filter(({ path }) => path !== 'stderr');
    this.#log = openSupervisorLog(files, process.pid);
    this.logError(asSallyportError(error));
    await Promise.all(this.#emptySlots().map((host) => host.close()));
    this.#sockets.close();
    this.#owner?.leave();
    this.#owner = null;
    this.#current = null;
    if (this.#state === 'starting') this.#state = 'idle';
  }

  async #reload(loaded: Loaded): Promise<void> {
    const old = this.#current;
    if (this.#state !== 'running' || old === null) {
      throw new SallyportError('NOT_RUNNING', 'only a running proxy can be reloaded');
    }
    assertSound(loaded);
    this.#log.log('notice', 'reconfiguring');
    const added = this.#sockets.added(loaded.listens);
    await this.#sockets.probe(added);
    const { shareable } = this.#sockets;
    const change = { old: old.process, new: loaded.process, shareable };
    const count = workerCountAfterReload(change, this.#log);
    const fresh = this.#newSlots(this.#slots.length, count);
    const kept = this.#slots.slice(0, count).filter((slot) => slot.host !== null);
    try {
      await settleAll([
        ...kept.map((slot) => this.#prepareKept(slot, loaded, added)),
        ...fresh.map((slot) => this.#prepareNew(slot, loaded)),
      ]);
      this.#assertNotStopped();
    } catch (error) {
      await this.#undoReload(old, kept, fresh);
      throw error;
    }
    await this.#commitReload(loaded, fresh, count);
  }

  // As a reload, but all that changes is what TLS files hold.
  async #swap(loaded: Loaded): Promise<void> {
    const old = this.#current;
    this.#assertNotStopped();
    if (old === null) return;
    const slots = this.#slots.filter((slot) => slot.host !== null);
    try {
      await settleAll(slots.map((slot) => this.#prepareKept(slot, loaded, [])));
      this.#assertNotStopped();
    } catch (error) {
      await this.#undoReload(old, slots, []);
      throw error;
    }
    this.#current = loaded;
    await Promise.all(slots.map((slot) => this.#commitOrReplace(slot)));
  }

  async #undoReload(
    old: Loaded,
    kept: readonly WorkerSlot[],
    fresh: readonly WorkerSlot[],
  ): Promise<void> {
    for (const slot of fresh) await slot.empty()?.close();
    for (const slot of kept) await slot.host?.abandon().catch(() => {});
    this.#sockets.keepOnly(old.listens);
  }

  async #commitReload(loaded: Loaded, fresh: readonly WorkerSlot[], count: number): Promise<void> {
    if (this.#current !== null) {
      noteFixedSettings(this.#current.process, loaded.process, this.#log);
      this.#write(zoneLines(this.#current.recorded.zones, loaded.recorded.zones));
    }
    this.#current = loaded;
    this.#sockets.keepOnly(loaded.listens);
    const surplus = this.#slots.slice(count);
    this.#slots = [...this.#slots.slice(0, count), ...fresh];
    for (const slot of surplus) this.#drain(slot.empty(), loaded.process.workerShutdownTimeout);
    await Promise.all(this.#slots.map((slot) => this.#commitOrReplace(slot)));
    this.#log = openSupervisorLog(loaded.process.errorLog, process.pid);
    this.#owner?.follow(loaded);
    this.#tlsFiles.watch(loaded);
    this.#logWarnings(loaded);
    this.#write(listenLines(this.addresses()));
    this.#write(hopLines(loaded.hops));
  }

  // A worker that cannot swap must not go on with the old configuration while others have the new.
  async #commitOrReplace(slot: WorkerSlot): Promise<void> {
    if (slot.host === null) return;
    try {
      await this.#commit(slot);
    } catch (error) {
      const failure = asSallyportError(error);
      const host = slot.empty();
      await host?.close();
      if (this.#state === 'running' && host !== null) slot.retryLater(failure);
    }
  }

  async #restart(slot: WorkerSlot): Promise<void> {
    const current = this.#current;
    if (this.#state !== 'running' || current === null || !this.#slots.includes(slot)) return;
    try {
      await this.#prepareNew(slot, current);
      await this.#commit(slot);
      this.#log.log('notice', `worker ${slot.id} restarted`);
    } catch (error) {
      await slot.empty()?.close();
      if (this.#state === 'running') slot.retryLater(asSallyportError(error));
    }
  }

  async #prepareNew(slot: WorkerSlot, loaded: Loaded): Promise<void> {
    const listeners = this.#sockets.bind(slot.id, loaded.listens);
    await slot.fill().prepare({ recorded: loaded.recorded, listeners });
  }

  async #prepareKept(
    slot: WorkerSlot,
    loaded: Loaded,
    added: readonly ListenSetting[],
  ): Promise<void> {
    const listeners = this.#sockets.bind(slot.id, added);
    await slot.host?.prepare({ recorded: loaded.recorded, listeners });
  }

  async #commit(slot: WorkerSlot): Promise<void> {
    await slot.host?.commit();
    slot.markServing();
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
      restartDelay: this.#parts.restartDelay,
      died: (slot: WorkerSlot, cause: SallyportError, delayMs: number) =>
        this.#workerDied(slot, cause, delayMs),
      restart: (slot: WorkerSlot) => void this.#exclusive(() => this.#restart(slot)),
    };
    const slots: WorkerSlot[] = [];
    for (let id = from; id < to; id += 1) slots.push(new WorkerSlot(id, hooks));
    return slots;
  }

  #createHost(workerId: number, onDeath: (cause: SallyportError) => void): EngineHost {
    const onError = (error: Error): void => {
      const failure = asSallyportError(error);
      this.logError(failure);
      this.#events.error(failure);
    };
    const seat = this.#seats.take();
    if (this.#current?.process.masterProcess === false) {
      return new EngineRunner(this.#parts.engine, { workerId, seat, onError });
    }
    const onExit = (): void => {
      const zones = this.#current?.recorded.zones;
      if (zones !== undefined) this.#seats.free(seat, zones);
    };
    return new WorkerThread({
      url: this.#parts.workerUrl,
      workerId,
      seat,
      onError,
      onDeath,
      onExit,
    });
  }

  #workerDied(slot: WorkerSlot, cause: SallyportError, delayMs: number): void {
    this.logError(cause);
    const when = delayMs === 0 ? 'now' : `in ${delayMs / 1000} s`;
    this.#log.log('notice', `worker ${slot.id} is restarted ${when}`);
    this.#events.workerDied(slot.id, cause);
    this.#events.error(cause);
  }

  #checkEnvironment(): readonly string[] {
    const { refuse, notes } = this.#parts.checkEnvironment();
    if (refuse !== null) throw new SallyportError('ENVIRONMENT_UNSAFE', refuse);
    return notes;
  }

  #assertNotStopped(): void {
    if (this.#state === 'stopping' || this.#state === 'ended') {
      throw new SallyportError('NOT_RUNNING', 'the proxy was stopped meanwhile');
    }
  }

  #emptySlots(): readonly EngineHost[] {
    const hosts = this.#slots.map((slot) => slot.empty());
    this.#slots = [];
    return hosts.filter((host) => host !== null);
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#sockets.close();
    this.#owner?.leave();
    this.#log.log('notice', 'exit');
    this.#log.flush();
    this.#events.ended();
  }

  #logWarnings(loaded: Loaded): void {
    for (const diagnostic of loaded.diagnostics) {
      this.#log.log('warn', diagnosticLine(diagnostic));
    }
  }

  #write(lines: readonly BannerLine[]): void {
    for (const { level, text } of lines) this.#log.log(level, text);
  }
}
