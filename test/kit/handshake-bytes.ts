// What somebody on the way can do to the handshake of TLS 1.2, whose first flight is in clear, and
// to the records of any version. For `relay`.

import type { X509Certificate } from 'node:crypto';

const recordHeader = 5;
const handshakeRecord = 22;

/** Messages of the handshake by their numbers (RFC 5246, 7.4; RFC 8446, 4). */
export const messageTypes = {
  certificate: 11,
  serverKeyExchange: 12,
  serverHelloDone: 14,
  keyUpdate: 24,
} as const;

/** One record: its header and its payload. */
export interface TlsRecord {
  readonly type: number;
  readonly whole: Buffer;
  readonly payload: Buffer;
}

export function takeRecords(bytes: Buffer): { records: TlsRecord[]; rest: Buffer } {
  const records: TlsRecord[] = [];
  let at = 0;
  while (bytes.length - at >= recordHeader) {
    const end = at + recordHeader + bytes.readUInt16BE(at + 3);
    if (end > bytes.length) break;
    const whole = bytes.subarray(at, end);
    records.push({ type: whole.readUInt8(0), whole, payload: whole.subarray(recordHeader) });
    at = end;
  }
  return { records, rest: bytes.subarray(at) };
}

/** The same payload as one record of TLS 1.2. */
export function record(type: number, payload: Buffer): Buffer {
  const header = Buffer.from([type, 3, 3, 0, 0]);
  header.writeUInt16BE(payload.length, 3);
  return Buffer.concat([header, payload]);
}

/** A handshake message with its header. */
export function message(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(body.length, 0);
  header.writeUInt8(type, 0);
  return Buffer.concat([header, body]);
}

/** Changes one message of the server's first flight in TLS 1.2; the rest passes as it is. */
export function changeMessage(
  type: number,
  change: (body: Buffer) => Buffer,
): () => (chunk: Buffer) => Buffer {
  return () => {
    let bytes = Buffer.alloc(0);
    let flight = Buffer.alloc(0);
    let done = false;
    return (chunk) => {
      if (done) return chunk;
      const taken = takeRecords(Buffer.concat([bytes, chunk]));
      bytes = Buffer.from(taken.rest);
      const payloads = taken.records.map((one) => one.payload);
      flight = Buffer.concat([flight, ...payloads]);
      const messages = takeMessages(flight);
      const last = messages.at(-1);
      if (last === undefined || last.type !== messageTypes.serverHelloDone) return Buffer.alloc(0);
      done = true;
      return Buffer.concat(
        messages.map((one) => {
          const body = one.type === type ? change(one.body) : one.body;
          return record(handshakeRecord, message(one.type, body));
        }),
      );
    };
  };
}

function takeMessages(flight: Buffer): { type: number; body: Buffer }[] {
  const messages = [];
  let at = 0;
  while (flight.length - at >= 4) {
    const end = at + 4 + flight.readUIntBE(at + 1, 3);
    if (end > flight.length) break;
    messages.push({ type: flight.readUInt8(at), body: flight.subarray(at + 4, end) });
    at = end;
  }
  return messages;
}

/** Turns one bit of the last byte over. */
export function lastBitFlipped(body: Buffer): Buffer {
  const copy = Buffer.from(body);
  copy.writeUInt8(copy.readUInt8(copy.length - 1) ^ 1, copy.length - 1);
  return copy;
}

/** A Certificate message of TLS 1.2 with another chain. */
export function certificateMessage(chain: readonly X509Certificate[]): Buffer {
  const lengthed = (bytes: Buffer): Buffer => {
    const length = Buffer.alloc(3);
    length.writeUIntBE(bytes.length, 0, 3);
    return Buffer.concat([length, bytes]);
  };
  return lengthed(Buffer.concat(chain.map((one) => lengthed(Buffer.from(one.raw)))));
}

/** Damages the `index`th record of the server that is encrypted (TLS 1.3: type 23). */
export function damageEncryptedRecord(index: number): () => (chunk: Buffer) => Buffer {
  return () => {
    let bytes = Buffer.alloc(0);
    let seen = 0;
    return (chunk) => {
      const { records, rest } = takeRecords(Buffer.concat([bytes, chunk]));
      bytes = Buffer.from(rest);
      return Buffer.concat(
        records.map(({ type, whole }) => {
          if (type !== 23) return whole;
          seen += 1;
          return seen === index + 1 ? lastBitFlipped(whole) : whole;
        }),
      );
    };
  };
}

/** Everything passes as it is. */
export function unchanged(): (chunk: Buffer) => Buffer {
  return (chunk) => chunk;
}
