// MurmurHash2 (32 bits, seed 0): spreads keys over shares, the same for the same key everywhere.

const multiplier = 0x5bd1e995;

/**
 * The hash of a text of one character per byte, as an unsigned 32-bit number.
 */
export function murmurHash2(text: string): number {
  const { length } = text;
  let hash = length;
  let at = 0;
  for (; at + 4 <= length; at += 4) {
    let word =
      text.charCodeAt(at) |
      (text.charCodeAt(at + 1) << 8) |
      (text.charCodeAt(at + 2) << 16) |
      (text.charCodeAt(at + 3) << 24);
    word = Math.imul(word, multiplier);
    word ^= word >>> 24;
    hash = Math.imul(hash, multiplier) ^ Math.imul(word, multiplier);
  }
  const left = length - at;
  if (left > 0) {
    let word = text.charCodeAt(at);
    if (left > 1) word |= text.charCodeAt(at + 1) << 8;
    if (left > 2) word |= text.charCodeAt(at + 2) << 16;
    hash = Math.imul(hash ^ word, multiplier);
  }
  hash = Math.imul(hash ^ (hash >>> 13), multiplier);
  return (hash ^ (hash >>> 15)) >>> 0;
}
