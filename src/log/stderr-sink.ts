// The standard error stream as a target of the error log (`error_log stderr`). Written
// synchronously: a worker thread's process.stderr passes through the main thread and would be lost
// with a thread that dies.

import { writeToStderr } from './complaint.ts';
import type { ErrorLogSink } from './error-log.ts';

/** Writes each line at once; a closed or full stderr is ignored. */
export const stderrSink: ErrorLogSink = { write: writeToStderr };
