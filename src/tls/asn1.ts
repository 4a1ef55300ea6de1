// The one door to the ASN.1 libraries, which are loaded when something has to be taken apart for the
// first time: a revocation list, an OCSP response, a certificate. They are a hundred files, and most
// threads never need them.

import { createRequire } from 'node:module';
import type * as Ocsp from '@peculiar/asn1-ocsp';
import type * as Schema from '@peculiar/asn1-schema';
import type * as X509 from '@peculiar/asn1-x509';

const require = createRequire(import.meta.url);

/** Makes something when it is wanted for the first time, and gives the same from then on. */
export function onFirstUse<T extends object>(make: () => T): () => T {
  let made: T | null = null;
  return () => (made ??= make());
}

/** The parser itself. */
export const asn1Schema = onFirstUse(() => require('@peculiar/asn1-schema') as typeof Schema);

/** The types of RFC 5280. */
export const asn1X509 = onFirstUse(() => require('@peculiar/asn1-x509') as typeof X509);

/** The types of RFC 6960. */
export const asn1Ocsp = onFirstUse(() => require('@peculiar/asn1-ocsp') as typeof Ocsp);

/**
 * Loads all of them, where a configuration says that responses will come: it takes some 30 ms, for
 * which a worker should not stand still later.
 */
export function loadAsn1(): void {
  asn1Schema();
  asn1X509();
  asn1Ocsp();
}
