// The words of OpenSSL's commands `Options` and `Protocol`: which bit of a context each one is, and
// why some of them are refused. Node can set bits but not clear those that OpenSSL itself sets.

import { constants } from 'node:crypto';
import type { SecureVersion } from 'node:tls';
import type { ContextOverrides } from './conf-command.ts';

interface OptionRow {
  /** The bit; 0 where OpenSSL has none any more and does it always. */
  readonly bit: number;
  /** OpenSSL's bit turns off what the word names. */
  readonly inverse?: boolean;
  /** Why the word is refused. */
  readonly noOn?: string;
  /** Why it is refused with `-` in front. */
  readonly noOff?: string;
}

function refused(why: string): OptionRow {
  return { bit: 0, noOn: why, noOff: why };
}

const sendsNoKernelTls = 'Node.js encrypts by itself, never in the kernel';
const noCompression = 'this OpenSSL compresses no certificates';
const c = constants;

// Bits that node:crypto has no name for, as in OpenSSL's ssl.h.
const noExtendedMasterSecret = 1;
const noCaNames = 1 << 9;
const prioritizeChaCha = c.SSL_OP_PRIORITIZE_CHACHA;

const options: Readonly<Record<string, OptionRow>> = {
  SessionTicket: { bit: c.SSL_OP_NO_TICKET, inverse: true },
  ServerPreference: { bit: c.SSL_OP_CIPHER_SERVER_PREFERENCE },
  PrioritizeChaCha: { bit: prioritizeChaCha },
  NoResumptionOnRenegotiation: { bit: c.SSL_OP_NO_SESSION_RESUMPTION_ON_RENEGOTIATION },
  NoRenegotiation: {
    bit: c.SSL_OP_NO_RENEGOTIATION,
    noOff: 'renegotiation lets a client make the server work for nothing',
  },
  AllowNoDHEKEX: { bit: c.SSL_OP_ALLOW_NO_DHE_KEX },
  CANames: { bit: noCaNames, inverse: true },
  MiddleboxCompat: { bit: 1 << 20, noOff: 'Node.js cannot turn it off' },
  DHSingle: { bit: 0, noOff: 'OpenSSL always does it' },
  ECDHSingle: { bit: 0, noOff: 'OpenSSL always does it' },
  Compression: {
    bit: c.SSL_OP_NO_COMPRESSION,
    inverse: true,
    noOn: 'compression gives secrets away (CRIME) and this OpenSSL has none',
  },
  EmptyFragments: {
    bit: c.SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS,
    inverse: true,
    noOff: 'it protects TLS 1.0 from BEAST',
  },
  EncryptThenMac: {
    bit: 1 << 19,
    inverse: true,
    noOff: 'it protects CBC suites from timing attacks',
  },
  ExtendedMasterSecret: {
    bit: noExtendedMasterSecret,
    inverse: true,
    noOff: 'it protects TLS 1.2 from the triple handshake attack',
  },
  Bugs: refused('its workarounds take the protection against BEAST away'),
  UnsafeLegacyRenegotiation: refused('it lets others put bytes before a request (CVE-2009-3555)'),
  UnsafeLegacyServerConnect: refused('it lets others put bytes before a request (CVE-2009-3555)'),
  ClientRenegotiation: refused('renegotiation lets a client make the server work for nothing'),
  IgnoreUnexpectedEOF: refused('a response that was cut off would pass for a whole one'),
  PreferNoDHEKEX: refused('Node.js cannot set it'),
  StrictCertCheck: refused('Node.js cannot set it'),
  AntiReplay: refused('Node.js has no early data'),
  KTLS: refused(sendsNoKernelTls),
  KTLSTxZerocopySendfile: refused(sendsNoKernelTls),
  TxCertificateCompression: refused(noCompression),
  RxCertificateCompression: refused(noCompression),
};

interface VersionBit {
  readonly name: SecureVersion;
  /** The bit that takes the version out. */
  readonly off: number;
}

/** TLS versions, lowest first. */
export const versionBits: Readonly<Record<string, VersionBit>> = {
  TLSv1: { name: 'TLSv1', off: c.SSL_OP_NO_TLSv1 },
  'TLSv1.1': { name: 'TLSv1.1', off: c.SSL_OP_NO_TLSv1_1 },
  'TLSv1.2': { name: 'TLSv1.2', off: c.SSL_OP_NO_TLSv1_2 },
  'TLSv1.3': { name: 'TLSv1.3', off: c.SSL_OP_NO_TLSv1_3 },
};

const allVersions = Object.values(versionBits).reduce((bits, row) => bits | row.off, 0);

const protocols: Readonly<Record<string, OptionRow>> = {
  ALL: { bit: allVersions, inverse: true },
  ...Object.fromEntries(
    Object.entries(versionBits).map(([word, row]) => [word, { bit: row.off, inverse: true }]),
  ),
  SSLv2: { bit: 0, noOn: 'OpenSSL has removed it' },
  SSLv3: { bit: 0, noOn: 'OpenSSL has removed it' },
};

/** Reads `Options`: words separated by commas, each with `+` or `-` in front or nothing. */
export function readOptions(value: string): ContextOverrides | string {
  return readWords(value, { table: options, what: 'option' });
}

/** Reads `Protocol`, likewise. A version without `-` is added to those that are on. */
export function readProtocols(value: string): ContextOverrides | string {
  return readWords(value, { table: protocols, what: 'protocol' });
}

function readWords(
  value: string,
  { table, what }: { table: Readonly<Record<string, OptionRow>>; what: string },
): ContextOverrides | string {
  let on = 0;
  let off = 0;
  for (const word of value.split(',')) {
    const [, sign = '', name = ''] = /^\s*([+-]?)(.*?)\s*$/.exec(word) ?? [];
    const entry = Object.entries(table).find(([k]) => k.toLowerCase() === name.toLowerCase());
    if (entry === undefined) {
      return `there is no ${what} "${name}"; there are ${possible(table)}`;
    }
    const [known, row] = entry;
    const why = sign === '-' ? row.noOff : row.noOn;
    if (why !== undefined) return `${what} "${sign === '-' ? '-' : ''}${known}" is refused: ${why}`;
    const sets = (sign !== '-') !== (row.inverse === true);
    on = sets ? on | row.bit : on & ~row.bit;
    off = sets ? off & ~row.bit : off | row.bit;
  }
  return { ...(on === 0 ? {} : { optionsOn: on }), ...(off === 0 ? {} : { optionsOff: off }) };
}

function possible(table: Readonly<Record<string, OptionRow>>): string {
  return Object.entries(table)
    .filter(([, row]) => row.noOn === undefined || row.noOff === undefined)
    .map(([word, row]) => (row.noOn === undefined ? word : `-${word}`))
    .join(', ');
}
