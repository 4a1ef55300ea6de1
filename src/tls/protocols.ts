// TLS protocol versions as `ssl_protocols` and `proxy_ssl_protocols` name them, and what they mean
// for a context: lowest and highest version, and a bit for each hole between the two.

import { constants } from 'node:crypto';
import type { SecureVersion } from 'node:tls';

/** A version as nginx writes it. SSLv2 and SSLv3 can be read but are not in this OpenSSL. */
export type TlsProtocol = 'SSLv2' | 'SSLv3' | 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';

interface VersionRow {
  readonly name: SecureVersion;
  /** The OpenSSL option that takes this version out. */
  readonly off: number;
  /** OpenSSL offers it only when the cipher string lowers the security level to 0. */
  readonly old: boolean;
}

const versions: readonly VersionRow[] = [
  { name: 'TLSv1', off: constants.SSL_OP_NO_TLSv1, old: true },
  { name: 'TLSv1.1', off: constants.SSL_OP_NO_TLSv1_1, old: true },
  { name: 'TLSv1.2', off: constants.SSL_OP_NO_TLSv1_2, old: false },
  { name: 'TLSv1.3', off: constants.SSL_OP_NO_TLSv1_3, old: false },
];

/** What a context needs in order to speak the listed versions and no other. */
export interface VersionRange {
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  /** `SSL_OP_NO_*` bits for every version that is not listed, ends included. */
  readonly secureOptions: number;
}

/** Does the cipher string lower OpenSSL's security level to 0, as TLS 1.0 and 1.1 need? */
export function allowsOldProtocols(ciphers: string): boolean {
  return /@SECLEVEL=0(?!\d)/.test(ciphers);
}

/**
 * The context options for a list of versions.
 *
 * @param ciphers - the cipher string, because its `@SECLEVEL` decides on TLS 1.0 and 1.1
 * @returns null where none of the listed versions can ever be spoken
 */
export function versionRange(
  protocols: readonly TlsProtocol[],
  ciphers: string,
): VersionRange | null {
  const old = allowsOldProtocols(ciphers);
  const listed = versions.filter((row) => protocols.includes(row.name));
  if (!listed.some((row) => old || !row.old)) return null;
  const first = listed[0];
  const last = listed.at(-1);
  if (first === undefined || last === undefined) return null;
  const secureOptions = versions
    .filter((row) => !listed.includes(row))
    .reduce((bits, row) => bits | row.off, 0);
  return { minVersion: first.name, maxVersion: last.name, secureOptions };
}

/** Versions that are listed but will never be spoken, each with what to write instead. */
export function protocolWarnings(protocols: readonly TlsProtocol[], ciphers: string): string[] {
  const warnings: string[] = [];
  for (const name of ['SSLv2', 'SSLv3'] as const) {
    if (protocols.includes(name)) warnings.push(`${name} is not available: OpenSSL has removed it`);
  }
  if (allowsOldProtocols(ciphers)) return warnings;
  for (const name of ['TLSv1', 'TLSv1.1'] as const) {
    if (!protocols.includes(name)) continue;
    warnings.push(
      `${name} will not be spoken: OpenSSL allows it at security level 0 only; ` +
        `leave ${name} out, or, for a peer that has nothing newer, write ` +
        `ciphers "${ciphers}:@SECLEVEL=0"`,
    );
  }
  return warnings;
}
