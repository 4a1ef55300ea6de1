// Binding a unix socket. A crashed process leaves its socket file behind; nginx then refuses to
// start until somebody removes it. Here a file that nobody listens on is replaced.

import { chmodSync, lstatSync, unlinkSync } from 'node:fs';
import { BoundSocket, connect } from 'node:net';
import { SallyportError } from '../base/errors.ts';
import { failedCall } from './system-error.ts';

// The types know only the TCP form.
const BoundPipe = BoundSocket as unknown as new (options: { path: string }) => BoundSocket;

/**
 * Binds a unix socket and lets everybody connect (mode 0666, as nginx does).
 *
 * @param path - absolute
 * @throws SallyportError LISTEN_FAILED
 */
export async function bindUnixSocket(path: string): Promise<BoundSocket> {
  try {
    return bindNow(path);
  } catch (error) {
    const stale = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' && (await isStale(path));
    if (!stale) throw bindError(path, error);
  }
  try {
    unlinkSync(path);
    return bindNow(path);
  } catch (error) {
    throw bindError(path, error);
  }
}

function bindNow(path: string): BoundSocket {
  const socket = new BoundPipe({ path });
  chmodSync(path, 0o666);
  return socket;
}

function bindError(path: string, error: unknown): SallyportError {
  return new SallyportError('LISTEN_FAILED', failedCall(`bind() to unix:${path}`, error), error);
}

// A file that is no socket is never touched.
async function isStale(path: string): Promise<boolean> {
  try {
    if (!lstatSync(path).isSocket()) return false;
  } catch {
    return false;
  }
  return await new Promise<boolean>((settle) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      settle(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => settle(error.code === 'ECONNREFUSED'));
  });
}
