// Errors of plain upstream sockets as stable codes, worded as in nginx's error log:
// `connect() failed (111: Connection refused)`.

import { getSystemErrorMessage } from 'node:util';
import { SallyportError, type ErrorCode } from '../base/errors.ts';
import { shortageOf } from '../base/shortage.ts';

/** The C library's texts, as nginx's log has them; Node's own differ in wording. */
const texts: Readonly<Record<string, string>> = {
  EACCES: 'Permission denied',
  EADDRINUSE: 'Address already in use',
  EADDRNOTAVAIL: 'Cannot assign requested address',
  EAGAIN: 'Resource temporarily unavailable',
  ECONNABORTED: 'Software caused connection abort',
  ECONNREFUSED: 'Connection refused',
  ECONNRESET: 'Connection reset by peer',
  EHOSTUNREACH: 'No route to host',
  EMFILE: 'Too many open files',
  ENETUNREACH: 'Network is unreachable',
  ENOENT: 'No such file or directory',
  ENOTSOCK: 'Socket operation on non-socket',
  EPIPE: 'Broken pipe',
  ETIMEDOUT: 'Connection timed out',
};

/** The names that nginx's log gives to the system calls that Node reports. */
const calls: Readonly<Record<string, string>> = {
  bind: 'bind',
  connect: 'connect',
  read: 'recv',
  write: 'send',
  shutdown: 'shutdown',
};

/**
 * Gives an error of a plain TCP or unix socket its code.
 *
 * @param error - from the socket's `error` event
 * @param connected - was the connection established before?
 */
export function classifySocketError(error: Error, connected: boolean): SallyportError {
  const code: ErrorCode = connected ? 'UPSTREAM_RESET' : 'UPSTREAM_CONNECT_FAILED';
  const { errno, code: name, syscall } = error as NodeJS.ErrnoException;
  const call = calls[syscall ?? ''] ?? (connected ? 'recv' : 'connect');
  if (errno === undefined)
    return new SallyportError(code, `${call}() failed (${error.message})`, error);
  const text = texts[name ?? ''] ?? getSystemErrorMessage(errno);
  const described = `${Math.abs(errno)}: ${text}`;
  const shortage = connected ? null : shortageOf(error, described);
  return shortage ?? new SallyportError(code, `${call}() failed (${described})`, error);
}
