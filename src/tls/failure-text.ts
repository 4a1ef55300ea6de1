// A refusal or failure of a TLS connection to an upstream in words.

import type { ErrorCode } from '../base/errors.ts';

/** Why it was refused, and what an operator can do. */
export interface FailureText {
  readonly code: ErrorCode;
  readonly what: string;
  /** After "to mend this: ". */
  readonly mend: string;
}
