// The MD5 hash of FreeBSD's crypt(3) ("$1$"), and Apache's of the same make ("$apr1$"): a thousand
// rounds of MD5 over the password, the salt and the digest so far.

import { hash } from 'node:crypto';
import { scrambledText } from './crypt-text.ts';

const rounds = 1000;
const digestBytes = 16;
const longestSalt = 8;

const order = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
  [-1, -1, 11],
] as const;

function md5(...parts: readonly Uint8Array[]): Buffer {
  return hash('md5', Buffer.concat(parts), 'buffer');
}

/**
 * @param magic - "$1$" or "$apr1$"
 * @param rest - what follows it: the salt, and perhaps "$" and a hash
 * @returns the whole hash, which equals the stored one if the password is right
 */
export function md5Crypt(password: Buffer, magic: string, rest: string): string {
  const salt = (rest.split('$')[0] ?? '').slice(0, longestSalt);
  const saltBytes = Buffer.from(salt, 'latin1');
  let digest = md5(...beginning(password, Buffer.from(magic, 'latin1'), saltBytes));
  for (let round = 0; round < rounds; round += 1) {
    const odd = (round & 1) === 1;
    const parts: Buffer[] = [odd ? password : digest];
    if (round % 3 !== 0) parts.push(saltBytes);
    if (round % 7 !== 0) parts.push(password);
    parts.push(odd ? digest : password);
    digest = md5(...parts);
  }
  return `${magic}${salt}$${scrambledText(digest, order, 2)}`;
}

function beginning(password: Buffer, magic: Buffer, salt: Buffer): Uint8Array[] {
  const parts: Uint8Array[] = [password, magic, salt];
  const inner = md5(password, salt, password);
  for (let left = password.length; left > 0; left -= digestBytes) {
    parts.push(inner.subarray(0, Math.min(left, digestBytes)));
  }
  // A peculiarity of the first version that all others had to keep.
  for (let bits = password.length; bits > 0; bits >>>= 1) {
    parts.push((bits & 1) === 1 ? Buffer.of(0) : password.subarray(0, 1));
  }
  return parts;
}
