// "Unix crypt using SHA-256 and SHA-512" by Ulrich Drepper: "$5$" and "$6$", perhaps with "rounds=N$".

import { hash } from 'node:crypto';
import { scrambledText } from './crypt-text.ts';

interface Variant {
  readonly algorithm: 'sha256' | 'sha512';
  readonly magic: string;
  readonly bytes: number;
  readonly order: readonly (readonly [number, number, number])[];
  /** Characters of the last group. */
  readonly last: number;
}

// Each group has the places of the one before it, turned and moved on by one.
function turning(
  first: readonly [number, number, number],
  groups: number,
  turn: 'left' | 'right',
): (readonly [number, number, number])[] {
  const order = [first];
  for (let [a, b, c] = first; order.length < groups;) {
    [a, b, c] = turn === 'left' ? [b + 1, c + 1, a + 1] : [c + 1, a + 1, b + 1];
    order.push([a, b, c]);
  }
  return order;
}

const sha256: Variant = {
  algorithm: 'sha256',
  magic: '$5$',
  bytes: 32,
  order: [...turning([0, 10, 20], 10, 'right'), [-1, 31, 30]],
  last: 3,
};

const sha512: Variant = {
  algorithm: 'sha512',
  magic: '$6$',
  bytes: 64,
  order: [...turning([0, 21, 42], 21, 'left'), [-1, -1, 63]],
  last: 2,
};

const defaultRounds = 5000;
const fewestRounds = 1000;
const mostRounds = 999_999_999;
const longestSalt = 16;

/**
 * @param stored - begins with "$5$" or "$6$"
 * @returns the whole hash, which equals the stored one if the password is right; null where
 *   `stored` is malformed
 */
export function shaCrypt(password: Buffer, stored: string): string | null {
  const variant = stored.startsWith(sha512.magic) ? sha512 : sha256;
  const parts = /^\$[56]\$(?:rounds=(\d{1,9})\$)?([^$:\n]{0,16})/.exec(stored);
  if (parts === null) return null;
  const given = parts[1];
  const rounds = given === undefined ? defaultRounds : Number(given);
  if (rounds < fewestRounds || rounds > mostRounds) return null;
  const salt = (parts[2] ?? '').slice(0, longestSalt);
  const digest = digestOf(variant, password, Buffer.from(salt, 'latin1'), rounds);
  const prefix = given === undefined ? variant.magic : `${variant.magic}rounds=${rounds}$`;
  return `${prefix}${salt}$${scrambledText(digest, variant.order, variant.last)}`;
}

function digestOf(variant: Variant, password: Buffer, salt: Buffer, rounds: number): Buffer {
  const { algorithm } = variant;
  const digestFor = (parts: readonly Uint8Array[]): Buffer =>
    hash(algorithm, Buffer.concat(parts), 'buffer');
  const inner = digestFor([password, salt, password]);
  const parts: Uint8Array[] = [password, salt, stretched(inner, password.length)];
  for (let bits = password.length; bits > 0; bits >>>= 1) {
    parts.push((bits & 1) === 1 ? inner : password);
  }
  let digest = digestFor(parts);
  const passwords = stretched(
    digestFor(Array.from({ length: password.length }, () => password)),
    password.length,
  );
  const salts = stretched(
    digestFor(Array.from({ length: 16 + (digest[0] ?? 0) }, () => salt)),
    salt.length,
  );
  for (let round = 0; round < rounds; round += 1) {
    const odd = (round & 1) === 1;
    const mixed: Uint8Array[] = [odd ? passwords : digest];
    if (round % 3 !== 0) mixed.push(salts);
    if (round % 7 !== 0) mixed.push(passwords);
    mixed.push(odd ? digest : passwords);
    digest = digestFor(mixed);
  }
  return digest;
}

/** The digest again and again, up to a length. */
function stretched(digest: Buffer, length: number): Buffer {
  const out = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at += digest.length) digest.copy(out, at);
  return out;
}
