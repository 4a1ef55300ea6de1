// The base 64 of crypt(3), shared by its hashes: other digits than those of RFC 4648, and the lowest
// six bits first.

export const cryptDigits = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** The lowest `count` groups of six bits. */
export function cryptText(bits: number, count: number): string {
  let text = '';
  let rest = bits;
  for (let i = 0; i < count; i += 1) {
    text += cryptDigits[rest & 63] ?? '';
    rest >>>= 6;
  }
  return text;
}

/**
 * A digest in the order that a hash prescribes.
 *
 * @param order - for each four characters three places in the digest, high byte first; -1 for none
 * @param last - number of characters of the last group
 */
export function scrambledText(
  digest: Buffer,
  order: readonly (readonly [number, number, number])[],
  last: number,
): string {
  const byte = (at: number): number => (at < 0 ? 0 : (digest[at] ?? 0));
  return order
    .map(([high, middle, low], i) => {
      const bits = (byte(high) << 16) | (byte(middle) << 8) | byte(low);
      return cryptText(bits, i === order.length - 1 ? last : 4);
    })
    .join('');
}
