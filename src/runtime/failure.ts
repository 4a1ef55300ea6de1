// Errors on their way to a caller or a log: of one class, several works settled together, and a
// configuration's errors as one.

import { SallyportError } from '../base/errors.ts';
import { formatPosition, type Diagnostic } from '../config/diagnostic.ts';
import type { LoadedConfiguration } from './load.ts';

/** Whatever was thrown, as the error of this package. */
export function asSallyportError(error: unknown): SallyportError {
  if (error instanceof SallyportError) return error;
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new SallyportError('INTERNAL', message, error);
}

/** Waits for all, then rejects with the first failure: nothing is still under way by then. */
export async function settleAll(works: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(works);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw asSallyportError(failed.reason);
}

/** A finding on one line, as nginx writes it into its error log. */
export function diagnosticLine({ message, at }: Diagnostic): string {
  return at === null ? message : `${message} in ${formatPosition(at)}`;
}

/** @throws SallyportError CONFIG_INVALID, one line for each error */
export function assertSound(loaded: LoadedConfiguration): void {
  if (loaded.ok) return;
  const errors = loaded.diagnostics.filter(({ severity }) => severity === 'error');
  throw new SallyportError('CONFIG_INVALID', errors.map(diagnosticLine).join('\n'));
}
