// How many files, sockets among them, this process may have open at once: the soft limit of
// RLIMIT_NOFILE, which Node.js raises to the hard one when it starts. All workers share it.

import { readFileSync } from 'node:fs';

/** The limit at present; Infinity where there is none, or where the system does not say. */
export function openFileLimit(): number {
  try {
    const limits = readFileSync('/proc/self/limits', 'latin1');
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(limits)?.[1];
    return soft === undefined || soft === 'unlimited' ? Infinity : Number(soft);
  } catch {
    return Infinity;
  }
}
