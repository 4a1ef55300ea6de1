// Which of several certificates a client gets. OpenSSL would choose by itself in one context, but
// then nobody outside knows which one it was in time to staple its OCSP response. So there is one
// context for each key type, and the hello says which of them the client can use. Where that is not
// certain, the context that has them all is taken, without a staple.

import type { KeyObject } from 'node:crypto';
import { createSecureContext, getCiphers } from 'node:tls';
import type { ClientHello } from './client-hello.ts';
import { cipherNames } from './offered-names.ts';
import type { KeyPair } from './pem.ts';
import { readCertificates } from './pem.ts';
import { schemesForTls12, schemesForTls13 } from './signature-algorithms.ts';

const tls13 = 0x0304;

/** A certificate by what decides whether a client can use it. */
interface Candidate {
  /** Its group's number where it has one; 0 otherwise. */
  readonly group: number;
  readonly schemes13: readonly number[];
  readonly schemes12: readonly number[];
  /** Cipher suites of TLS 1.2 that it can be used with. */
  readonly suites: ReadonlySet<number>;
}

/** What of the policy decides. */
export interface ChoiceSettings {
  /** Without TLS 1.3's. */
  readonly ciphers: string;
  readonly speaksTls13: boolean;
  /** The server itself signs with some schemes only: then the hello says too little. */
  readonly ownSchemes?: boolean;
}

/** As OpenSSL has it, of several certificates with one type of key the last one counts. */
export function oneOfEachType(pairs: readonly KeyPair[]): readonly KeyPair[] {
  const byType = new Map<string, KeyPair>();
  for (const pair of pairs) {
    const type = publicKey(pair).asymmetricKeyType ?? '';
    byType.delete(type);
    byType.set(type, pair);
  }
  // Others than RSA are smaller and faster: who can use them gets them.
  const rank = (type: string): number => (type.startsWith('rsa') ? 1 : 0);
  return [...byType].sort(([a], [b]) => rank(a) - rank(b)).map(([, pair]) => pair);
}

/** Chooses among certificates of different key types. */
export class CertificateChoice {
  readonly #candidates: readonly Candidate[];
  readonly #settings: ChoiceSettings;

  /** @param pairs - as of `oneOfEachType` */
  constructor(pairs: readonly KeyPair[], settings: ChoiceSettings) {
    this.#settings = settings;
    // One alone is not chosen, so nothing need be known of it.
    const ciphers = pairs.length > 1 ? settings.ciphers : null;
    this.#candidates = pairs.map((pair) => candidate(publicKey(pair), ciphers));
  }

  /** The place of the certificate that the client can certainly use; -1: OpenSSL is to choose. */
  choose(hello: ClientHello): number {
    if (this.#candidates.length === 1) return 0;
    if (this.#settings.ownSchemes === true) return -1;
    const modern = this.#settings.speaksTls13 && hello.versions.includes(tls13);
    return this.#candidates.findIndex((one) =>
      modern
        ? shares(hello.sigalgs, one.schemes13)
        : shares(hello.sigalgs, one.schemes12) && takesSuiteOf(one, hello),
    );
  }
}

function takesSuiteOf(one: Candidate, hello: ClientHello): boolean {
  if (one.group !== 0 && hello.groups.length > 0 && !hello.groups.includes(one.group)) {
    return false;
  }
  return hello.ciphers.some((suite) => one.suites.has(suite));
}

function shares(offered: readonly number[], wanted: readonly number[]): boolean {
  for (const one of wanted) if (offered.includes(one)) return true;
  return false;
}

function publicKey(pair: KeyPair): KeyObject {
  const [leaf] = readCertificates(pair.certificate);
  if (leaf === undefined) throw new RangeError('a certificate file without certificates');
  return leaf.publicKey;
}

const groups: Readonly<Record<string, number>> = { prime256v1: 23, secp384r1: 24, secp521r1: 25 };

function candidate(key: KeyObject, ciphers: string | null): Candidate {
  return {
    group: groups[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? 0,
    schemes13: schemesForTls13(key),
    schemes12: schemesForTls12(key),
    suites: ciphers === null ? new Set() : suitesOf(key.asymmetricKeyType ?? '', ciphers),
  };
}

// RSA signs the handshake in these; in those that it only encrypts in, the hello need not say so.
function signs(keyType: string, suite: string): boolean {
  if (keyType.startsWith('rsa')) return /^(ECDHE|DHE)-RSA-/.test(suite);
  return suite.startsWith('ECDHE-ECDSA-');
}

const known = new Map<string, ReadonlySet<number>>();
const mostKnown = 64;

// Node has no list of what a cipher string comes to, but refuses one that comes to nothing: a suite
// is in it if all the others can be taken away.
function suitesOf(keyType: string, ciphers: string): ReadonlySet<number> {
  const kind = keyType.startsWith('rsa') ? 'rsa' : 'ecdsa';
  const key = `${kind} ${ciphers}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  // Either list lacks some that the other has.
  const all = new Set([...getCiphers().map((name) => name.toUpperCase()), ...cipherNames.values()]);
  const suites = [...cipherNames]
    .filter(([, name]) => signs(kind, name))
    .filter(([, name]) => comesToSomething(ciphers, all, name))
    .map(([number]) => number);
  if (known.size >= mostKnown) known.clear();
  const made = new Set(suites);
  known.set(key, made);
  return made;
}

function comesToSomething(ciphers: string, all: ReadonlySet<string>, but: string): boolean {
  const away = [...all].filter((name) => name !== but && !name.startsWith('TLS_'));
  const others = ['PSK', 'SRP', 'aDSS', 'aNULL', 'eNULL', ...away].map((name) => `!${name}`);
  try {
    createSecureContext({ ciphers: [ciphers, ...others].join(':') });
    return true;
  } catch {
    return false;
  }
}
