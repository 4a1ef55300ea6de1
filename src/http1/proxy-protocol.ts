// The PROXY protocol, versions 1 and 2: what a balancer in front writes before anything else, to say
// who its client is. Pure and bounded: bytes in, a header or a reason out.
// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt

import { isIP } from 'node:net';

/** Who connected to whom, in front of the balancer. */
export interface ProxyHeader {
  readonly sourceAddress: string;
  readonly sourcePort: number;
  readonly destinationAddress: string;
  readonly destinationPort: number;
  /** Type, length, value, one after the other; null where there are none. */
  readonly tlvs: Buffer | null;
}

export type ProxyHeaderResult =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'error'; readonly reason: string }
  /** `header` is null where it says nothing of a client: a health check, or an unknown network. */
  | { readonly kind: 'complete'; readonly end: number; readonly header: ProxyHeader | null };

const incomplete: ProxyHeaderResult = { kind: 'incomplete' };

/** Longest line of version 1, CRLF included (section 2.1). */
const longestLine = 107;
/** Longest header of version 2 that is taken: nginx's bound. */
const longestBinary = 4096;

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
const textSignature = Buffer.from('PROXY ', 'latin1');

/** Reads a header from the beginning of `input`. Call again with more bytes where it is incomplete. */
export function readProxyHeader(input: Buffer): ProxyHeaderResult {
  if (beginsAlike(input, signature)) {
    return input.length < signature.length + 4 ? incomplete : readBinary(input);
  }
  if (!beginsAlike(input, textSignature)) return broken(input);
  const end = input.subarray(0, longestLine).indexOf('\r\n', 0, 'latin1');
  if (end !== -1) return readLine(input, end);
  return input.length >= longestLine ? broken(input) : incomplete;
}

function beginsAlike(input: Buffer, wanted: Buffer): boolean {
  const length = Math.min(input.length, wanted.length);
  return input.compare(wanted, 0, length, 0, length) === 0;
}

/** For the log: printable, and no more than a line could have. */
function broken(input: Buffer): ProxyHeaderResult {
  const text = input.toString('latin1', 0, longestLine);
  const line = text.split(/[\r\n]/, 1)[0] ?? '';
  const shown = line.replace(/[^\x20-\x7e]/g, '.');
  return { kind: 'error', reason: `broken header: "${shown}"` };
}

function readLine(input: Buffer, lineEnd: number): ProxyHeaderResult {
  const line = input.toString('latin1', 0, lineEnd);
  const end = lineEnd + 2;
  if (/^PROXY UNKNOWN(?: |$)/.test(line)) return { kind: 'complete', end, header: null };
  const parts = /^PROXY TCP([46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})$/.exec(line);
  if (parts === null) return broken(input);
  const [, version = '', source = '', destination = '', ...ports] = parts;
  const [sourcePort = 0, destinationPort = 0] = ports.map(Number);
  const family = Number(version);
  const valid = isPlainIp(source, family) && isPlainIp(destination, family);
  if (!valid || sourcePort > 65_535 || destinationPort > 65_535) return broken(input);
  const header = {
    sourceAddress: source,
    sourcePort,
    destinationAddress: destination,
    destinationPort,
    tlvs: null,
  };
  return { kind: 'complete', end, header };
}

function isPlainIp(text: string, family: number): boolean {
  return isIP(text) === family && !text.includes('%');
}

/** Lengths of the addresses, by family. */
const addressLengths: Readonly<Record<number, number>> = { 1: 4, 2: 16 };

function readBinary(input: Buffer): ProxyHeaderResult {
  const versionAndCommand = input[12] ?? 0;
  const version = versionAndCommand >> 4;
  if (version !== 2) return { kind: 'error', reason: `unknown PROXY protocol version: ${version}` };
  const end = 16 + input.readUInt16BE(14);
  if (end > longestBinary) return { kind: 'error', reason: 'header is too large' };
  if (input.length < end) return incomplete;
  const familyAndTransport = input[13] ?? 0;
  const length = addressLengths[familyAndTransport >> 4];
  const isProxied = (versionAndCommand & 15) === 1 && (familyAndTransport & 15) === 1;
  if (!isProxied || length === undefined) return { kind: 'complete', end, header: null };
  const ports = 16 + 2 * length;
  if (ports + 4 > end)
    return { kind: 'error', reason: 'broken header: too short for its addresses' };
  const header = {
    sourceAddress: addressText(input.subarray(16, 16 + length)),
    sourcePort: input.readUInt16BE(ports),
    destinationAddress: addressText(input.subarray(16 + length, ports)),
    destinationPort: input.readUInt16BE(ports + 2),
    // A copy: the input is a part of something larger that must not be kept.
    tlvs: ports + 4 === end ? null : Buffer.from(input.subarray(ports + 4, end)),
  };
  return { kind: 'complete', end, header };
}

function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16));
  return shortened(groups);
}

/** The longest run of zeros, if it is longer than one, becomes "::" (RFC 5952). */
function shortened(groups: readonly string[]): string {
  let [start, length] = [0, 1];
  for (let at = 0; at < groups.length; at += 1) {
    let end = at;
    while (groups[end] === '0') end += 1;
    if (end - at > length) [start, length] = [at, end - at];
  }
  if (length === 1) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

/**
 * The value of the first TLV of a type, null where there is none.
 *
 * @param tlvs - types of one byte, lengths of two
 */
export function findTlv(tlvs: Buffer, type: number): Buffer | null {
  let at = 0;
  while (at + 3 <= tlvs.length) {
    const end = at + 3 + tlvs.readUInt16BE(at + 1);
    if (end > tlvs.length) return null;
    if (tlvs[at] === type) return tlvs.subarray(at + 3, end);
    at = end;
  }
  return null;
}
