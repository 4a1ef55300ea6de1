// The number of a socket's descriptor. Node.js has no public name for it; where the private one is
// gone, nothing is known and nobody may rely on it.

import type { Socket } from 'node:net';

/** @returns undefined where it is not known, also of a socket that is closed */
export function descriptorOf(socket: Socket): number | undefined {
  return (socket as Socket & { _handle?: { fd?: number } | null })._handle?.fd;
}
