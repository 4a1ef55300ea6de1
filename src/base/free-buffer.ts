// Gives the memory of large buffers back as soon as they have been used. The collector counts them
// too late: a body of a gigabyte would leave some 70 MB of read buffers behind before it looks.

/** Below this the collector is quick enough, and Node's own pool hands memory out in parts. */
const leastBytes = 16_384;

/**
 * Frees the memory of a buffer that nobody will look at again. DANGER: any other view on the same
 * memory is empty afterwards, and a system call that still works on it reads what is no longer its
 * own. Buffers that are only a part of their memory are left alone.
 */
export function freeBuffer(buffer: Buffer): void {
  const memory = buffer.buffer;
  const { byteLength } = memory;
  if (byteLength < leastBytes || byteLength !== buffer.byteLength) return;
  // Detached, its memory goes at once.
  if (memory instanceof ArrayBuffer) memory.transfer(0);
}
