// The OpenSSL context of a policy. Contexts are costly, so policies that differ only in what we check
// ourselves (name, depth, pins, …) share one.

import { constants } from 'node:crypto';
import type { SecureContext, SecureContextOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import { applyOverrides } from './conf-command.ts';
import { contentHash } from './content-hash.ts';
import type { CrlFacts } from './crl.ts';
import type { KeyPair } from './pem.ts';
import { certificateError, reasonOf } from './pem.ts';
import type { VersionRange } from './protocols.ts';
import type { TrustStore } from './trust-store.ts';
import type { UpstreamTlsSettings } from './upstream-settings.ts';
import { WeakCache } from './weak-cache.ts';

/** What the files and lists of settings have come to. */
export interface ContextParts {
  readonly trust: TrustStore;
  readonly crls: readonly CrlFacts[];
  readonly range: VersionRange;
}

const contexts = new WeakCache<SecureContext>();

/**
 * The context for settings, made where there is none of the same content.
 *
 * @throws SallyportError CERTIFICATE_INVALID where OpenSSL does not take them
 */
export function upstreamContext(settings: UpstreamTlsSettings, parts: ContextParts): SecureContext {
  const { trust, crls, range } = parts;
  const key = contentHash([
    trust.key,
    crls.map((crl) => crl.fingerprint),
    settings.ciphers,
    settings.groups,
    { ...range },
    { ...settings.overrides },
    pairContent(settings.certificate),
  ]);
  return contexts.get(key, () => {
    try {
      return createSecureContext(applyOverrides(options(settings, parts), settings.overrides));
    } catch (error) {
      throw contextError(settings, error);
    }
  });
}

function options(
  settings: UpstreamTlsSettings,
  { trust, crls, range }: ContextParts,
): SecureContextOptions {
  const pair = settings.certificate;
  return {
    ca: trust.ca,
    // With a list in the context OpenSSL demands one of every CA in the chain.
    ...(crls.length === 0 ? {} : { crl: crls.map((crl) => crl.pem) }),
    ciphers: settings.ciphers,
    ecdhCurve: settings.groups,
    ...range,
    // A TLS 1.2 upstream must not change its certificate under a connection in use.
    secureOptions: range.secureOptions | constants.SSL_OP_NO_RENEGOTIATION,
    ...(pair === null ? {} : { cert: pair.certificate.pem, key: pair.key.pem }),
  };
}

/** What of a pair makes a difference: paths do not. */
export function pairContent(pair: KeyPair | null): readonly string[] | null {
  return pair === null ? null : [pair.certificate.pem, pair.key.pem];
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
