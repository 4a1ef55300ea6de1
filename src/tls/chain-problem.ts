// Is a renewed certificate file whole? OpenSSL sends whatever intermediates follow a certificate,
// and nobody notices before clients refuse it: so those that do not belong to it are no renewal.

import type { X509Certificate } from 'node:crypto';
import { readCertificates, type PemFile } from './pem.ts';

/**
 * What is wrong with the chain of a changed file; null where nothing is, and for what is no chain
 * of a server or client. Only a file whose content before was in order is judged: a chain that
 * was odd all the time is not refused for being renewed.
 */
export function chainProblem(file: PemFile, before: PemFile): string | null {
  if (isBroken(before) !== false || isBroken(file) !== true) return null;
  return (
    `"${file.path}": none of its intermediate certificates has issued its first certificate ` +
    '(a reload takes it nevertheless)'
  );
}

/** Null: not a certificate with intermediates, or malformed, which is somebody else's to say. */
function isBroken(file: PemFile): boolean | null {
  let leaf: X509Certificate | undefined;
  let others: readonly X509Certificate[];
  try {
    [leaf, ...others] = readCertificates(file);
  } catch {
    return null;
  }
  if (leaf === undefined || leaf.ca || others.length === 0) return null;
  return !others.some((one) => leaf.checkIssued(one));
}
