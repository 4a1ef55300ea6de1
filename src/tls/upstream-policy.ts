// How connections to upstreams are verified: the settings of one hop, checked at load and made into
// a context once. A policy's key stands for everything in it, so that pools and sessions of two
// different policies can never meet.

import { constants } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import { contentHash } from './content-hash.ts';
import type { KeyPair } from './pem.ts';
import { certificateError, reasonOf } from './pem.ts';
import type { PolicyFinding } from './policy-findings.ts';
import { PolicyProblems, protocolFindings, validityFindings } from './policy-findings.ts';
import type { VersionRange } from './protocols.ts';
import { versionRange } from './protocols.ts';
import type { TrustStore } from './trust-store.ts';
import { emptyTrust, fileTrust, systemTrust } from './trust-store.ts';
import type { UpstreamTlsSettings } from './upstream-settings.ts';
import { WeakCache } from './weak-cache.ts';

export type { PemFile } from './pem.ts';
export type { TlsProtocol } from './protocols.ts';
export type { UpstreamTlsSettings } from './upstream-settings.ts';

/** A checked and compiled policy. Frozen. */
export interface UpstreamTlsPolicy {
  /** Hash over all settings and the content of all files. */
  readonly key: string;
  readonly settings: UpstreamTlsSettings;
  /** Shared with policies whose context would be the same. */
  readonly context: SecureContext;
  /** The trusted CAs, parsed. */
  readonly trust: TrustStore;
}

const contexts = new WeakCache<SecureContext>();

/**
 * Compiles a policy.
 *
 * @throws PolicyError CERTIFICATE_INVALID naming the file and the reason: a malformed or empty PEM
 *   file, a key that does not match, an unknown cipher string, no protocol left, no system trust
 *   store; with all findings
 */
export function createUpstreamTlsPolicy(settings: UpstreamTlsSettings): UpstreamTlsPolicy {
  if (!Number.isInteger(settings.verifyDepth) || settings.verifyDepth < 0) {
    throw new SallyportError('CONFIG_INVALID', 'proxy_ssl_verify_depth must be 0 or more');
  }
  checkFiles(settings);
  const trust = trustOf(settings);
  const range = versionRange(settings.protocols, settings.ciphers);
  if (range === null) throw new SallyportError('CERTIFICATE_INVALID', 'no TLS protocol is left');
  // Paths do not count: the same content elsewhere is the same policy.
  const key = contentHash({
    ...settings,
    trusted: trust.key,
    certificate: pairContent(settings.certificate),
    crl: settings.crl.map((file) => file.pem),
    sans: settings.sans.map(({ kind, value }) => `${kind}:${value}`),
    overrides: { ...settings.overrides },
  });
  return Object.freeze({
    key,
    settings: Object.freeze({ ...settings, protocols: Object.freeze([...settings.protocols]) }),
    context: contextOf(settings, trust, range),
    trust,
  });
}

// All that can be wrong with files and lists, so that a user mends it in one go.
function checkFiles(settings: UpstreamTlsSettings): void {
  const { certificate, ciphers } = settings;
  const problems = new PolicyProblems();
  problems.attempt('trust', 0, () => trustOf(settings));
  if (certificate !== null) problems.checkPair(certificate, 0, ciphers);
  problems.checkCiphers(ciphers, 'proxy_ssl_ciphers');
  problems.checkProtocols(settings.protocols, ciphers, 'proxy_ssl_protocols');
  problems.throwIfAny();
}

function trustOf(settings: UpstreamTlsSettings): TrustStore {
  if (settings.trusted !== null) return fileTrust(settings.trusted);
  return settings.verify === 'off' ? emptyTrust : systemTrust();
}

function pairContent(pair: KeyPair | null): readonly string[] | null {
  return pair === null ? null : [pair.certificate.pem, pair.key.pem];
}

function contextOf(
  settings: UpstreamTlsSettings,
  trust: TrustStore,
  range: VersionRange,
): SecureContext {
  const pair = settings.certificate;
  const key = contentHash([trust.key, settings.ciphers, { ...range }, pairContent(pair)]);
  return contexts.get(key, () => {
    try {
      return createSecureContext({
        ca: trust.ca,
        ciphers: settings.ciphers,
        ...range,
        // A TLS 1.2 upstream must not change its certificate under a connection in use.
        secureOptions: range.secureOptions | constants.SSL_OP_NO_RENEGOTIATION,
        ...(pair === null ? {} : { cert: pair.certificate.pem, key: pair.key.pem }),
      });
    } catch (error) {
      throw contextError(settings, error);
    }
  });
}

function contextError(settings: UpstreamTlsSettings, error: unknown): SallyportError {
  const reason = reasonOf(error);
  if (/cipher|seclevel/i.test(reason) || settings.certificate === null) {
    return new SallyportError(
      'CERTIFICATE_INVALID',
      `proxy_ssl_ciphers "${settings.ciphers}" cannot be used: ${reason}`,
      error,
    );
  }
  return certificateError(settings.certificate.certificate.path, reason, error);
}

/**
 * What is not wrong but will surprise: protocols that OpenSSL does not offer, certificates whose
 * days are over or nearly so.
 *
 * @throws SallyportError CERTIFICATE_INVALID where a certificate file is malformed
 */
export function policyWarnings(settings: UpstreamTlsSettings): PolicyFinding[] {
  const { trusted, certificate } = settings;
  return [
    ...protocolFindings(settings.protocols, settings.ciphers),
    ...(certificate === null ? [] : validityFindings('certificate', certificate.certificate)),
    ...(trusted === null ? [] : validityFindings('trust', trusted)),
  ];
}
