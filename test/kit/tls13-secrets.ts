// The keys of TLS 1.3 (RFC 8446, 7.1) for one suite, TLS_AES_128_GCM_SHA256, and its records. For a
// server that must be able to lie where no library lets it.

import { createCipheriv, createDecipheriv, createHash, createHmac } from 'node:crypto';

const hashLength = 32;
const tagLength = 16;
const nothing = Buffer.alloc(0);
const zeros = Buffer.alloc(hashLength);

export function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}

export function hmac(key: Buffer, bytes: Buffer): Buffer {
  return createHmac('sha256', key).update(bytes).digest();
}

// One block of HKDF-Expand is enough: nothing here is longer than the hash.
function expand(secret: Buffer, label: string, context: Buffer, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = [
    Buffer.from([0, length, name.length]),
    name,
    Buffer.from([context.length]),
    context,
  ];
  return hmac(secret, Buffer.concat([...info, Buffer.from([1])])).subarray(0, length);
}

/** The secret of the handshake, from what both sides agreed on. */
export function handshakeSecret(shared: Buffer): Buffer {
  const early = hmac(zeros, zeros);
  return hmac(expand(early, 'derived', sha256(nothing), hashLength), shared);
}

/** The secret of everything after it. */
export function masterSecret(handshake: Buffer): Buffer {
  return hmac(expand(handshake, 'derived', sha256(nothing), hashLength), zeros);
}

/** `label`: `s hs traffic` and its like; `transcript`: all messages up to here. */
export function trafficSecret(secret: Buffer, label: string, transcript: Buffer): Buffer {
  return expand(secret, label, sha256(transcript), hashLength);
}

/** The secret of one direction after a KeyUpdate of its sender (RFC 8446, 7.2). */
export function nextTrafficSecret(traffic: Buffer): Buffer {
  return expand(traffic, 'traffic upd', nothing, hashLength);
}

/** The content of a Finished message. */
export function finished(traffic: Buffer, transcript: Buffer): Buffer {
  return hmac(expand(traffic, 'finished', nothing, hashLength), sha256(transcript));
}

/** Encrypts or decrypts the records of one direction, in order. */
export class RecordKeys {
  readonly #key: Buffer;
  readonly #iv: Buffer;
  #sequence = 0;

  constructor(traffic: Buffer) {
    this.#key = expand(traffic, 'key', nothing, 16);
    this.#iv = expand(traffic, 'iv', nothing, 12);
  }

  #nonce(): Buffer {
    const nonce = Buffer.from(this.#iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ this.#sequence) >>> 0, 8);
    this.#sequence += 1;
    return nonce;
  }

  /** A whole record with `content` of `type`. */
  seal(type: number, content: Buffer): Buffer {
    const header = Buffer.from([23, 3, 3, 0, 0]);
    header.writeUInt16BE(content.length + 1 + tagLength, 3);
    const cipher = createCipheriv('aes-128-gcm', this.#key, this.#nonce());
    cipher.setAAD(header);
    const text = cipher.update(Buffer.concat([content, Buffer.from([type])]));
    return Buffer.concat([header, text, cipher.final(), cipher.getAuthTag()]);
  }

  /** The content of a whole record, its type as the last byte. Throws where it is not authentic. */
  open(record: Buffer): Buffer {
    const decipher = createDecipheriv('aes-128-gcm', this.#key, this.#nonce());
    decipher.setAAD(record.subarray(0, 5));
    decipher.setAuthTag(record.subarray(-tagLength));
    return Buffer.concat([decipher.update(record.subarray(5, -tagLength)), decipher.final()]);
  }
}
