// Functions of the C library that Node.js has none for, through `node:ffi`. It is experimental in
// Node.js 26: whatever is wrong with it, the proxy runs without. That it warns of being experimental
// is of no use to those who run a proxy.

import type Ffi from 'node:ffi';

/** `node:ffi`; undefined where this Node.js has none. */
export function loadFfi(): typeof Ffi | undefined {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return process.getBuiltinModule('node:ffi') as typeof Ffi | undefined;
  } catch {
    return undefined;
  } finally {
    process.emitWarning = emitWarning;
  }
}
