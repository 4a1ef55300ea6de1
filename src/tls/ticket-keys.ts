// Keys of session tickets. Whatever the secrets are - random ones of the process, or the files of
// `ssl_session_ticket_key` - every policy derives keys of its own from them, so that no ticket of one
// policy can even be decrypted by another (CVE-2025-23419).

import { hkdfSync } from 'node:crypto';
import { SallyportError } from '../base/errors.ts';

/** One key as a context takes it. */
export interface TicketKey {
  /** What its tickets begin with: 16 bytes, one character per byte. */
  readonly name: string;
  /** 48 bytes: name, HMAC key, AES key. */
  readonly bytes: Buffer;
}

const nameLength = 16;
const keyLength = 48;

/**
 * Checks a secret that tickets are protected with.
 *
 * @param bytes - 48 or 80, as nginx
 * @throws SallyportError CERTIFICATE_INVALID, in nginx's words
 */
export function checkTicketSecret(path: string, bytes: Buffer): void {
  if (bytes.length === keyLength || bytes.length === 80) return;
  throw new SallyportError('CERTIFICATE_INVALID', `"${path}" must be 48 or 80 bytes`);
}

/** The keys of one policy, in the order of the secrets: the first encrypts, all decrypt. */
export function ticketKeysOf(secrets: readonly Buffer[], policyKey: string): readonly TicketKey[] {
  return secrets.map((secret) => {
    const bytes = Buffer.from(hkdfSync('sha256', secret, '', `ticket ${policyKey}`, keyLength));
    return { name: bytes.toString('latin1', 0, nameLength), bytes };
  });
}
