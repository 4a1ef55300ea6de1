// The seam between the process around the data path and the data path itself. Production fills it
// in `real-parts.ts`, tests with a stub.

import type { BoundSocket } from 'node:net';
import type { WorkerSeat } from '../base/worker-seat.ts';
import type { ClosedSockets, EngineListener } from '../server/engine.ts';
import type { Compile, RecordedInput, Snapshot } from './load.ts';

export type { ClosedSockets, EngineListener };

/** What the runtime needs of `server/engine.ts`. */
export interface EngineFace {
  start(snapshot: Snapshot, listeners: readonly EngineListener[]): Promise<void>;
  swap(snapshot: Snapshot, listeners: readonly EngineListener[]): Promise<void>;
  listen(listeners: readonly EngineListener[], closed: ClosedSockets): Promise<void>;
  drain(timeoutMs: number): Promise<void>;
  close(): void;
  reopenLogs(): void;
}

/** What an engine is made with. */
export interface EngineOptions {
  readonly workerId: number;
  readonly seat: WorkerSeat;
  /** Something failed that the engine survived. */
  readonly onError: (error: Error) => void;
}

/** The compiler and the data path. */
export interface EngineParts {
  readonly compile: Compile;
  readonly createEngine: (options: EngineOptions) => EngineFace;
}

/** One listening socket of one worker, in one of three forms; none where another worker serves. */
export interface JobListener {
  /** Of the address. */
  readonly key: string;
  /** Of the socket. */
  readonly id: string;
  /** Of the supervisor, which keeps it: to be duplicated. */
  readonly descriptor: number | null;
  /** Given away to the worker. */
  readonly handle: BoundSocket | null;
  /** A unix socket that the worker binds itself, since its handle cannot be given away. */
  readonly path: string | null;
}

/** What a worker is to serve. At a reload `listeners` has only the new ones. */
export interface EngineJob {
  readonly recorded: RecordedInput;
  readonly listeners: readonly JobListener[];
}

/**
 * One engine, wherever it runs: in a worker thread or in the calling one. A start and a reload are
 * the same two steps, so that all engines get ready before any of them changes.
 */
export interface EngineHost {
  /** Compiles and binds; nothing is served yet. Rejects where that fails. */
  prepare(job: EngineJob): Promise<void>;
  /** Serves what was prepared. */
  commit(): Promise<void>;
  /** Forgets what was prepared. */
  abandon(): Promise<void>;
  /**
   * Listens on further sockets of the addresses that are served, and on others no more.
   *
   * @param closed - ids of `JobListener`
   */
  listen(listeners: readonly JobListener[], closed: ClosedSockets): Promise<void>;
  /**
   * Stops accepting and finishes what is in flight. The host is of no use afterwards.
   *
   * @param timeoutMs - after that connections are cut; 0 for never
   */
  drain(timeoutMs: number): Promise<void>;
  /** Ends at once. */
  close(): Promise<void>;
  /** Opens the log files anew. */
  reopenLogs(): void;
}
