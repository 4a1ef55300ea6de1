// System errors in nginx's words: `bind() to 127.0.0.1:80 failed (98: Address already in use)`.

import { constants } from 'node:os';
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

/** The same where only the name of the error is known: `EMFILE`. With the hint, if there is one. */
export function describeErrorCode(code: string): string {
  const number = (constants.errno as Readonly<Record<string, number>>)[code];
  if (number === undefined) return code;
  const error = Object.assign(new Error(code), { code, errno: -number });
  return `${describeSystemError(error)}${systemErrorHint(error)}`;
}

// Where more than the error itself says what to do.
const hints: Readonly<Record<string, string>> = {
  EMFILE: '; raise worker_rlimit_nofile',
  ENFILE: '; the whole system has no descriptors left (fs.file-max)',
};

/** The directive or setting that a system error points to, after "; "; empty for most. */
export function systemErrorHint(error: unknown): string {
  return hints[(error as NodeJS.ErrnoException).code ?? ''] ?? '';
}

/**
 * What failed at a file and why: `open() "/tmp/x" failed (24: Too many open files)`.
 *
 * @param error - of `node:fs`; of any other the message is given
 */
export function describeFileError(error: unknown): string {
  const { syscall, path } = error as NodeJS.ErrnoException;
  if (syscall === undefined) return describeSystemError(error);
  const place = path === undefined ? '' : ` "${path}"`;
  return `${syscall}()${place} failed (${describeSystemError(error)})${systemErrorHint(error)}`;
}
