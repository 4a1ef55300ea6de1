// The id of a TLS session, which Node shows nowhere but inside of the session itself.

import { readElement } from './der-element.ts';

/**
 * The session's id, in hex; empty where it has none.
 *
 * @param session - as Node's `getSession()` gives it: OpenSSL's SSL_SESSION, of which the id is the
 *   fourth part (version, SSL version, cipher, id)
 */
export function sessionIdOf(session: Buffer | null | undefined): string {
  if (session === null || session === undefined) return '';
  let part = readElement(session, 0);
  if (part?.tag !== 0x30) return '';
  let at = part.start;
  for (let number = 0; number < 4; number += 1) {
    part = readElement(session, at);
    if (part === null) return '';
    at = part.end;
  }
  return part?.tag === 4 ? session.toString('hex', part.start, part.end) : '';
}
