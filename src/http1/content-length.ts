// The value of Content-Length (RFC 9112 6.2).

/**
 * @returns the length, -1 if the value is anything but digits (no sign, list or space) or above
 *   2^53 - 1, where numbers stop being exact
 */
export function parseContentLength(value: string): number {
  if (value === '') return -1;
  let length = 0;
  for (let i = 0; i < value.length; i += 1) {
    const digit = value.charCodeAt(i) - 0x30;
    if (digit < 0 || digit > 9) return -1;
    length = length * 10 + digit;
    if (length > Number.MAX_SAFE_INTEGER) return -1;
  }
  return length;
}
