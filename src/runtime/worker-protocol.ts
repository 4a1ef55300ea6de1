// What supervisor and worker thread say to each other: numbered requests with one reply each, and
// reports of errors that the worker survived. Errors cross as records, since a clone of an Error
// loses its class.

import { errorRows, SallyportError, type ErrorCode } from '../base/errors.ts';
import type { WorkerSeat } from '../base/worker-seat.ts';
import type { ClosedSockets, EngineJob, JobListener } from './engine-parts.ts';

/** What the supervisor asks. */
export type Ask =
  | { readonly kind: 'prepare'; readonly job: EngineJob }
  | { readonly kind: 'commit' }
  | { readonly kind: 'abandon' }
  | {
      readonly kind: 'listen';
      readonly listeners: readonly JobListener[];
      readonly closed: ClosedSockets;
    }
  | { readonly kind: 'drain'; readonly timeoutMs: number }
  | { readonly kind: 'close' }
  | { readonly kind: 'reopen' }
  /** Are you still there? */
  | { readonly kind: 'ping' };

/** A question with its number. */
export interface Request {
  readonly id: number;
  readonly ask: Ask;
}

/** An error as a record. */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly stack: string | null;
}

/** What a worker says. */
export type Report =
  | { readonly kind: 'reply'; readonly id: number; readonly failure: Failure | null }
  | { readonly kind: 'error'; readonly failure: Failure };

/** What a worker thread is started with. */
export interface WorkerData {
  readonly workerId: number;
  readonly seat: WorkerSeat;
}

/** For sending. */
export function toFailure(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? null) : null;
  const code = error instanceof SallyportError ? error.code : 'INTERNAL';
  return { code, message, stack };
}

/** After receiving. */
export function fromFailure(failure: Failure): SallyportError {
  const code = failure.code in errorRows ? failure.code : 'INTERNAL';
  const error = new SallyportError(code, failure.message);
  if (failure.stack !== null) error.stack = failure.stack;
  return error;
}
