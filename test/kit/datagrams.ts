// Receivers of datagrams, for what is sent to syslog: UDP on a free port, and a datagram socket in
// the file system, which Node.js can only have through the C library.

import { createSocket } from 'node:dgram';
import { atEnd, type Scope } from './scope.ts';

/** What has come so far, one text for each datagram. */
export interface DatagramReceiver {
  /** As `server=` of `syslog:` takes it. */
  readonly address: string;
  /** Takes what is there, and waits until there are `count`. */
  received(count: number): Promise<readonly string[]>;
}

const limitMs = 3000;

async function waitFor(list: readonly string[], count: number, look: () => void): Promise<void> {
  const end = Date.now() + limitMs;
  for (look(); list.length < count && Date.now() < end; look()) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Listens on 127.0.0.1. */
export async function receiveUdp(scope?: Scope): Promise<DatagramReceiver> {
  const socket = createSocket('udp4');
  const list: string[] = [];
  socket.on('message', (message) => list.push(message.toString()));
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  atEnd(scope, () => void socket.close());
  return {
    address: `127.0.0.1:${socket.address().port}`,
    received: async (count) => {
      await waitFor(list, count, () => undefined);
      return list.splice(0);
    },
  };
}

/** Linux only: `null` elsewhere. @param path - of the socket, which must not be there yet */
export function receiveUnixDatagrams(path: string, scope?: Scope): DatagramReceiver | null {
  if (process.platform !== 'linux') return null;
  const { functions } = process.getBuiltinModule('node:ffi').dlopen(null, {
    socket: { arguments: ['int32', 'int32', 'int32'], return: 'int32' },
    bind: { arguments: ['int32', 'buffer', 'uint32'], return: 'int32' },
    recv: { arguments: ['int32', 'buffer', 'uint64', 'int32'], return: 'int64' },
    close: { arguments: ['int32'], return: 'int32' },
  } as const);
  const descriptor = functions.socket(1, 2, 0);
  const address = Buffer.alloc(110);
  new Uint16Array(address.buffer, address.byteOffset, 1)[0] = 1;
  address.write(path, 2);
  if (functions.bind(descriptor, address, address.length) !== 0) throw new Error('bind() failed');
  atEnd(scope, () => void functions.close(descriptor));
  const list: string[] = [];
  const message = Buffer.alloc(65_536);
  const doNotWait = 0x40;
  const look = (): void => {
    for (;;) {
      const size = Number(functions.recv(descriptor, message, BigInt(message.length), doNotWait));
      if (size < 0) return;
      list.push(message.toString('utf8', 0, size));
    }
  };
  return {
    address: `unix:${path}`,
    received: async (count) => {
      await waitFor(list, count, look);
      return list.splice(0);
    },
  };
}
