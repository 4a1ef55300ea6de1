// Calls of the system that failed, in nginx's words.

import { describeSystemError } from '../base/system-error.ts';

export { describeSystemError };

/** `CALL failed (NUMBER: TEXT)` */
export function failedCall(call: string, error: unknown): string {
  return `${call} failed (${describeSystemError(error)})`;
}
