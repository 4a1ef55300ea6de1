// What our own load generators need to know of a proxy, and how they connect to it.

import { readFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls, createSecureContext } from 'node:tls';

export interface Target {
  readonly port: number;
  readonly clientTls: boolean;
  readonly caFile: string;
  readonly path: string;
}

/** Opens connections to a target; gives each chunk that arrives, in a buffer that is used again. */
export function dialer(target: Target): (onBytes: (bytes: Buffer, size: number) => void) => Socket {
  const { port, clientTls, caFile } = target;
  const tls = clientTls ? tlsOptions(caFile) : null;
  const buffer = Buffer.allocUnsafeSlow(65_536);
  return (onBytes) => {
    const onread = {
      buffer,
      callback: (size: number): boolean => {
        onBytes(buffer, size);
        return true;
      },
    };
    const place = { port, host: '127.0.0.1', noDelay: true, onread };
    return tls === null ? connectTcp(place) : connectTls({ ...place, ...tls });
  };
}

// One group that every TLS library has: a post-quantum key share would cost only those that know it.
function tlsOptions(caFile: string): {
  secureContext: ReturnType<typeof createSecureContext>;
  servername: string;
  rejectUnauthorized: true;
} {
  const secureContext = createSecureContext({
    ca: readFileSync(caFile),
    ecdhCurve: 'X25519',
    minVersion: 'TLSv1.3',
  });
  return { secureContext, servername: 'localhost', rejectUnauthorized: true };
}

/** A GET for the target's path. */
export function requestFor({ path, port }: Target): Buffer {
  return Buffer.from(`GET ${path} HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`, 'latin1');
}

/** Length of the whole answer, out of its beginning; 0 where the head is not complete. */
export function answerLength(bytes: Buffer, size: number): number {
  const text = bytes.toString('latin1', 0, size);
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end));
  if (length === null || !text.startsWith('HTTP/1.1 200')) {
    throw new Error(`unexpected answer: ${text.slice(0, 60)}`);
  }
  return end + 4 + Number(length[1]);
}
