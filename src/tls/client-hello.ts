// Reads a ClientHello (RFC 8446 section 4.1.2, RFC 5246 section 7.4.1.2) from the first bytes of a
// connection, before any TLS object exists: the server name in it decides which policy applies.
// Pure: bytes in, facts out. It may come in any number of segments and records.
//
//   record:    type 22, version (2), length (2), payload   - one or more
//   payloads:  type 1, length (3), version (2), random (32), session id, ciphers, compressions,
//              extensions

import { ByteCursor, MalformedBytes } from './byte-cursor.ts';

/** What a client offers. Numbers are those on the wire, in the client's order. */
export interface ClientHello {
  /** `server_name` as the client wrote it; empty where it sent none. */
  readonly serverName: string;
  readonly ciphers: readonly number[];
  readonly groups: readonly number[];
  readonly alpn: readonly string[];
  /** `supported_versions`, or the one version of a hello without it. */
  readonly versions: readonly number[];
  /** `signature_algorithms`; empty where it sent none. */
  readonly sigalgs: readonly number[];
  /** Does it take session tickets (TLS 1.2: RFC 5077)? */
  readonly takesTicket: boolean;
  /** The key name in its ticket, 16 bytes, one character per byte; empty where it has none. */
  readonly ticketName: string;
}

/** How far the reading has come. `plain`: these bytes are no TLS at all. */
export type HelloState =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'plain' }
  | { readonly kind: 'error'; readonly reason: string }
  | { readonly kind: 'hello'; readonly hello: ClientHello };

/** No honest hello comes near it; a client must not make us keep more. */
export const largestHello = 32_768;

const recordHeader = 5;
const messageHeader = 4;
const handshakeRecord = 22;
const clientHelloMessage = 1;
const largestRecord = 16_384;
const ticketNameLength = 16;

const incomplete: HelloState = Object.freeze({ kind: 'incomplete' });
const plain: HelloState = Object.freeze({ kind: 'plain' });

function failed(reason: string): HelloState {
  return { kind: 'error', reason };
}

/** Gathers bytes until the hello is whole. Each byte is looked at once, however they come. */
export class ClientHelloReader {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where the first record begins that is not complete yet. */
  #record = 0;
  /** Payload of the complete records. */
  readonly #payloads: Buffer[] = [];
  #payloadLength = 0;

  /** All bytes so far, to be put back into the socket. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  /** @param chunk - the next bytes of the connection; kept, not copied, while it is the only one */
  push(chunk: Buffer): HelloState {
    this.#append(chunk);
    const first = this.#bytes[0];
    if (first === undefined || this.#length === 0) return incomplete;
    if (first !== handshakeRecord) {
      // As nginx: the high bit is an SSLv2 hello, which nobody answers; the rest is plain text.
      return (first & 0x80) !== 0 ? failed('not a TLS record') : plain;
    }
    const state = this.#readRecords();
    if (state.kind === 'incomplete' && this.#length > largestHello) return failed('too large');
    return state;
  }

  #append(chunk: Buffer): void {
    if (this.#length === 0) {
      this.#bytes = chunk;
      this.#length = chunk.length;
      return;
    }
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#bytes.length, 2048));
      this.#bytes.copy(larger, 0, 0, this.#length);
      // Payloads found so far are views of the old bytes; they keep what they show.
      this.#bytes = larger;
    }
    chunk.copy(this.#bytes, this.#length);
    this.#length = length;
  }

  #readRecords(): HelloState {
    while (this.#length >= this.#record + recordHeader) {
      const at = this.#record;
      if (this.#bytes[at] !== handshakeRecord || this.#bytes[at + 1] !== 3) {
        return failed('not a TLS handshake record');
      }
      const size = this.#bytes.readUInt16BE(at + 3);
      if (size === 0 || size > largestRecord) return failed('record of a wrong length');
      const end = at + recordHeader + size;
      if (this.#length < end) return incomplete;
      this.#payloads.push(this.#bytes.subarray(at + recordHeader, end));
      this.#payloadLength += size;
      this.#record = end;
      const state = this.#readMessage();
      if (state.kind !== 'incomplete') return state;
    }
    return incomplete;
  }

  #readMessage(): HelloState {
    if (this.#payloads[0]?.[0] !== clientHelloMessage) return failed('not a ClientHello');
    if (this.#payloadLength < messageHeader) return incomplete;
    const head = Buffer.concat(this.#payloads.slice(0, messageHeader), messageHeader);
    const size = head.readUIntBE(1, 3);
    if (size > largestHello) return failed('too large');
    if (this.#payloadLength < messageHeader + size) return incomplete;
    const payload = Buffer.concat(this.#payloads, this.#payloadLength);
    return parseHello(payload.subarray(messageHeader, messageHeader + size));
  }
}

interface Offer {
  serverName: string;
  groups: number[];
  alpn: string[];
  versions: number[];
  sigalgs: number[];
  takesTicket: boolean;
  ticketName: string;
}

/** Reads the body of a ClientHello message, without its type and length. */
export function parseHello(body: Uint8Array): HelloState {
  try {
    const cursor = new ByteCursor(body);
    const version = cursor.uint16();
    cursor.skip(32);
    cursor.vector(1, { least: 0, most: 32 });
    const ciphers = cursor.vector(2, { least: 2, most: 65_534 }).allUint16();
    cursor.vector(1, { least: 1, most: 255 });
    const offer: Offer = {
      serverName: '',
      groups: [],
      alpn: [],
      versions: [version],
      sigalgs: [],
      takesTicket: false,
      ticketName: '',
    };
    if (!cursor.done) readExtensions(cursor.vector(2, { least: 0, most: 65_535 }), offer);
    if (!cursor.done) return failed('bytes after the last extension');
    return { kind: 'hello', hello: { ...offer, ciphers } };
  } catch (error) {
    if (error instanceof MalformedBytes) return failed(error.message);
    throw error;
  }
}

function readExtensions(extensions: ByteCursor, offer: Offer): void {
  const seen = new Set<number>();
  while (!extensions.done) {
    const type = extensions.uint16();
    const content = extensions.vector(2, { least: 0, most: 65_535 });
    // OpenSSL refuses it as well; two server names could be read in two ways.
    if (seen.has(type)) throw new MalformedBytes(`extension ${type} comes twice`);
    seen.add(type);
    readExtension(type, content, offer);
  }
}

function readExtension(type: number, content: ByteCursor, offer: Offer): void {
  if (type === 0) offer.serverName = readServerName(content);
  else if (type === 10) offer.groups = content.vector(2, { least: 2, most: 65_535 }).allUint16();
  else if (type === 13) offer.sigalgs = content.vector(2, { least: 2, most: 65_534 }).allUint16();
  else if (type === 16) offer.alpn = readAlpn(content.vector(2, { least: 2, most: 65_535 }));
  else if (type === 35) readTicket(content, offer);
  else if (type === 41) readIdentity(content, offer);
  else if (type === 43) offer.versions = content.vector(1, { least: 2, most: 254 }).allUint16();
  else return;
  if (!content.done) throw new MalformedBytes(`bytes after the end of extension ${type}`);
}

// RFC 6066 section 3. One name of type host_name; other types have never been defined.
function readServerName(content: ByteCursor): string {
  const names = content.vector(2, { least: 1, most: 65_535 });
  if (names.uint8() !== 0) throw new MalformedBytes('server name of an unknown type');
  const name = names.vector(2, { least: 1, most: 255 }).latin1();
  if (!names.done) throw new MalformedBytes('more than one server name');
  if (name.includes('\0')) throw new MalformedBytes('NUL in the server name');
  return name;
}

// Every ticket of OpenSSL begins with the name of its key. An empty one asks for a ticket.
function readTicket(content: ByteCursor, offer: Offer): void {
  offer.takesTicket = true;
  offer.ticketName ||= readTicketName(content);
}

// RFC 8446 section 4.2.11: of the identities the first is the one that clients send alone.
function readIdentity(content: ByteCursor, offer: Offer): void {
  const identities = content.vector(2, { least: 7, most: 65_535 });
  const name = readTicketName(identities.vector(2, { least: 1, most: 65_535 }));
  if (name !== '') offer.ticketName = name;
  content.skip(content.left);
}

function readTicketName(ticket: ByteCursor): string {
  const name = ticket.left < ticketNameLength ? '' : ticket.latin1(ticketNameLength);
  ticket.skip(ticket.left);
  return name;
}

function readAlpn(list: ByteCursor): string[] {
  const names: string[] = [];
  while (!list.done) names.push(list.vector(1, { least: 1, most: 255 }).latin1());
  return names;
}
