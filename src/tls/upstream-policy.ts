// How connections to upstreams are verified: the settings of one hop, checked at load and made into
// a context once. A policy's key stands for everything in it, so that pools and sessions of two
// different policies can never meet.

import { constants } from 'node:crypto';
import type { SecureContext } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import { contentHash } from './content-hash.ts';
import type { KeyPair, PemFile } from './pem.ts';
import {
  certificateError,
  readCertificates,
  readKeyPair,
  reasonOf,
  validityWarning,
} from './pem.ts';
import type { TlsProtocol, VersionRange } from './protocols.ts';
import { protocolWarnings, versionRange } from './protocols.ts';
import type { TrustStore } from './trust-store.ts';
import { emptyTrust, fileTrust, systemTrust } from './trust-store.ts';
import { WeakCache } from './weak-cache.ts';

export type { PemFile } from './pem.ts';
export type { TlsProtocol } from './protocols.ts';

/** The TLS settings of one hop towards an upstream, files already read. */
export interface UpstreamTlsSettings {
  /** `proxy_ssl_trusted_certificate`; null: the system's trust store. */
  readonly trusted: PemFile | null;
  /** `proxy_ssl_verify`. DANGER where false: anybody on the way can be the upstream. */
  readonly verify: boolean;
  /** `proxy_ssl_verify_depth`: how many CAs may lie between the certificate and the root. */
  readonly verifyDepth: number;
  /** The common name is never compared. */
  readonly verifyCommonName?: false;
  readonly protocols: readonly TlsProtocol[];
  /** An OpenSSL cipher string: `DEFAULT`, `HIGH:!aNULL:!MD5`. */
  readonly ciphers: string;
  /** The client certificate to present where the upstream asks for one. */
  readonly certificate: KeyPair | null;
  /** `proxy_ssl_session_reuse`. */
  readonly sessionReuse: boolean;
}

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
 * @throws SallyportError CERTIFICATE_INVALID naming the file and the reason: a malformed or empty
 *   PEM file, a key that does not match, an unknown cipher string, no protocol left, no system
 *   trust store
 */
export function createUpstreamTlsPolicy(settings: UpstreamTlsSettings): UpstreamTlsPolicy {
  if (!Number.isInteger(settings.verifyDepth) || settings.verifyDepth < 0) {
    throw new SallyportError('CONFIG_INVALID', 'proxy_ssl_verify_depth must be 0 or more');
  }
  const trust = trustOf(settings);
  if (settings.certificate !== null) readKeyPair(settings.certificate);
  const range = versionRange(settings.protocols, settings.ciphers);
  if (range === null) {
    throw new SallyportError(
      'CERTIFICATE_INVALID',
      `no TLS protocol is left of proxy_ssl_protocols "${settings.protocols.join(' ')}"` +
        protocolWarnings(settings.protocols, settings.ciphers)
          .map((why) => `; ${why}`)
          .join(''),
    );
  }
  // Paths do not count: the same content elsewhere is the same policy.
  const key = contentHash({
    ...settings,
    trusted: trust.key,
    certificate: pairContent(settings.certificate),
  });
  return Object.freeze({
    key,
    settings: Object.freeze({ ...settings, protocols: Object.freeze([...settings.protocols]) }),
    context: contextOf(settings, trust, range),
    trust,
  });
}

function trustOf(settings: UpstreamTlsSettings): TrustStore {
  if (settings.trusted !== null) return fileTrust(settings.trusted);
  return settings.verify ? systemTrust() : emptyTrust;
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
 * days are over.
 *
 * @throws SallyportError CERTIFICATE_INVALID where a certificate file is malformed
 */
export function policyWarnings(settings: UpstreamTlsSettings): string[] {
  const warnings = protocolWarnings(settings.protocols, settings.ciphers);
  for (const file of [settings.trusted, settings.certificate?.certificate ?? null]) {
    if (file === null) continue;
    for (const certificate of readCertificates(file)) {
      const warning = validityWarning(file, certificate);
      if (warning !== null) warnings.push(warning);
    }
  }
  return warnings;
}
