// The hashes of password files, one row each: how one is told by its beginning, and what a password
// gives with the salt in it. Slow ones are computed in a thread (password-thread.ts).

import { hash } from 'node:crypto';
import { createRequire } from 'node:module';
import type * as Bcrypt from 'bcryptjs';
import { desCrypt } from './des-crypt.ts';
import { md5Crypt } from './md5-crypt.ts';
import { shaCrypt } from './sha-crypt.ts';

const require = createRequire(import.meta.url);

/** One kind of hash. */
export interface PasswordHash {
  readonly name: string;
  /** Of the stored text. */
  readonly pattern: RegExp;
  /** Takes a millisecond or more: not on the data path. */
  readonly slow: boolean;
  /** What is stored if the password is right; null where the stored text is malformed. */
  compute(password: Buffer, stored: string): string | null;
}

const sha1Bytes = 20;

function saltedSha(password: Buffer, stored: string): string {
  const salt = Buffer.from(stored.slice('{SSHA}'.length), 'base64').subarray(sha1Bytes);
  const digest = hash('sha1', Buffer.concat([password, salt]), 'buffer');
  return `{SSHA}${Buffer.concat([digest, salt]).toString('base64')}`;
}

// The library takes text and makes UTF-8 of it. Passwords in other encodings match nothing. It is
// loaded when it is needed, which is in the thread for passwords alone.
function bcrypt(password: Buffer, stored: string): string {
  const { hashSync } = require('bcryptjs') as typeof Bcrypt;
  return hashSync(password.toString('utf8'), stored.slice(0, 29));
}

/** In the order in which they are tried. */
export const passwordHashes: readonly PasswordHash[] = [
  {
    name: '$apr1$',
    pattern: /^\$apr1\$/,
    slow: true,
    compute: (password, stored) => md5Crypt(password, '$apr1$', stored.slice(6)),
  },
  {
    name: '{PLAIN}',
    pattern: /^\{PLAIN\}/,
    slow: false,
    compute: (password) => `{PLAIN}${password.toString('latin1')}`,
  },
  { name: '{SSHA}', pattern: /^\{SSHA\}/, slow: false, compute: saltedSha },
  {
    name: '{SHA}',
    pattern: /^\{SHA\}/,
    slow: false,
    compute: (password) => `{SHA}${hash('sha1', password, 'base64')}`,
  },
  {
    name: '$1$',
    pattern: /^\$1\$/,
    slow: true,
    compute: (password, stored) => md5Crypt(password, '$1$', stored.slice(3)),
  },
  {
    name: 'bcrypt',
    pattern: /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{22}/,
    slow: true,
    compute: bcrypt,
  },
  { name: 'sha-crypt', pattern: /^\$[56]\$/, slow: true, compute: shaCrypt },
  { name: 'DES', pattern: /^[./A-Za-z0-9]{2}/, slow: true, compute: desCrypt },
];

/** The kind of a stored hash; null for none that is known. */
export function passwordHashOf(stored: string): PasswordHash | null {
  return passwordHashes.find(({ pattern }) => pattern.test(stored)) ?? null;
}
