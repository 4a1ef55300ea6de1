// Plain client sockets read into one buffer of their worker. Node gives a socket that a server
// accepts 64 KB of fresh memory for each read, which costs more than parsing what was read, and
// large bodies keep the garbage collector busy. Sockets that one makes oneself can be given a
// buffer (`onread`), so the accepted handle moves into such a socket before anything is read.
//
// Filling the buffer and calling back is one synchronous step: its content is good during that
// call and no longer.

import { Socket, type Server, type SocketConstructorOpts } from 'node:net';

const readBytes = 65_536;

/** What all plain client sockets of this thread read into. */
export const sharedReads: Buffer = Buffer.allocUnsafeSlow(readBytes);

/**
 * What is asked of an accepted socket that the documentation does not name. It is as old as Node,
 * but no promise: where it is missing, the socket stays as it is.
 */
interface Accepted {
  _handle?: { readonly useUserBuffer?: unknown } | null;
  _server?: Server | null;
  server?: Server | null;
}

/**
 * Moves a connection that was just accepted, within the `connection` event, into a socket that
 * reads into `sharedReads`. The old socket is nothing any more.
 *
 * @param onBytes - the first `bytes` bytes of `sharedReads` have come, and are good for this call
 * @returns null where this Node can't: `raw` goes on as it is, to be read by its `data` event
 */
export function moveToSharedReads(raw: Socket, onBytes: (bytes: number) => void): Socket | null {
  const accepted = raw as unknown as Accepted;
  const handle = accepted._handle;
  if (typeof handle?.useUserBuffer !== 'function' || !(accepted._server instanceof Object)) {
    return null;
  }
  const options = {
    handle,
    allowHalfOpen: raw.allowHalfOpen,
    // It has been set; this is for the socket to know.
    noDelay: true,
    onread: {
      buffer: sharedReads,
      callback(bytes: number): boolean {
        onBytes(bytes);
        return true;
      },
    },
  };
  const socket = new Socket(options as unknown as SocketConstructorOpts);
  const moved = socket as unknown as Accepted;
  // The server counts it until it is closed.
  moved.server = accepted._server;
  moved._server = accepted._server;
  accepted._server = null;
  accepted._handle = null;
  return socket;
}

/** Bytes that outlive the call in which they came: a copy where they are in `sharedReads`. */
export function keepBytes(bytes: Buffer): Buffer {
  return bytes.buffer === sharedReads.buffer ? Buffer.from(bytes) : bytes;
}
