// Keeps a socket open for reading when writing to it fails. Node destroys a socket whose write fails,
// and what the other side had sent before it closed is lost with it. `_write` and `_writev` are what
// the documentation of streams gives implementers to replace: an error that they don't pass on is
// none for the stream.

import type { Socket } from 'node:net';
import type { SallyportError } from '../base/errors.ts';
import { classifySocketError } from './socket-error.ts';

type Done = (error?: Error | null) => void;

/** @param onFailure - called for each write that fails because the other side has closed */
export function tolerateWriteErrors(
  socket: Socket,
  onFailure: (error: SallyportError) => void,
): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  const guard = (done: Done): Done => {
    return (error) => {
      if (!isClosedByPeer(error)) {
        done(error);
        return;
      }
      onFailure(classifySocketError(error, true));
      done();
    };
  };
  socket._write = (chunk, encoding, done) => write(chunk, encoding, guard(done));
  if (writev !== undefined) socket._writev = (chunks, done) => writev(chunks, guard(done));
}

function isClosedByPeer(error: Error | null | undefined): error is NodeJS.ErrnoException {
  if (error === null || error === undefined) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' || code === 'ECONNRESET' || code === 'ECONNABORTED';
}
