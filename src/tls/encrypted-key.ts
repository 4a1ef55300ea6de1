// `ssl_password_file` and `proxy_ssl_password_file`: encrypted keys are decrypted once, at load, so
// that nothing after it has to know a password.

import type { PemFile } from './pem.ts';
import { certificateError, parsePrivateKey } from './pem.ts';

const encrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED\s*$/m;

/**
 * The key without encryption, as PKCS#8; a key that is not encrypted as it is.
 *
 * @param passwords - tried in their order, as nginx does
 * @throws SallyportError CERTIFICATE_INVALID naming the file where none of them fits
 */
export function decryptKey(key: PemFile, passwords: readonly string[]): PemFile {
  if (!encrypted.test(key.pem)) return key;
  for (const passphrase of passwords) {
    const pem = decrypted(key.pem, passphrase);
    if (pem !== null) return { path: key.path, pem };
  }
  throw certificateError(key.path, whyNot(passwords.length));
}

function whyNot(count: number): string {
  if (count === 0) return 'the private key is encrypted and no passphrase is known';
  const tried = count === 1 ? 'the password does not fit' : `none of the ${count} passwords fits`;
  return `the private key is encrypted and ${tried}`;
}

function decrypted(pem: string, passphrase: string): string | null {
  try {
    return parsePrivateKey({ key: pem, passphrase }).export({ type: 'pkcs8', format: 'pem' });
  } catch {
    return null;
  }
}

/** The passwords of a file: one in each line, empty lines left out. */
export function readPasswords(text: string): string[] {
  return text.split(/\r?\n/).filter((line) => line !== '');
}
