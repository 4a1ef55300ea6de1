// Datagrams to a socket of the file system. Node's own `dgram` knows only UDP, so the three calls of
// the C library are made through `node:ffi`, which is in Node.js since 26.1 and still experimental:
// it is loaded only where a configuration asks for such a socket.

import { loadFfi } from '../base/system-calls.ts';

const addressFamily = 1;
const datagram = 2;

/** What the C library of a platform calls things. */
interface Platform {
  readonly library: string | null;
  /** Returns at once instead of waiting for a full receiver. */
  readonly doNotWait: number;
  readonly pathBytes: number;
  /** BSD has the length of the address in front of its family. */
  readonly hasLength: boolean;
}

const platforms: Readonly<Partial<Record<NodeJS.Platform, Platform>>> = {
  linux: { library: null, doNotWait: 0x40, pathBytes: 108, hasLength: false },
  darwin: { library: null, doNotWait: 0x80, pathBytes: 104, hasLength: true },
};

const signatures = {
  socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
  sendto: {
    arguments: ['int32', 'buffer', 'uint64', 'int32', 'buffer', 'uint32'],
    return: 'int64',
  },
  close: { arguments: ['int32'], return: 'int32' },
} as const;

/** Why datagrams cannot be sent to this path here; null where they can. */
export function unixDatagramProblem(path: string): string | null {
  const platform = platforms[process.platform];
  if (platform === undefined || loadFfi() === undefined)
    return 'datagrams to unix sockets need Linux or macOS, and "node:ffi" of Node.js 26.1 or later';
  if (Buffer.byteLength(path) >= platform.pathBytes)
    return 'too long path in the unix domain socket';
  return null;
}

/** A socket with one destination. */
export interface UnixDatagram {
  /** @returns false where the message was not taken: nobody listens, or its queue is full */
  send(message: Buffer): boolean;
  close(): void;
}

/**
 * @param path - of the receiver's socket, which need not be there yet
 * @throws Error where this platform cannot
 */
export function openUnixDatagram(path: string): UnixDatagram {
  const platform = platforms[process.platform];
  const problem = unixDatagramProblem(path);
  const ffi = loadFfi();
  if (platform === undefined || ffi === undefined || problem !== null)
    throw new Error(problem ?? '');
  const { functions } = ffi.dlopen(platform.library, signatures);
  const descriptor = functions.socket(addressFamily, datagram, 0);
  if (descriptor < 0) throw new Error('socket() failed');
  const address = socketAddress(path, platform);
  return {
    send: (message) =>
      Number(
        functions.sendto(
          descriptor,
          message,
          BigInt(message.length),
          platform.doNotWait,
          address,
          address.length,
        ),
      ) === message.length,
    close: () => void functions.close(descriptor),
  };
}

function socketAddress(path: string, { hasLength }: Platform): Buffer {
  const address = Buffer.alloc(2 + Buffer.byteLength(path) + 1);
  if (hasLength) address.set([address.length, addressFamily]);
  else new Uint16Array(address.buffer, address.byteOffset, 1)[0] = addressFamily;
  address.write(path, 2);
  return address;
}
