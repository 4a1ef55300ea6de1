// After a reload the C library keeps the memory of the configuration before: all workers have built
// the new one while the old one was there, and what is free lies between what is not. It gives that
// back only when it is asked to (`malloc_trim`), which takes some milliseconds.

import { loadFfi } from '../base/system-calls.ts';

/** By then requests of the old configuration have mostly ended, and the collector has looked. */
const afterMs = 3_000;

type Trim = () => void;

let timer: NodeJS.Timeout | null = null;
let known: Trim | null | undefined;

/** Soon gives memory back to the system that is free. Without effect where that cannot be asked. */
export function freeMemorySoon(): void {
  if (timer !== null) return;
  timer = setTimeout(() => {
    timer = null;
    freeMemory();
  }, afterMs);
  timer.unref();
}

/** Does it now. @returns false where it cannot be asked */
export function freeMemory(): boolean {
  if (known === undefined) known = findTrim();
  known?.();
  return known !== null;
}

// Of glibc; another C library has its own ways.
function findTrim(): Trim | null {
  try {
    const functions = loadFfi()?.dlopen(null, {
      malloc_trim: { return: 'i32', arguments: ['u64'] },
    }).functions;
    return functions === undefined ? null : () => void functions.malloc_trim(0n);
  } catch {
    return null;
  }
}
