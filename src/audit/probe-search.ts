// Looks for a configuration with which a server verifies: the configured one is tried by a real
// handshake under a real policy, and while one is refused, the next that mends its error is.

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import type { Address } from '../base/address.ts';
import { SallyportError, type ErrorCode } from '../base/errors.ts';
import { chainFailure } from '../tls/chain-failure.ts';
import { contentHash } from '../tls/content-hash.ts';
import { attemptUpstreamTls, lookAtUpstream, type Look } from '../tls/probe-connect.ts';
import { createUpstreamTlsPolicy, type UpstreamTlsPolicy } from '../tls/upstream-policy.ts';
import { sentServerName, type UpstreamTlsTarget } from '../tls/upstream-target.ts';
import { findVerifiedPath, intermediatesOf, missingIssuer } from '../tls/verified-path.ts';
import { sanText } from '../tls/wanted-san.ts';
import type { Dialect } from './model.ts';
import { isFor } from './probe-names.ts';
import { repairs, type Situation, type Trial } from './probe-repairs.ts';

/** What is searched for. */
export interface SearchStart {
  readonly address: Address;
  readonly trial: Trial;
  readonly dialect: Dialect;
  readonly known: readonly string[];
  /** Milliseconds for each handshake. */
  readonly timeoutMs: number;
}

/** What is missing to a trial that nobody can make yet. */
export interface MissingCa {
  /** The last certificate that was found; its issuer is what is missing. */
  readonly below: X509Certificate;
}

/** Where a search ended. */
export interface SearchEnd {
  readonly look: Look;
  /** Of the configured trial; null where it passes. */
  readonly first: SallyportError | null;
  /** The trial that passes, or would with what is missing; null where none does. */
  readonly found: Trial | null;
  /** Of the last trial; null where it passes. */
  readonly last: SallyportError | null;
  /** A CA that has to be added to its file. */
  readonly missing: MissingCa | null;
  readonly needsClientCertificate: boolean;
}

const mostTrials = 10;
const everything = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const;
const anyCipher = 'DEFAULT:@SECLEVEL=0';

/** The search for one address. */
export class ProbeSearch {
  readonly #start: SearchStart;
  readonly #tried = new Set<string>();
  #look: Look | null = null;
  /** The name that `#look` was made with. */
  #lookedAs: string | null = null;

  constructor(start: SearchStart) {
    this.#start = start;
  }

  /** Never rejects. */
  async run(): Promise<SearchEnd> {
    const { trial } = this.#start;
    const policy = policyOf(trial);
    if (policy instanceof SallyportError) return ended(nothing(policy), policy);
    const look = await this.#firstLook(policy);
    if (look.chain.length === 0 && isHopeless(look.error)) return ended(look, look.error);
    return await this.#search(trial, look);
  }

  async #search(configured: Trial, look: Look): Promise<SearchEnd> {
    let trial = configured;
    let first: SallyportError | null = null;
    let last: SallyportError | null = null;
    let seen = look;
    // A second repair of one error begins where the first did: what did not help is not kept.
    const begun = new Map<ErrorCode, Trial>();
    for (let count = 0; count < mostTrials; count += 1) {
      this.#tried.add(keyOf(trial));
      const policy = policyOf(trial);
      if (policy instanceof SallyportError) return ended(seen, policy, first);
      const target = this.#target(trial, policy);
      const { error, verified } = await attemptUpstreamTls(target, this.#start.timeoutMs);
      last = error ?? this.#nginxRefuses(trial, seen);
      if (count === 0) first = last;
      if (last === null) return { ...ended(seen, null, first), found: trial };
      seen = await this.#lookFor(trial, policy, seen);
      if (last.code === 'UPSTREAM_TLS_CLIENT_CERT_REFUSED') {
        const end = { ...ended(seen, last, first), needsClientCertificate: true };
        return verified ? { ...end, found: trial } : this.#byCertificate(trial, end);
      }
      const from = begun.get(last.code) ?? trial;
      begun.set(last.code, from);
      const next = this.#next(last.code, from, seen);
      if (next === null) break;
      trial = next;
    }
    if (last?.code === 'UPSTREAM_TLS_UNKNOWN_ISSUER') {
      return await this.#withoutRoot(configured, trial, { seen, first, last });
    }
    return ended(seen, last, first);
  }

  // Our own handshake says nothing of the names that nginx does not compare.
  #nginxRefuses({ name, settings }: Trial, { chain }: Look): SallyportError | null {
    const { dialect } = this.#start;
    const [leaf] = chain;
    if (dialect !== 'nginx' || leaf === undefined) return null;
    if (isFor(leaf, name, { dialect, commonName: settings.verifyCommonName })) return null;
    return new SallyportError(
      'UPSTREAM_TLS_NAME_MISMATCH',
      `nginx compares "${name}" with the DNS names of the certificate only, and none is so`,
    );
  }

  #next(code: ErrorCode, trial: Trial, seen: Look): Trial | null {
    const candidates = repairs[code]?.(this.#situation(trial, seen)) ?? [];
    return candidates.find((one) => !this.#tried.has(keyOf(one))) ?? null;
  }

  #situation(trial: Trial, look: Look): Situation {
    const { dialect, known } = this.#start;
    const made = policyOf(trial);
    const policy = made instanceof SallyportError ? null : made;
    const sent = policy === null ? null : this.#target(trial, policy).serverName;
    const leaf = look.chain[0] ?? null;
    return { trial, policy, look, sameName: sent === this.#lookedAs, leaf, dialect, known };
  }

  // The root is not at hand. Everything else can be judged as if the topmost certificate that was
  // presented were trusted.
  async #withoutRoot(
    configured: Trial,
    reached: Trial,
    so: Pick<SearchEnd, 'first' | 'last'> & { readonly seen: Look },
  ): Promise<SearchEnd> {
    const { seen, first, last } = so;
    const [leaf] = seen.chain;
    const trial = {
      ...reached,
      settings: { ...reached.settings, trusted: configured.settings.trusted },
    };
    const policy = policyOf(trial);
    if (leaf === undefined || policy instanceof SallyportError) return ended(seen, last, first);
    const below = missingIssuer(leaf, policy.trust) ?? leaf;
    const judge = this.#target(trial, policy);
    const anchored = await this.#lookAs(judge, { anchor: below, settings: trial.settings });
    if (anchored.verdict !== null) {
      const failure = chainFailure({ name: anchored.verdict, text: null, leaf, policy });
      const blocked =
        failure === null
          ? last
          : new SallyportError(failure.code, `${failure.what}; ${failure.mend}`);
      return ended(seen, blocked, first);
    }
    return this.#byCertificate(trial, { ...ended(seen, last, first), missing: { below } });
  }

  // No handshake comes to an end: what the certificate says has to do.
  #byCertificate(trial: Trial, end: SearchEnd): SearchEnd {
    const { look, last, first } = end;
    const [leaf] = look.chain;
    const situation = this.#situation(trial, look);
    if (leaf === undefined || situation.policy === null) return { ...end, found: trial };
    const named = this.#named(situation, leaf);
    if (named === null) return ended(look, noName(), first ?? last);
    const { trust } = situation.policy;
    const path = findVerifiedPath(leaf, trust);
    const intermediates = path === null ? look.chain.length - 1 : intermediatesOf(path);
    const verifyDepth = Math.max(named.settings.verifyDepth, intermediates);
    const found = { ...named, settings: { ...named.settings, verifyDepth } };
    const below = path === null ? (missingIssuer(leaf, trust) ?? leaf) : null;
    return { ...end, found, missing: end.missing ?? (below === null ? null : { below }) };
  }

  // As the search would.
  #named(situation: Situation, leaf: X509Certificate): Trial | null {
    const { trial, dialect } = situation;
    const fits = ({ name, settings }: Trial): boolean =>
      settings.sans.length > 0 ||
      isFor(leaf, name, { dialect, commonName: settings.verifyCommonName });
    if (fits(trial)) return trial;
    return repairs.UPSTREAM_TLS_NAME_MISMATCH?.(situation).find(fits) ?? null;
  }

  // A server may speak only to who sends a name it knows, or only to who sends none.
  async #firstLook(policy: UpstreamTlsPolicy): Promise<Look> {
    const { trial, known } = this.#start;
    const tries = [trial, { ...trial, sendName: !trial.sendName }].concat(
      known.map((name) => ({ ...trial, name, sendName: true })),
    );
    let look: Look | null = null;
    const asked = new Set<string | null>();
    for (const one of tries) {
      const target = this.#target(one, policy);
      if (asked.has(target.serverName)) continue;
      asked.add(target.serverName);
      look = await this.#lookAs(target, null);
      this.#lookedAs = target.serverName;
      if (look.chain.length > 0 || isHopeless(look.error)) break;
    }
    this.#look = look ?? nothing(null);
    return this.#look;
  }

  async #lookFor(trial: Trial, policy: UpstreamTlsPolicy, seen: Look): Promise<Look> {
    const target = this.#target(trial, policy);
    if (target.serverName === this.#lookedAs) return seen;
    const look = await this.#lookAs(target, null);
    if (look.chain.length === 0) return seen;
    this.#lookedAs = target.serverName;
    this.#look = look;
    return look;
  }

  #lookAs(
    judge: UpstreamTlsTarget,
    anchored: (Pick<Trial, 'settings'> & { readonly anchor: X509Certificate }) | null,
  ): Promise<Look> {
    return lookAtUpstream({
      address: this.#start.address,
      serverName: sentServerName(judge),
      certificate: this.#start.trial.settings.certificate,
      protocols: anchored?.settings.protocols ?? everything,
      ciphers: anchored?.settings.ciphers ?? anyCipher,
      anchor: anchored?.anchor ?? null,
      judge,
      timeoutMs: this.#start.timeoutMs,
    });
  }

  #target({ name, sendName }: Trial, policy: UpstreamTlsPolicy): UpstreamTlsTarget {
    const serverName = sendName && isIP(name) === 0 && name !== '' ? name : null;
    return { policy, address: this.#start.address, verifyName: name, serverName };
  }
}

/** The policy of a trial, or why there is none. */
export function policyOf({
  settings,
}: Pick<Trial, 'settings'>): UpstreamTlsPolicy | SallyportError {
  try {
    return createUpstreamTlsPolicy(settings);
  } catch (error) {
    if (error instanceof SallyportError) return error;
    throw error;
  }
}

function keyOf({ settings, name, sendName }: Trial): string {
  const sans = settings.sans.map(sanText);
  return contentHash([JSON.stringify({ ...settings, sans }), name, String(sendName)]);
}

const hopeless: readonly ErrorCode[] = [
  'UPSTREAM_CONNECT_FAILED',
  'UPSTREAM_CONNECT_TIMEOUT',
  'UPSTREAM_TLS_NOT_TLS',
  'CERTIFICATE_INVALID',
];

function isHopeless(error: SallyportError | null): boolean {
  return error !== null && hopeless.includes(error.code);
}

function nothing(error: SallyportError | null): Look {
  const agreed = { protocol: '', cipher: '', curve: '', reused: false };
  return { chain: [], agreed, staple: null, error, verdict: null };
}

function ended(
  look: Look,
  last: SallyportError | null,
  first: SallyportError | null = last,
): SearchEnd {
  const none = { found: null, missing: null, needsClientCertificate: false };
  return { look, first, last, ...none };
}

function noName(): SallyportError {
  return new SallyportError(
    'UPSTREAM_TLS_NAME_MISMATCH',
    'the certificate has no name that could be verified: it must be issued anew',
  );
}
