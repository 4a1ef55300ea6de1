// One thing that `-t --deep` has found.

import type { Position } from '../config/node.ts';

/** An error fails the test; a note is only to be read. */
export interface DeepFinding {
  readonly severity: 'error' | 'warning' | 'note';
  /** Null where it belongs to no place. */
  readonly at: Position | null;
  readonly message: string;
}
