// Which TLS versions the options of a context come to, all things considered: the range, and the bits
// that take single versions out of it.

import type { SecureContextOptions, SecureVersion } from 'node:tls';
import { versionBits } from './conf-options.ts';

/** The versions that are spoken, lowest first; the security level may still take TLS 1.0 and 1.1. */
export function spoken(options: SecureContextOptions): readonly SecureVersion[] {
  const rows = Object.values(versionBits);
  const first = rows.findIndex(({ name }) => name === (options.minVersion ?? 'TLSv1.2'));
  const last = rows.findIndex(({ name }) => name === (options.maxVersion ?? 'TLSv1.3'));
  const off = options.secureOptions ?? 0;
  return rows
    .filter((row, i) => first <= i && i <= last && (row.off & off) === 0)
    .map(({ name }) => name);
}
