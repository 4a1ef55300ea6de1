// `ssl_dhparam`: checked here, because Node leaves out what it cannot read without a word, and the
// suites that need them with it.

import { createSecureContext } from 'node:tls';
import { readElement } from './der-element.ts';
import type { PemFile } from './pem.ts';
import { certificateError, reasonOf } from './pem.ts';

const block = /-----BEGIN DH PARAMETERS-----([\s\S]*?)-----END DH PARAMETERS-----/;

/**
 * The parameters of a file as a context takes them (PKCS #3).
 *
 * @throws SallyportError CERTIFICATE_INVALID where there are none, they are malformed, or too short
 */
export function readDhParameters(file: PemFile): string {
  const found = block.exec(file.pem);
  if (found === null) throw certificateError(file.path, whyNone(file.pem));
  const der = Buffer.from(found[1] ?? '', 'base64');
  if (!isTwoIntegers(der)) throw certificateError(file.path, 'the DH parameters are malformed');
  try {
    createSecureContext({ dhparam: found[0] });
  } catch (error) {
    throw certificateError(file.path, `the DH parameters cannot be used: ${why(error)}`, error);
  }
  return found[0];
}

function why(error: unknown): string {
  const reason = reasonOf(error);
  return reason === 'dh key too small' ? 'they are too short' : reason;
}

function whyNone(pem: string): string {
  if (pem.includes('X9.42 DH PARAMETERS')) {
    return 'DH parameters in the form of X9.42 cannot be used: make "DH PARAMETERS" (PKCS #3)';
  }
  return 'there are no DH parameters in it';
}

// SEQUENCE { INTEGER prime, INTEGER base, … }
function isTwoIntegers(der: Buffer): boolean {
  const outer = readElement(der, 0);
  if (outer?.tag !== 0x30 || outer.end !== der.length) return false;
  const prime = readElement(der, outer.start);
  if (prime?.tag !== 2) return false;
  const base = readElement(der, prime.end);
  return base?.tag === 2 && base.end <= outer.end;
}
