// What the system says when it has no descriptors or memory left for a socket. That is ours, not the
// fault of whoever was to be connected to.

import { closeSync, openSync } from 'node:fs';
import { SallyportError } from './errors.ts';
import { systemErrorHint } from './system-error.ts';

const shortages = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/**
 * The error of a connection that could not even be begun; null where the system's error says
 * something else.
 *
 * @param text - number and text of the error, as nginx shows them in parentheses
 */
export function shortageOf(error: Error, text: string): SallyportError | null {
  if (!shortages.has((error as NodeJS.ErrnoException).code ?? '')) return null;
  const message = `socket() failed (${text})${systemErrorHint(error)}`;
  return new SallyportError('RESOURCES_EXHAUSTED', message, error);
}

/** Is there a descriptor left? For libraries that do not say why they got none. */
export function hasDescriptors(): boolean {
  try {
    closeSync(openSync('/dev/null', 'r'));
    return true;
  } catch (error) {
    return !shortages.has((error as NodeJS.ErrnoException).code ?? '');
  }
}
