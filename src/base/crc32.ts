// CRC-32 (IEEE 802.3) of byte strings, step by step: in JavaScript, since for keys as short as those
// of a balancer it takes less than a call to zlib, which would need a buffer first.

const table = new Int32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
  table[byte] = value;
}

/** The state before the first byte. */
export const crcStart = -1;

/** The state after one more byte. */
export function crcByte(state: number, byte: number): number {
  return (table[(state ^ byte) & 0xff] ?? 0) ^ (state >>> 8);
}

/**
 * The state after a text.
 *
 * @param text - one character per byte
 */
export function crcText(state: number, text: string): number {
  let crc = state;
  for (let i = 0; i < text.length; i += 1) crc = crcByte(crc, text.charCodeAt(i));
  return crc;
}

/** The checksum that a state stands for, from 0 to 2³²-1. */
export function crcEnd(state: number): number {
  return ~state >>> 0;
}
