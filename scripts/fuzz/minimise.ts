// The smallest input that still does what matters: pieces are taken out as long as it does, then
// bytes are made plain.

/**
 * @param keeps - does the input still do it? Called at most `tries` times
 */
export function minimise(
  input: Buffer,
  keeps: (smaller: Buffer) => boolean,
  tries: number = 600,
): Buffer {
  let best = input;
  let left = tries;
  for (let size = Math.max(1, best.length >> 1); size >= 1; size >>= 1) {
    for (let at = 0; at < best.length && left > 0;) {
      const smaller = Buffer.concat([best.subarray(0, at), best.subarray(at + size)]);
      left -= 1;
      if (keeps(smaller)) best = smaller;
      else at += size;
    }
  }
  return best;
}
