// One engine with what it needs around it: compiles the recorded input, binds unix sockets, then
// starts or swaps. The same in a worker thread and, with `master_process off`, in the calling one.

import { SallyportError } from '../base/errors.ts';
import { LiveGroups } from '../forward/live-groups.ts';
import { ListenDescriptor } from '../server/listen-descriptor.ts';
import { upstreamSessions } from '../tls/session-cache.ts';
import type {
  ClosedSockets,
  EngineFace,
  EngineHost,
  EngineJob,
  EngineListener,
  EngineOptions,
  EngineParts,
  JobListener,
} from './engine-parts.ts';
import { diagnosticLine } from './failure.ts';
import { compileRecorded, type Snapshot } from './load.ts';
import { systemSocketCalls } from './socket-calls.ts';
import { bindUnixSocket } from './unix-socket.ts';

interface Prepared {
  readonly snapshot: Snapshot;
  readonly policyKeys: ReadonlySet<string>;
  readonly listeners: readonly EngineListener[];
}

/** An engine in this thread. */
export class EngineRunner implements EngineHost {
  readonly #parts: EngineParts;
  readonly #options: EngineOptions;
  #engine: EngineFace | null = null;
  #prepared: Prepared | null = null;
  /** Groups with their connections, over all configurations. */
  readonly #liveGroups = new LiveGroups();
  /** The policies of the configuration that is served. */
  #policyKeys: ReadonlySet<string> = new Set();

  constructor(parts: EngineParts, options: EngineOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  async prepare(job: EngineJob): Promise<void> {
    this.#forget();
    const listeners: EngineListener[] = [];
    let snapshot: Snapshot | null = null;
    try {
      const compiled = await compileRecorded(job.recorded, this.#parts.compile, {
        liveGroups: this.#liveGroups,
        seat: this.#options.seat,
      });
      snapshot = compiled.snapshot;
      // What the supervisor has checked can still fail here: a log that only root may open.
      if (snapshot === null) {
        const findings = compiled.diagnostics.list.map(diagnosticLine).join('\n');
        throw new SallyportError('CONFIG_INVALID', findings);
      }
      for (const listener of job.listeners) listeners.push(await bound(listener));
      this.#prepared = { snapshot, listeners, policyKeys: compiled.policyKeys };
    } catch (error) {
      snapshot?.dispose();
      closeHandles([...job.listeners, ...listeners]);
      throw error;
    }
  }

  async listen(jobs: readonly JobListener[], closed: ClosedSockets): Promise<void> {
    const listeners: EngineListener[] = [];
    try {
      for (const job of jobs) listeners.push(await bound(job));
      await this.#engine?.listen(listeners, closed);
    } finally {
      closeHandles(listeners);
    }
  }

  async commit(): Promise<void> {
    const prepared = this.#prepared;
    if (prepared === null) throw new SallyportError('INTERNAL', 'nothing was prepared');
    this.#prepared = null;
    try {
      if (this.#engine === null) {
        this.#engine = this.#parts.createEngine(this.#options);
        await this.#engine.start(prepared.snapshot, prepared.listeners);
      } else {
        await this.#engine.swap(prepared.snapshot, prepared.listeners);
      }
    } finally {
      closeHandles(prepared.listeners);
    }
    this.#retain(prepared.policyKeys);
  }

  // What was verified under a CA, a revocation list, a pin that is no longer in force counts no
  // more: new requests make new connections with full handshakes.
  #retain(policyKeys: ReadonlySet<string>): void {
    const gone = [...this.#policyKeys].filter((key) => !policyKeys.has(key));
    this.#policyKeys = policyKeys;
    this.#liveGroups.retain(policyKeys);
    upstreamSessions.dropPolicies(new Set(gone));
  }

  abandon(): Promise<void> {
    this.#forget();
    return Promise.resolve();
  }

  #forget(): void {
    const prepared = this.#prepared;
    this.#prepared = null;
    if (prepared === null) return;
    prepared.snapshot.dispose();
    closeHandles(prepared.listeners);
  }

  async drain(timeoutMs: number): Promise<void> {
    this.#forget();
    await this.#engine?.drain(timeoutMs);
    this.closeNow();
  }

  close(): Promise<void> {
    this.closeNow();
    return Promise.resolve();
  }

  /** As `close`, for a thread that has no next turn. */
  closeNow(): void {
    this.#forget();
    const engine = this.#engine;
    this.#engine = null;
    engine?.close();
    this.#liveGroups.closeAll();
  }

  // It comes by a signal: nobody is there to take an exception.
  reopenLogs(): void {
    try {
      this.#engine?.reopenLogs();
    } catch (error) {
      this.#options.onError(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

async function bound({ key, id, path, descriptor, handle }: JobListener): Promise<EngineListener> {
  if (path !== null) return { key, id, handle: await bindUnixSocket(path) };
  if (descriptor === null) return { key, id, handle };
  const calls = systemSocketCalls();
  if (calls === null) throw new SallyportError('INTERNAL', 'no descriptor can be duplicated');
  const copy = calls.duplicate(descriptor);
  return { key, id, handle: new ListenDescriptor(copy, (fd) => calls.close(fd)) };
}

// What was adopted by a server meanwhile belongs to that server: nothing happens to it.
function closeHandles(listeners: readonly { readonly handle: Disposable | null }[]): void {
  for (const { handle } of listeners) handle?.[Symbol.dispose]();
}
