// Client sockets read into one buffer of their worker. Node gives a socket that a server accepts
// fresh memory for each read, 64 KB where there is no TLS, which costs more than parsing what was
// read; large bodies keep the garbage collector busy. Sockets that one makes oneself can be given a
// buffer (`onread`); here an accepted one gets what that option sets.
//
// Filling the buffer and calling back is one synchronous step: its content is good during that
// call and no longer.

import { Socket } from 'node:net';

/** A body of 64 KB comes with its head in one read. */
const readBytes = 131_072;

/** What all client sockets of this thread read into. */
export const sharedReads: Buffer = Buffer.allocUnsafeSlow(readBytes);

/**
 * What is asked of a socket that the documentation does not name. It is as old as Node, but no
 * promise: where it is missing, the socket stays as it is.
 */
interface Handle {
  useUserBuffer(buffer: Buffer): void;
}

type Inner = Socket & Record<symbol, unknown> & { _handle?: Partial<Handle> | null };

/** Under what a socket keeps its `onread.buffer` and `onread.callback`. */
const places = ((): { readonly buffer: symbol; readonly callback: symbol } | null => {
  const symbols = Object.getOwnPropertySymbols(new Socket());
  const buffer = symbols.find(({ description }) => description === 'kBuffer');
  const callback = symbols.find(({ description }) => description === 'kBufferCb');
  return buffer === undefined || callback === undefined ? null : { buffer, callback };
})();

/**
 * Lets a socket read into `sharedReads` from now on: one that a server has just accepted, or whose
 * TLS handshake has just ended.
 *
 * @param onBytes - the first `bytes` bytes of `sharedReads` have come, and are good for this call
 * @returns false where this Node can't, or where bytes have come already: it goes on as it is, to be
 *   read by its `data` event
 */
export function shareReads(socket: Socket, onBytes: (bytes: number) => void): boolean {
  const inner = socket as Inner;
  const handle = inner._handle;
  if (places === null || typeof handle?.useUserBuffer !== 'function') return false;
  if (socket.readableLength > 0 || inner[places.buffer] !== null) return false;
  inner[places.buffer] = sharedReads;
  inner[places.callback] = (bytes: number): boolean => {
    onBytes(bytes);
    return true;
  };
  handle.useUserBuffer(sharedReads);
  return true;
}

/** Bytes that outlive the call in which they came: a copy where they are in `sharedReads`. */
export function keepBytes(bytes: Buffer): Buffer {
  return bytes.buffer === sharedReads.buffer ? Buffer.from(bytes) : bytes;
}
