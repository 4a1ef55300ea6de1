// Memory for request bodies, in blocks that are used again: a body is good during the call that
// brings it, so it has to be copied, and fresh memory for each would cost more than the copy.

/** Room at the beginning of a block, for the head of the request that its body is sent with. */
export const headRoom = 4096;
const blockBytes = headRoom + 65_536;
/** A part of a body below this is not worth a block: it is copied into fresh memory. */
export const leastInBlock = 4096;
/** Unused blocks that are kept by a thread at most: 17 MB. */
const mostFree = 256;

const free: Buffer[] = [];

/** A block of `headRoom` and 64 KB with any content, to be given back once nobody looks at it. */
export function takeBlock(): Buffer {
  return free.pop() ?? Buffer.allocUnsafeSlow(blockBytes);
}

/** DANGER: whoever still holds a view on it sees the body of another request. */
export function giveBlock(block: Buffer): void {
  if (free.length < mostFree) free.push(block);
}
