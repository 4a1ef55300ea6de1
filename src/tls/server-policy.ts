// How a server meets its clients over TLS: one policy for each `server` block, compiled at load into
// tls.Servers that never listen. The front door hands them the connections whose server name chose
// the policy. Sessions of one policy are strangers to every other.

import { constants, type X509Certificate } from 'node:crypto';
import type { Server, TlsOptions } from 'node:tls';
import { createSecureContext } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import { CertificateChoice, oneOfEachType } from './certificate-choice.ts';
import type { ClientHello } from './client-hello.ts';
import type { ClientTrust } from './client-trust.ts';
import { clientTrust, createTrustingServer } from './client-trust.ts';
import { applyOverrides } from './conf-command.ts';
import { contentHash } from './content-hash.ts';
import { crlFindings, readCrls } from './crl.ts';
import { certificateError, reasonOf } from './pem.ts';
import type { PolicyFinding } from './policy-findings.ts';
import { PolicyProblems, protocolFindings, validityFindings } from './policy-findings.ts';
import type { VersionRange } from './protocols.ts';
import { versionRange } from './protocols.ts';
import { ServerEndpoints, type EndpointListener } from './server-endpoints.ts';
import type { SessionKeeper } from './server-session-cache.ts';
import type { ServerTlsSettings } from './server-settings.ts';
import { ticketKeysOf } from './ticket-keys.ts';
import type { TrustStore } from './trust-store.ts';
import { spoken } from './version-reach.ts';

export type { ServerTlsSettings, VerifyClient } from './server-settings.ts';

/** Looks at clients' certificates whose chain is good, over time (OCSP). */
export interface ClientCheck {
  /** What it does, for the key of the policy: who has been checked otherwise has not been. */
  readonly key: string;
  /**
   * @returns why it is refused after all, as `$ssl_client_verify` says it after `FAILED:`; null
   *   where it is accepted. Must not reject.
   */
  check(certificate: X509Certificate, trust: TrustStore): Promise<string | null>;
}

/** What a policy uses that is no setting. */
export interface ServerTlsParts {
  /** `ssl_session_cache`; null or left out: no session is kept. */
  readonly keeper?: SessionKeeper | null;
  /** `ssl_ocsp`; null or left out: none. */
  readonly clientCheck?: ClientCheck | null;
  /** Told of each server as it is made (`ssl_stapling`). */
  readonly onServer?: EndpointListener;
  /** Run when the policy is not needed any more. */
  readonly onDispose?: () => void;
}

/** What a client must be met with: one policy, or one that its hello decides on. */
export interface ServerTls {
  /** Ends timers and the like; connections go on. */
  dispose(): void;
  /** Hash over what decides whether a client's certificate is accepted. */
  readonly clientVerificationKey: string;
  /**
   * The policy for a client.
   *
   * @throws SallyportError where its certificate cannot be had
   */
  policyFor(visitor: Visitor): ServerTlsPolicy;
}

/** A client before its handshake. */
export interface Visitor {
  readonly hello: ClientHello;
  /** Lower case, no trailing dot; empty where none was sent. */
  readonly serverName: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
}

/** A checked and compiled policy. Frozen. */
export interface ServerTlsPolicy extends ServerTls {
  /** Hash over the settings and the content of all files, the ticket secrets excepted. */
  readonly key: string;
  readonly settings: ServerTlsSettings;
  /** The CAs for clients' certificates, parsed. */
  readonly trust: TrustStore;
  readonly clientCheck: ClientCheck | null;
  /** The server for a client, which never listens. For the front door only. */
  serverFor(hello: ClientHello): Server;
  /** Calls for each server there is, and for each that is made later. */
  eachServer(listener: EndpointListener): void;
}

function nothing(): void {}

const defaultAlpn = ['http/1.1', 'http/1.0', 'http/0.9'];

// The front door times the handshake; Node's own timer would fire an event and close nothing.
const noHandshakeTimeout = -1;

/**
 * Compiles a policy.
 *
 * @throws PolicyError CERTIFICATE_INVALID naming the file and the reason, CONFIG_INVALID for
 *   settings that contradict each other; with all findings
 */
export function createServerTlsPolicy(
  settings: ServerTlsSettings,
  parts: ServerTlsParts = {},
): ServerTlsPolicy {
  checkSettings(settings);
  checkServerTls(settings);
  const range = versionRange(settings.protocols, settings.ciphers);
  if (range === null) throw new SallyportError('CERTIFICATE_INVALID', 'no TLS protocol is left');
  const trust = trustOf(settings);
  const clientVerificationKey = clientVerificationKeyOf(settings, parts);
  const key = policyKey(settings, trust, clientVerificationKey);
  const options = contextOptions(settings, range, key);
  const endpoints = makeEndpoints(settings, { key, options, trust, parts });
  if (parts.onServer !== undefined) endpoints.each(parts.onServer);
  const policy: ServerTlsPolicy = Object.freeze({
    key,
    clientVerificationKey,
    settings: Object.freeze({ ...settings }),
    trust: trust.all,
    clientCheck: parts.clientCheck ?? null,
    policyFor: () => policy,
    dispose: parts.onDispose ?? nothing,
    serverFor: (hello: ClientHello) => endpoints.for(hello),
    eachServer: (listener: EndpointListener) => endpoints.each(listener),
  });
  return policy;
}

/** Hash over what decides whether a client's certificate is accepted. */
export function clientVerificationKeyOf(
  settings: ServerTlsSettings,
  parts: ServerTlsParts = {},
): string {
  const { verifyClient, verifyDepth } = settings;
  const crls = (settings.crl ?? []).flatMap((file) => readCrls(file));
  const checks = [...crls.map(({ fingerprint }) => fingerprint), parts.clientCheck?.key ?? ''];
  return contentHash([trustOf(settings).all.key, checks, verifyClient, verifyDepth]);
}

// Whom nobody asks is not verified either.
function trustOf(settings: ServerTlsSettings): ClientTrust {
  const { verifyClient, clientCertificate, trustedCertificate = null } = settings;
  return clientTrust(clientCertificate, verifyClient === 'off' ? null : trustedCertificate);
}

function policyKey(
  settings: ServerTlsSettings,
  trust: ClientTrust,
  clientVerificationKey: string,
): string {
  const { overrides, certificates, ...rest } = settings;
  return contentHash({
    ...rest,
    clientVerificationKey,
    overrides: { ...overrides },
    clientCertificate: trust.named.key,
    trustedCertificate: settings.trustedCertificate?.pem ?? null,
    crl: null,
    certificates: certificates.map((pair) => [pair.certificate.pem, pair.key.pem]),
    ticketSecrets: null,
  });
}

function checkSettings({ certificates, ticketSecrets, verifyDepth }: ServerTlsSettings): void {
  if (certificates.length === 0) {
    throw new SallyportError('CONFIG_INVALID', 'no "ssl_certificate" is defined');
  }
  if (!Number.isInteger(verifyDepth) || verifyDepth < 0) {
    throw new SallyportError('CONFIG_INVALID', 'ssl_verify_depth must be 0 or more');
  }
  const wrong = ticketSecrets.some(({ length }) => length !== 48 && length !== 80);
  if (ticketSecrets.length === 0 || wrong) {
    throw new SallyportError('CONFIG_INVALID', 'session ticket keys must be 48 or 80 bytes');
  }
}

/**
 * Looks for all that can be wrong with files and lists, so that a user mends it in one go.
 *
 * @throws PolicyError with all findings
 */
export function checkServerTls(settings: ServerTlsSettings): void {
  const { clientCertificate: named, verifyClient, ecdhCurve } = settings;
  const unnamed = settings.trustedCertificate ?? null;
  const ciphers = settings.overrides?.ciphers ?? settings.ciphers;
  const problems = new PolicyProblems();
  settings.certificates.forEach((pair, i) => problems.checkPair(pair, i, ciphers));
  problems.attempt('trust', 0, () => clientTrust(named, null));
  problems.attempt('trust', 1, () => clientTrust(null, unnamed));
  const verifies = verifyClient === 'on' || verifyClient === 'optional';
  if (verifies && named === null && unnamed === null) {
    const message = `no "ssl_client_certificate" or "ssl_trusted_certificate" for "ssl_verify_client ${verifyClient}"`;
    problems.add({ about: 'verify', index: 0, message }, 'CONFIG_INVALID');
  }
  (settings.crl ?? []).forEach((file, i) => problems.attempt('crl', i, () => readCrls(file)));
  problems.checkCiphers(settings.ciphers, 'ssl_ciphers');
  problems.attempt('curves', 0, () => checkCurves(ecdhCurve ?? 'auto'));
  problems.checkProtocols(settings.protocols, settings.ciphers, 'ssl_protocols');
  problems.throwIfAny();
}

function checkCurves(ecdhCurve: string): void {
  try {
    createSecureContext({ ecdhCurve });
  } catch (error) {
    throw new SallyportError(
      'CERTIFICATE_INVALID',
      `ssl_ecdh_curve "${ecdhCurve}" cannot be used: it has an unknown group`,
      error,
    );
  }
}

function contextOptions(settings: ServerTlsSettings, range: VersionRange, key: string): TlsOptions {
  const { dhParameters = null } = settings;
  const crls = (settings.crl ?? []).flatMap((file) => readCrls(file));
  const options: TlsOptions = applyOverrides(
    {
      requestCert: settings.verifyClient !== 'off',
      // nginx answers 400 in HTTP; the verdict is read at 'secureConnection'.
      rejectUnauthorized: false,
      minVersion: range.minVersion,
      maxVersion: range.maxVersion,
      secureOptions: secureOptions(settings, range),
      ciphers: settings.ciphers,
      honorCipherOrder: settings.preferServerCiphers,
      ecdhCurve: settings.ecdhCurve ?? 'auto',
      ALPNProtocols: [...(settings.alpnProtocols ?? defaultAlpn)],
      // OpenSSL takes at most 32 bytes. Without it all servers of a process would share sessions.
      sessionIdContext: key.slice(0, 32),
      sessionTimeout: settings.sessionTimeout,
      handshakeTimeout: noHandshakeTimeout,
      ...(dhParameters === null ? {} : { dhparam: dhParameters }),
      ...(crls.length === 0 ? {} : { crl: crls.map(({ pem }) => pem) }),
    } satisfies TlsOptions,
    settings.overrides ?? {},
  );
  // A resumed connection shows the leaf but not its chain, and our verdict on the depth is not in
  // the ticket: where clients are verified, every connection is a full handshake.
  if (settings.verifyClient !== 'off') {
    options.secureOptions = (options.secureOptions ?? 0) | constants.SSL_OP_NO_TICKET;
  }
  return options;
}

function secureOptions({ sessionTickets }: ServerTlsSettings, range: VersionRange): number {
  const options = range.secureOptions | constants.SSL_OP_NO_RENEGOTIATION;
  return sessionTickets ? options : options | constants.SSL_OP_NO_TICKET;
}

interface Compiled {
  readonly key: string;
  readonly options: TlsOptions;
  readonly trust: ClientTrust;
  readonly parts: ServerTlsParts;
}

function makeEndpoints(
  settings: ServerTlsSettings,
  { key, options, trust, parts }: Compiled,
): ServerEndpoints {
  const reach = spoken(options);
  if (reach.length === 0) {
    throw new SallyportError('CONFIG_INVALID', 'ssl_conf_command leaves no TLS protocol');
  }
  const pairs = oneOfEachType(settings.certificates);
  const speaksTls13 = reach.includes('TLSv1.3');
  const create = (complete: TlsOptions): Server => {
    try {
      return createTrustingServer(complete, trust);
    } catch (error) {
      if (error instanceof SallyportError) throw error;
      const path = settings.certificates[0]?.certificate.path ?? '';
      throw certificateError(path, reasonOf(error), error);
    }
  };
  return new ServerEndpoints({
    key,
    options,
    create,
    pairs,
    choice: new CertificateChoice(pairs, {
      ciphers: options.ciphers ?? '',
      speaksTls13,
      ownSchemes: options.sigalgs !== undefined,
    }),
    ticketKeys: ticketKeysOf(settings.ticketSecrets, key),
    speaksTls13,
    keeper: settings.verifyClient === 'off' ? (parts.keeper ?? null) : null,
  });
}

/**
 * What is not wrong but will surprise: protocols that OpenSSL does not offer, certificates whose
 * days are over or nearly so, revocation lists that are out of date.
 *
 * @throws SallyportError CERTIFICATE_INVALID where a certificate file is malformed
 */
export function serverPolicyWarnings(settings: ServerTlsSettings): PolicyFinding[] {
  const { certificates, clientCertificate: named, trustedCertificate: unnamed = null } = settings;
  const stale = (settings.crl ?? []).flatMap((file, index) =>
    crlFindings(file, readCrls(file)).map((message) => ({ about: 'crl' as const, index, message })),
  );
  const used = oneOfEachType(certificates);
  const unused = certificates.flatMap((pair, index) => {
    if (used.includes(pair)) return [];
    const message = `"${pair.certificate.path}" is not used: a later one has the same type of key`;
    return [{ about: 'certificate' as const, index, message }];
  });
  return [
    ...unused,
    ...protocolFindings(settings.protocols, settings.ciphers),
    ...certificates.flatMap((pair, i) => validityFindings('certificate', pair.certificate, i)),
    ...(named === null ? [] : validityFindings('trust', named)),
    ...(unnamed === null ? [] : validityFindings('trust', unnamed, 1)),
    ...stale,
  ];
}
