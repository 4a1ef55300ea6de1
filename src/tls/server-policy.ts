// How a server meets its clients over TLS: one policy for each `server` block, compiled at load into
// a tls.Server that never listens. The front door hands it the connections whose server name chose
// it. Sessions of one policy are strangers to every other.

import { constants, hkdfSync } from 'node:crypto';
import type { Server } from 'node:tls';
import { createSecureContext, createServer } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import { contentHash } from './content-hash.ts';
import type { KeyPair, PemFile } from './pem.ts';
import { certificateError, reasonOf } from './pem.ts';
import type { PolicyFinding } from './policy-findings.ts';
import { PolicyProblems, protocolFindings, validityFindings } from './policy-findings.ts';
import type { TlsProtocol, VersionRange } from './protocols.ts';
import { versionRange } from './protocols.ts';
import type { TrustStore } from './trust-store.ts';
import { emptyTrust, fileTrust } from './trust-store.ts';

/** `ssl_verify_client` */
export type VerifyClient = 'off' | 'on' | 'optional' | 'optional_no_ca';

/** The TLS settings of one `server` block, files already read. */
export interface ServerTlsSettings {
  /** Which server block this is; equal settings of two blocks are still two policies. */
  readonly id: string;
  /** At most one pair of each key type. */
  readonly certificates: readonly KeyPair[];
  /** `ssl_client_certificate`: the CAs that are trusted and named to clients. */
  readonly clientCertificate: PemFile | null;
  readonly verifyClient: VerifyClient;
  /** How many CAs may lie between a client's certificate and the root. */
  readonly verifyDepth: number;
  readonly protocols: readonly TlsProtocol[];
  readonly ciphers: string;
  readonly preferServerCiphers: boolean;
  /** Seconds. */
  readonly sessionTimeout: number;
  /** 48 random bytes, the same in all workers; each policy derives its own keys from them. */
  readonly ticketKeys: Buffer;
  readonly sessionTickets: boolean;
  /** `ssl_ecdh_curve`; left out or `auto`: OpenSSL's list. */
  readonly ecdhCurve?: string;
  /** Protocols to agree on by ALPN; those that nginx agrees to where left out. */
  readonly alpnProtocols?: readonly string[];
}

/** A checked and compiled policy. Frozen. */
export interface ServerTlsPolicy {
  /** Hash over the settings and the content of all files, the ticket keys excepted. */
  readonly key: string;
  /** Hash over what decides whether a client's certificate is accepted. */
  readonly clientVerificationKey: string;
  readonly settings: ServerTlsSettings;
  /** Never listens. For the front door only. */
  readonly server: Server;
  /** The CAs for clients' certificates, parsed. */
  readonly trust: TrustStore;
}

const defaultAlpn = ['http/1.1', 'http/1.0', 'http/0.9'];

// The front door times the handshake; Node's own timer would fire an event and close nothing.
const noHandshakeTimeout = 2_147_483_647;

/**
 * Compiles a policy.
 *
 * @throws PolicyError CERTIFICATE_INVALID naming the file and the reason, CONFIG_INVALID for
 *   settings that contradict each other; with all findings
 */
export function createServerTlsPolicy(settings: ServerTlsSettings): ServerTlsPolicy {
  checkSettings(settings);
  checkFiles(settings);
  const range = versionRange(settings.protocols, settings.ciphers);
  if (range === null) throw new SallyportError('CERTIFICATE_INVALID', 'no TLS protocol is left');
  const { clientCertificate } = settings;
  const trust = clientCertificate === null ? emptyTrust : fileTrust(clientCertificate);
  const { verifyClient, verifyDepth } = settings;
  const clientVerificationKey = contentHash([trust.key, verifyClient, verifyDepth]);
  const key = contentHash({
    ...settings,
    clientCertificate: trust.key,
    certificates: settings.certificates.map((pair) => [pair.certificate.pem, pair.key.pem]),
    ticketKeys: null,
  });
  const server = policyServer(settings, { key, range, trust });
  return Object.freeze({
    key,
    clientVerificationKey,
    settings: Object.freeze({ ...settings }),
    server,
    trust,
  });
}

function checkSettings({ certificates, ticketKeys, verifyDepth }: ServerTlsSettings): void {
  if (certificates.length === 0) {
    throw new SallyportError('CONFIG_INVALID', 'no "ssl_certificate" is defined');
  }
  if (!Number.isInteger(verifyDepth) || verifyDepth < 0) {
    throw new SallyportError('CONFIG_INVALID', 'ssl_verify_depth must be 0 or more');
  }
  if (ticketKeys.length !== 48) {
    throw new SallyportError('CONFIG_INVALID', 'session ticket keys must be 48 bytes');
  }
}

// All that can be wrong with files and lists, so that a user mends it in one go.
function checkFiles(settings: ServerTlsSettings): void {
  const { clientCertificate, verifyClient, ciphers, ecdhCurve } = settings;
  const problems = new PolicyProblems();
  settings.certificates.forEach((pair, i) => problems.checkPair(pair, i, ciphers));
  if (clientCertificate !== null) {
    problems.attempt('trust', 0, () => fileTrust(clientCertificate));
  } else if (verifyClient === 'on' || verifyClient === 'optional') {
    const message = `no "ssl_client_certificate" for "ssl_verify_client ${verifyClient}"`;
    problems.add({ about: 'verify', index: 0, message }, 'CONFIG_INVALID');
  }
  problems.checkCiphers(ciphers, 'ssl_ciphers');
  problems.attempt('curves', 0, () => checkCurves(ecdhCurve ?? 'auto'));
  problems.checkProtocols(settings.protocols, ciphers, 'ssl_protocols');
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

interface Compiled {
  readonly key: string;
  readonly range: VersionRange;
  readonly trust: TrustStore;
}

function policyServer(settings: ServerTlsSettings, { key, range, trust }: Compiled): Server {
  const options = secureOptions(settings, range);
  try {
    return createServer({
      cert: settings.certificates.map((pair) => pair.certificate.pem),
      key: settings.certificates.map((pair) => pair.key.pem),
      ca: trust.ca,
      requestCert: settings.verifyClient !== 'off',
      // nginx answers 400 in HTTP; the verdict is read at 'secureConnection'.
      rejectUnauthorized: false,
      ...range,
      secureOptions: options,
      ciphers: settings.ciphers,
      honorCipherOrder: settings.preferServerCiphers,
      ecdhCurve: settings.ecdhCurve ?? 'auto',
      ALPNProtocols: [...(settings.alpnProtocols ?? defaultAlpn)],
      // OpenSSL takes at most 32 bytes. Without it all servers of a process would share sessions.
      sessionIdContext: key.slice(0, 32),
      sessionTimeout: settings.sessionTimeout,
      // Keys of its own on top: a ticket of another policy cannot even be decrypted.
      ticketKeys: Buffer.from(hkdfSync('sha256', settings.ticketKeys, '', `ticket ${key}`, 48)),
      handshakeTimeout: noHandshakeTimeout,
    });
  } catch (error) {
    throw contextError(settings, error);
  }
}

function secureOptions(
  { verifyClient, sessionTickets }: ServerTlsSettings,
  range: VersionRange,
): number {
  let options = range.secureOptions | constants.SSL_OP_NO_RENEGOTIATION;
  // A resumed connection shows the leaf but not its chain, and our verdict on the depth is not in
  // the ticket: where clients are verified, every connection is a full handshake.
  if (verifyClient !== 'off' || !sessionTickets) options |= constants.SSL_OP_NO_TICKET;
  return options;
}

function contextError(settings: ServerTlsSettings, error: unknown): SallyportError {
  return certificateError(settings.certificates[0]?.certificate.path ?? '', reasonOf(error), error);
}

/**
 * What is not wrong but will surprise: protocols that OpenSSL does not offer, certificates whose
 * days are over or nearly so.
 *
 * @throws SallyportError CERTIFICATE_INVALID where a certificate file is malformed
 */
export function serverPolicyWarnings(settings: ServerTlsSettings): PolicyFinding[] {
  const { certificates, clientCertificate: trusted } = settings;
  return [
    ...protocolFindings(settings.protocols, settings.ciphers),
    ...certificates.flatMap((pair, i) => validityFindings('certificate', pair.certificate, i)),
    ...(trusted === null ? [] : validityFindings('trust', trusted)),
  ];
}
