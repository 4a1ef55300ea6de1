// Keeps the data path running: starts the workers, replaces those that die, moves all of them to a
// new configuration at once, and ends them. What it does to them it does one thing after the other.

import { SallyportError } from '../base/errors.ts';
import type { ErrorLog } from '../log/error-log.ts';
import { Absence } from './absence.ts';
import { hopLines, listenLines, versionLines, type BannerLine } from './banner.ts';
import { Crew } from './crew.ts';
import { asSallyportError, assertSound, diagnosticLine } from './failure.ts';
import { freeMemorySoon } from './free-memory.ts';
import { nothingInherited } from './inherited-sockets.ts';
import { supportsReusePort, type BoundAddress, type ListenSockets } from './listen-sockets.ts';
import type { Loaded } from './load.ts';
import { OwnSockets } from './own-sockets.ts';
import { ProcessOwner } from './process-owner.ts';
import { SharedSockets } from './shared-sockets.ts';
import { systemSocketCalls } from './socket-calls.ts';
import { Successor, type ProgramCommand } from './successor.ts';
import { openSupervisorLog } from './supervisor-log.ts';
import type { SupervisorEvents, SupervisorOptions, SupervisorParts } from './supervisor-parts.ts';
import { TlsReload } from './tls-reload.ts';
import { noteFixedSettings, workerCount, workerCountAfterReload } from './worker-count.ts';
import { zoneLines } from './worker-seats.ts';

type State = 'idle' | 'starting' | 'running' | 'stopping' | 'ended';

/** The supervisor of one proxy. */
export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #events: SupervisorEvents;
  readonly #ownsProcess: boolean;
  #state: State = 'idle';
  #current: Loaded | null = null;
  #log: ErrorLog = openSupervisorLog([], process.pid);
  #sockets: ListenSockets = new OwnSockets({ reusePort: false });
  #owner: ProcessOwner | null = null;
  readonly #crew: Crew;
  readonly #tlsFiles: TlsReload;
  readonly #successor: Successor;
  /** Null: the workers are there. */
  #absence: Absence | null = null;
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
    this.#crew = this.#newCrew();
    this.#successor = new Successor({
      log: (level, text) => this.#log.log(level, text),
      owner: () => this.#owner,
      sockets: () => this.#sockets,
      lost: () => void this.#exclusive(() => this.#recall()),
    });
  }

  #newCrew(): Crew {
    return new Crew({
      parts: this.#parts,
      current: () => this.#current,
      running: () => this.#state === 'running',
      sockets: () => this.#sockets,
      exclusive: (work) => void this.#exclusive(work),
      failed: (error) => {
        this.logError(error);
        this.#events.error(error);
      },
      died: (workerId, cause) => {
        this.logError(cause);
        this.#events.workerDied(workerId, cause);
        this.#events.error(cause);
      },
      notice: (text) => this.#log.log('notice', text),
    });
  }

  get current(): Loaded | null {
    return this.#current;
  }

  get stuckWorkers(): number {
    return this.#crew.stuck;
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
        if (this.#state === 'running') {
          this.#log.log('notice', 'the configuration before stays in force');
        }
        this.#events.reloadFailed(failure);
        throw failure;
      }
      this.#events.reloaded();
      freeMemorySoon();
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
    // From now on nothing is added to what the workers have still to accept.
    this.#sockets.close();
    await this.#crew.drain(this.#current?.process.workerShutdownTimeout ?? 0);
    this.#end();
  }

  /** Ends at once, even during a `quit`. */
  async close(): Promise<void> {
    if (this.#state === 'idle' || this.#state === 'ended') return;
    this.#state = 'stopping';
    this.#tlsFiles.close();
    await this.#crew.close();
    this.#end();
  }

  /** The part of `close` that needs no further turn of the event loop. */
  leave(): void {
    this.#owner?.leave();
  }

  reopenLogs(): void {
    this.#log.log('notice', 'reopening logs');
    this.#crew.reopenLogs();
  }

  /**
   * Starts another program with the listening sockets, beside which this one goes on.
   *
   * @returns its process id, once it serves
   * @throws SallyportError UPGRADE_FAILED; NOT_RUNNING
   */
  upgrade(command: ProgramCommand): Promise<number> {
    return this.#exclusive(async () => {
      this.#assertRunning('only a running proxy can be replaced');
      try {
        return await this.#successor.start(command);
      } catch (error) {
        const failure = asSallyportError(error);
        this.logError(failure);
        this.#events.error(failure);
        throw failure;
      }
    });
  }

  /**
   * Lets the workers go, gracefully, and stays with the listening sockets, in which connections
   * wait from then on. Does nothing with `master_process off`, where no worker could be missing.
   */
  dismissWorkers(): Promise<void> {
    return this.#exclusive(() => {
      const { process: settings } = this.#assertRunning('only a running proxy has workers');
      if (!settings.masterProcess || this.#absence !== null) return Promise.resolve();
      this.#absence = new Absence(this.#crew.size);
      this.#log.log('notice', 'the workers are let go, the listening sockets stay');
      this.#sockets.yieldToGiver();
      this.#crew.dismiss(settings.workerShutdownTimeout);
      return Promise.resolve();
    });
  }

  /**
   * The way back from `upgrade`: while the other program is there, the workers that were let go
   * come back with the configuration that they had.
   *
   * @returns false where there is no other program, and nothing was done
   */
  rollBack(): Promise<boolean> {
    return this.#exclusive(async () => {
      if (!this.#successor.present) return false;
      await this.#recall();
      return true;
    });
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
    this.#sockets = this.#newSockets();
    this.#sockets.probe(loaded.listens);
    await this.#sockets.bind(loaded.listens, count);
    this.#current = loaded;
    await this.#crew.start(loaded, count);
    this.#assertNotStopped();
    if (owner?.changesUser === true) this.#sockets.reserve(loaded.listens, count);
    this.#owner = owner;
    owner?.settle(loaded);
    await this.#crew.serve();
    this.#assertNotStopped();
    for (const line of this.#sockets.unused()) this.#log.log('warn', line);
    this.#write(listenLines(this.addresses()));
    this.#write(hopLines(loaded.hops));
  }

  // The caller is told, so stderr is not.
  async #undoStart(loaded: Loaded, error: unknown): Promise<void> {
    const files = loaded.process.errorLog.filter(({ path }) => path !== 'stderr');
    this.#log = openSupervisorLog(files, process.pid);
    this.logError(asSallyportError(error));
    await this.#crew.close();
    this.#sockets.close();
    this.#owner?.leave();
    this.#owner = null;
    this.#current = null;
    if (this.#state === 'starting') this.#state = 'idle';
  }

  #newSockets(): ListenSockets {
    const { socketCalls = systemSocketCalls(), inherited } = this.#parts;
    const found = inherited?.(socketCalls) ?? nothingInherited();
    const reusePort = supportsReusePort();
    if (socketCalls === null) return new OwnSockets({ reusePort });
    return new SharedSockets({ calls: socketCalls, reusePort, inherited: found });
  }

  async #reload(loaded: Loaded): Promise<void> {
    const old = this.#assertRunning('only a running proxy can be reloaded');
    assertSound(loaded);
    this.#log.log('notice', 'reconfiguring');
    const added = this.#sockets.added(loaded.listens);
    const count = workerCountAfterReload(old.process, loaded.process, this.#log);
    const before = this.#crew.size;
    let commit: () => Promise<void>;
    try {
      this.#sockets.probe(added);
      await this.#sockets.bind(loaded.listens, count);
      const assertWanted = (): void => this.#assertNotStopped();
      commit = await this.#crew.prepare({ loaded, added, count, assertWanted });
    } catch (error) {
      this.#sockets.keepOnly(old.listens);
      await this.#sockets.bind(old.listens, before).catch(() => {});
      throw error;
    }
    await this.#commitReload(old, loaded, commit);
  }

  async #recall(): Promise<void> {
    const absence = this.#absence;
    const current = this.#current;
    if (absence === null || current === null || this.#state !== 'running') return;
    try {
      await this.#sockets.bind(current.listens, absence.count);
      await this.#crew.recall(current, absence.count);
      this.#endAbsence();
      this.#log.log('notice', 'the workers are back, with the configuration that they had');
    } catch (error) {
      const failure = asSallyportError(error);
      this.logError(failure);
      this.#events.error(failure);
    }
  }

  #endAbsence(): void {
    this.#absence?.end();
    this.#absence = null;
  }

  // As a reload, but all that changes is what TLS files hold.
  async #swap(loaded: Loaded): Promise<void> {
    this.#assertNotStopped();
    if (this.#current === null) return;
    const commit = await this.#crew.prepare({
      loaded,
      added: [],
      count: this.#crew.size,
      assertWanted: () => this.#assertNotStopped(),
    });
    this.#current = loaded;
    await commit();
  }

  async #commitReload(old: Loaded, loaded: Loaded, commit: () => Promise<void>): Promise<void> {
    noteFixedSettings(old.process, loaded.process, this.#log);
    this.#write(zoneLines(old.recorded.zones, loaded.recorded.zones));
    this.#current = loaded;
    this.#sockets.keepOnly(loaded.listens);
    this.#endAbsence();
    await commit();
    this.#log = openSupervisorLog(loaded.process.errorLog, process.pid);
    this.#owner?.follow(loaded);
    this.#tlsFiles.watch(loaded);
    this.#logWarnings(loaded);
    this.#write(listenLines(this.addresses()));
    this.#write(hopLines(loaded.hops));
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

  #assertRunning(message: string): Loaded {
    if (this.#state === 'running' && this.#current !== null) return this.#current;
    throw new SallyportError('NOT_RUNNING', message);
  }

  #end(): void {
    if (this.#state === 'ended') return;
    this.#state = 'ended';
    this.#endAbsence();
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
