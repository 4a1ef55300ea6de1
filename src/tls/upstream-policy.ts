// How connections to upstreams are verified: the settings of one hop, checked at load and made into
// a context once. A policy's key stands for everything in it, so that pools and sessions of two
// different policies can never meet.

import type { SecureContext } from 'node:tls';
import { now } from '../base/clock.ts';
import { SallyportError } from '../base/errors.ts';
import { loadAsn1 } from './asn1.ts';
import { contentHash } from './content-hash.ts';
import type { CrlFacts } from './crl.ts';
import { crlFindings, readCrls } from './crl.ts';
import type { KeyPair } from './pem.ts';
import type { PolicyFinding } from './policy-findings.ts';
import { PolicyProblems, protocolFindings, validityFindings } from './policy-findings.ts';
import { versionRange } from './protocols.ts';
import type { TrustStore } from './trust-store.ts';
import { emptyTrust, fileTrust, systemTrust } from './trust-store.ts';
import { pairContent, upstreamContext } from './upstream-context.ts';
import type { UpstreamTlsSettings, VerifyMode } from './upstream-settings.ts';
import { sanText } from './wanted-san.ts';

export type { PemFile } from './pem.ts';
export type { TlsProtocol } from './protocols.ts';
export type { UpstreamTlsSettings } from './upstream-settings.ts';

/** A checked and compiled policy. Frozen, but for its counter. */
export interface UpstreamTlsPolicy {
  /** Hash over all settings and the content of all files. */
  readonly key: string;
  /**
   * Key of the policy of the configuration that this one was derived from at run time (its strict
   * twin, or with another client certificate); else its own. Both come into and go out of force
   * together.
   */
  readonly baseKey: string;
  readonly settings: UpstreamTlsSettings;
  /** Shared with policies whose context would be the same. */
  readonly context: SecureContext;
  /** The trusted CAs, parsed. */
  readonly trust: TrustStore;
  /** The lists of `proxy_ssl_crl`, read; none where nothing is verified. */
  readonly crls: readonly CrlFacts[];
  /** Connections that report mode has let through although they would have been refused. */
  readonly reported: { count: number };
  /** Of a policy that has become strict because its `until=` has passed: what it was, and until when. */
  readonly weakened: { readonly mode: VerifyMode; readonly until: number } | null;
}

/**
 * Compiles a policy.
 *
 * @throws PolicyError CERTIFICATE_INVALID naming the file and the reason: a malformed or empty PEM
 *   file, a key that does not match, an unknown cipher string or group, no protocol left, no system
 *   trust store; with all findings
 */
export function createUpstreamTlsPolicy(settings: UpstreamTlsSettings): UpstreamTlsPolicy {
  if (!Number.isInteger(settings.verifyDepth) || settings.verifyDepth < 0) {
    throw new SallyportError('CONFIG_INVALID', 'proxy_ssl_verify_depth must be 0 or more');
  }
  checkFiles(settings);
  return compile(settings, { baseKey: null, reported: { count: 0 }, weakened: null });
}

interface Origin extends Pick<UpstreamTlsPolicy, 'reported' | 'weakened'> {
  readonly baseKey: string | null;
}

function compile(settings: UpstreamTlsSettings, origin: Origin): UpstreamTlsPolicy {
  const { baseKey, reported, weakened } = origin;
  const trust = trustOf(settings);
  const range = versionRange(settings.protocols, settings.ciphers);
  if (range === null) throw new SallyportError('CERTIFICATE_INVALID', 'no TLS protocol is left');
  if (settings.ocsp !== 'off') loadAsn1();
  const crls = settings.verify === 'off' ? [] : settings.crl.flatMap(readCrls);
  // Paths do not count: the same content elsewhere is the same policy.
  const key = contentHash({
    ...settings,
    trusted: trust.key,
    certificate: pairContent(settings.certificate),
    crl: crls.map((crl) => crl.fingerprint),
    sans: settings.sans.map(sanText),
    overrides: { ...settings.overrides },
  });
  return Object.freeze({
    key,
    baseKey: baseKey ?? key,
    settings: Object.freeze({ ...settings, protocols: Object.freeze([...settings.protocols]) }),
    context: upstreamContext(settings, { trust, crls, range }),
    trust,
    crls,
    reported,
    weakened,
  });
}

// All that can be wrong with files and lists, so that a user mends it in one go.
function checkFiles(settings: UpstreamTlsSettings): void {
  const { certificate, ciphers, weakUntil } = settings;
  const problems = new PolicyProblems();
  problems.attempt('trust', 0, () => trustOf(settings));
  // What counts after `until=` must not fail on that day.
  if (weakUntil !== null) problems.attempt('trust', 0, () => trustOf(strictly(settings)));
  for (const [index, file] of settings.crl.entries()) {
    problems.attempt('crl', index, () => readCrls(file));
  }
  if (certificate !== null) problems.checkPair(certificate, 0, ciphers);
  problems.checkCiphers(ciphers, 'proxy_ssl_ciphers');
  problems.checkGroups(settings.groups, 'proxy_ssl_groups');
  problems.checkProtocols(settings.protocols, ciphers, 'proxy_ssl_protocols');
  problems.throwIfAny();
}

function trustOf(settings: UpstreamTlsSettings): TrustStore {
  if (settings.trusted !== null) return fileTrust(settings.trusted);
  return settings.verify === 'off' ? emptyTrust : systemTrust();
}

function strictly(settings: UpstreamTlsSettings): UpstreamTlsSettings {
  return { ...settings, verify: 'on', weakUntil: null };
}

const strictTwins = new WeakMap<UpstreamTlsPolicy, UpstreamTlsPolicy>();

/**
 * The policy that counts at this moment: once the `until=` of `proxy_ssl_verify` has passed, its
 * strict twin, whose key is another, so that no connection and no session of before is used again.
 * Cheap where there is no date.
 */
export function policyInForce(policy: UpstreamTlsPolicy): UpstreamTlsPolicy {
  const { weakUntil, verify } = policy.settings;
  if (weakUntil === null || verify === 'on' || now() < weakUntil) return policy;
  let twin = strictTwins.get(policy);
  if (twin === undefined) {
    const weakened = { mode: verify, until: weakUntil };
    twin = compile(strictly(policy.settings), { ...policy, weakened });
    strictTwins.set(policy, twin);
  }
  return twin;
}

const largestPairCache = 256;
const withCertificates = new Map<string, UpstreamTlsPolicy>();
/** Files that come from a cache are the same objects each time: no hash for each request then. */
const recentKeys = new WeakMap<KeyPair, WeakMap<UpstreamTlsPolicy, string>>();

/**
 * The same policy with another client certificate, for `proxy_ssl_certificate` with variables. The
 * 256 that were used last are kept, by content.
 *
 * @throws PolicyError CERTIFICATE_INVALID where the pair cannot be used
 */
export function policyWithCertificate(policy: UpstreamTlsPolicy, pair: KeyPair): UpstreamTlsPolicy {
  const key = keyWithPair(policy, pair);
  const known = withCertificates.get(key);
  if (known !== undefined) {
    withCertificates.delete(key);
    withCertificates.set(key, known);
    return known;
  }
  const settings = { ...policy.settings, certificate: pair };
  checkPair(settings, pair);
  const made = compile(settings, policy);
  withCertificates.set(key, made);
  const oldest = withCertificates.size > largestPairCache ? withCertificates.keys().next() : null;
  if (oldest?.done === false) withCertificates.delete(oldest.value);
  return made;
}

// Everything else was checked when the policy was made.
function checkPair({ ciphers }: UpstreamTlsSettings, pair: KeyPair): void {
  const problems = new PolicyProblems();
  problems.checkPair(pair, 0, ciphers);
  problems.throwIfAny();
}

function keyWithPair(policy: UpstreamTlsPolicy, pair: KeyPair): string {
  let keys = recentKeys.get(pair);
  if (keys === undefined) {
    keys = new WeakMap();
    recentKeys.set(pair, keys);
  }
  let key = keys.get(policy);
  if (key === undefined) {
    key = contentHash([policy.baseKey, policy.key, pairContent(pair)]);
    keys.set(policy, key);
  }
  return key;
}

/**
 * What is not wrong but will surprise: protocols that OpenSSL does not offer, certificates whose
 * days are over or nearly so, revocation lists that nobody has renewed.
 *
 * @throws SallyportError CERTIFICATE_INVALID where a file is malformed
 */
export function policyWarnings(settings: UpstreamTlsSettings): PolicyFinding[] {
  const { trusted, certificate, crl } = settings;
  return [
    ...protocolFindings(settings.protocols, settings.ciphers),
    ...(certificate === null ? [] : validityFindings('certificate', certificate.certificate)),
    ...(trusted === null ? [] : validityFindings('trust', trusted)),
    ...crl.flatMap((file, index) =>
      crlFindings(file, readCrls(file)).map((message) => ({
        about: 'crl' as const,
        index,
        message,
      })),
    ),
  ];
}
