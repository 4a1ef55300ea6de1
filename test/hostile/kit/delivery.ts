// Ways in which bytes reach the proxy: in one piece, or so that it reads them one by one, over plain
// TCP or in records of TLS. A parser that judges by what happens to be in its buffer gives itself
// away, and so does one that hears of the end of a connection in another way.

import { setImmediate } from 'node:timers/promises';
import { RawConnection } from '../../kit/raw-client.ts';
import type { Target } from '../../kit/raw-client.ts';
import { keepSession } from '../../kit/resuming-client.ts';

export type Cut = 'whole' | 'in pieces';

export const cuts: readonly Cut[] = ['whole', 'in pieces'];

/** What the bytes of a client come through. */
export type Transport = 'plain' | 'TLS';

export const transports: readonly Transport[] = ['plain', 'TLS'];

export interface Delivery {
  /** For messages. */
  readonly name: string;
  readonly transport: Transport;
  readonly cut: Cut;
}

/** Each transport with each cut. */
export const deliveries: readonly Delivery[] = transports.flatMap((transport) =>
  cuts.map((cut) => ({ name: `${cut} over ${transport}`, transport, cut })),
);

/** Beyond this many bytes the pieces are larger than one byte. */
const mostPieces = 700;

/**
 * Sends on a connection of its own and reads to its end.
 *
 * @returns all that came back, one character a byte
 */
export async function deliver(target: Target, bytes: string, cut: Cut): Promise<string> {
  const client = await RawConnection.open(target);
  keepSession(client.socket, target.tls);
  try {
    const data = Buffer.from(bytes, 'latin1');
    const size = cut === 'whole' ? data.length : Math.ceil(data.length / mostPieces);
    for (let at = 0; at < data.length && !client.received.ended; at += size) {
      client.socket.write(data.subarray(at, at + size));
      // A turn of the event loop, in which the proxy of this very thread reads the piece. With TLS
      // each piece is a record, and each record is read alone.
      if (cut === 'in pieces') await setImmediate();
    }
    return (await client.closed()).toString('latin1');
  } finally {
    client.close();
  }
}

/** The status codes of all final answers in what came back. */
export function statusesIn(received: string): number[] {
  return [...received.matchAll(/HTTP\/1\.1 (\d{3}) [^\r]*\r\n/g)]
    .map(([, code]) => Number(code))
    .filter((code) => code >= 200);
}
