// Calls of the system that Node.js has no function for, made through `node:ffi`: a second
// descriptor of a socket, so that it outlives the worker that listens on it and can be shared, and
// the address that an inherited socket is bound to. Where they cannot be had (another system, a
// Node.js without `node:ffi`), each worker has sockets of its own that end with it.

import { fstatSync } from 'node:fs';
import { SocketAddress } from 'node:net';
import type { Address } from '../base/address.ts';
import { loadFfi } from '../base/system-calls.ts';

/** Calls on sockets by descriptor. */
export interface SocketCalls {
  /**
   * A further descriptor of the same socket, not inherited by child processes.
   *
   * @throws Error where there are no more descriptors, or it is none
   */
  duplicate(fd: number): number;
  /** Closes what `duplicate` made, in whatever thread. */
  close(fd: number): void;
  /** Where a socket is bound; null where that is no IP address and no path, or it is no socket. */
  addressOf(fd: number): Address | null;
}

interface Functions {
  close(fd: number): number;
  fcntl(fd: number, command: number, argument: number): number;
  getsockname(fd: number, address: Buffer, length: Buffer): number;
}

/** `F_DUPFD_CLOEXEC` of Linux, on every architecture. */
const duplicateCloseOnExec = 1030;
/** Below are the standard streams, which libuv would never close. */
const lowestDescriptor = 3;
const addressBytes = 128;
const familyUnix = 1;
const familyInet = 2;
const familyInet6 = 10;

class LinuxCalls implements SocketCalls {
  readonly #functions: Functions;

  constructor(functions: Functions) {
    this.#functions = functions;
  }

  duplicate(fd: number): number {
    const copy = this.#functions.fcntl(fd, duplicateCloseOnExec, lowestDescriptor);
    if (copy < 0) throw new Error(`descriptor ${fd} of a listening socket cannot be duplicated`);
    return copy;
  }

  close(fd: number): void {
    this.#functions.close(fd);
  }

  addressOf(fd: number): Address | null {
    const address = Buffer.alloc(addressBytes);
    const length = Buffer.alloc(4);
    length.writeInt32LE(addressBytes);
    if (this.#functions.getsockname(fd, address, length) !== 0) return null;
    return readAddress(address.subarray(0, Math.min(addressBytes, length.readInt32LE())));
  }
}

function readAddress(bytes: Buffer): Address | null {
  if (bytes.length < 2) return null;
  switch (bytes.readUInt16LE(0)) {
    case familyUnix: {
      // One without a name, or with a name outside the file system.
      const [path = ''] = bytes.toString('utf8', 2).split('\0');
      return path === '' ? null : { kind: 'unix', path };
    }
    case familyInet:
      return { kind: 'ip', host: bytes.subarray(4, 8).join('.'), port: bytes.readUInt16BE(2) };
    case familyInet6: {
      const groups = Array.from({ length: 8 }, (_, at) => bytes.readUInt16BE(8 + at * 2));
      const address = groups.map((group) => group.toString(16)).join(':');
      const { address: host } = new SocketAddress({ address, family: 'ipv6' });
      return { kind: 'ip', host, port: bytes.readUInt16BE(2) };
    }
    default:
      return null;
  }
}

let known: SocketCalls | null | undefined;

/** The calls of this system; null where they cannot be had. */
export function systemSocketCalls(): SocketCalls | null {
  if (known === undefined) known = process.platform === 'linux' ? openCalls() : null;
  return known;
}

function openCalls(): SocketCalls | null {
  const ffi = loadFfi();
  if (ffi === undefined) return null;
  try {
    const { functions } = ffi.dlopen(null, {
      close: { return: 'i32', arguments: ['i32'] },
      fcntl: { return: 'i32', arguments: ['i32', 'i32', 'i32'] },
      getsockname: { return: 'i32', arguments: ['i32', 'pointer', 'pointer'] },
    });
    return new LinuxCalls(functions);
  } catch {
    return null;
  }
}

/** Is this the descriptor of an open socket? */
export function isSocket(fd: number): boolean {
  try {
    return fstatSync(fd).isSocket();
  } catch {
    return false;
  }
}
