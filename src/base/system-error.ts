// System errors in nginx's words: `bind() to 127.0.0.1:80 failed (98: Address already in use)`.

import { getSystemErrorMap } from 'node:util';

// Where libuv's wording is not the C library's.
const wording: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  EPERM: 'Operation not permitted',
  EAFNOSUPPORT: 'Address family not supported by protocol',
};

/**
 * The number and text of a system error, as nginx shows them in parentheses.
 *
 * @param error - an error of `node:fs`, `node:net` or `process.kill`; of any other the message is
 *   given
 */
export function describeSystemError(error: unknown): string {
  const { code, errno, message } = error as NodeJS.ErrnoException;
  if (typeof errno !== 'number' || code === undefined) return message ?? String(error);
  const text = wording[code] ?? getSystemErrorMap().get(errno)?.[1] ?? code;
  return `${Math.abs(errno)}: ${text.charAt(0).toUpperCase()}${text.slice(1)}`;
}
