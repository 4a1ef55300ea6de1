// Errors of a TLS connection to an upstream, made so that one line in the log is enough: what
// failed, the name that was wanted, what was presented instead, and the directive that mends it.

import type { X509Certificate } from 'node:crypto';
import { getSystemErrorMap } from 'node:util';
import { formatAddress } from '../base/address.ts';
import { SallyportError } from '../base/errors.ts';
import { shortageOf } from '../base/shortage.ts';
import { chainFailure } from './chain-failure.ts';
import type { FailureText } from './failure-text.ts';
import type { HandshakeError } from './handshake-errors.ts';
import {
  brokenConnection,
  closedInHandshake,
  handshakeError,
  isHandshakeFailureAlert,
  missingClientCertificate,
  otherHandshakeError,
} from './handshake-errors.ts';
import { oneLine, quoted } from './log-text.ts';
import { describeCertificate } from './peer-description.ts';
import { reasonOf } from './pem.ts';
import type { UpstreamTlsPolicy } from './upstream-policy.ts';
import type { UpstreamTlsTarget } from './upstream-target.ts';
import { sanText } from './wanted-san.ts';

/** How far the connection had come when the error was seen. */
export type UpstreamPhase = 'connect' | 'handshake' | 'established';

/**
 * Turns a socket's error into the error of the table.
 *
 * A client certificate that is refused under TLS 1.3 comes as an error of an *established*
 * connection: the server looks at it only after the client has finished (RFC 8446 section 4.4.2).
 */
export function classifyUpstreamError(
  error: Error,
  phase: UpstreamPhase,
  target: UpstreamTlsTarget,
): SallyportError {
  if (error instanceof SallyportError) return error;
  if (phase === 'connect') return connectFailure(error, target);
  return socketFailure(error, phase, { target, presented: null });
}

/** The end point and the certificate that it presented, null where it presented none yet. */
export interface FailureScene {
  readonly target: UpstreamTlsTarget;
  readonly presented: X509Certificate | null;
}

/** Classifies an error of the handshake or of the established connection. */
export function socketFailure(
  error: Error,
  phase: 'handshake' | 'established',
  scene: FailureScene,
): SallyportError {
  const code = codeOf(error);
  if (phase === 'handshake') {
    const { policy } = scene.target;
    const text = reasonOf(error);
    const verdict = chainFailure({ name: code, text, leaf: scene.presented, policy });
    if (verdict !== null) return certificateFailure(verdict, scene, error);
  }
  const known = handshakeError(code);
  // After the handshake only alerts mean what they say: who has spoken TLS does speak it.
  if (known !== null && (phase === 'handshake' || known.alert !== null)) {
    return protocolFailure(narrowed(known, scene), scene, error);
  }
  const closed = code === 'ECONNRESET' || code === 'EPIPE';
  if (phase === 'established' && !code.startsWith('ERR_SSL_')) {
    return new SallyportError('UPSTREAM_RESET', systemText('connection', error), error);
  }
  const row =
    phase === 'established' ? brokenConnection : closed ? closedInHandshake : otherHandshakeError;
  return protocolFailure({ row, alert: null }, scene, error);
}

// Once the upstream has shown its certificate, protocol and cipher were agreed on.
function narrowed(known: HandshakeError, { presented }: FailureScene): HandshakeError {
  if (presented === null || !isHandshakeFailureAlert(known.row)) return known;
  return { row: missingClientCertificate, alert: known.alert };
}

/** A certificate was refused: the text with everything about it, for one line of the log. */
export function certificateFailure(
  failure: FailureText,
  scene: FailureScene,
  cause?: unknown,
): SallyportError {
  const { target, presented } = scene;
  const { policy } = target;
  const parts = [
    `upstream SSL certificate verify error: ${failure.what}`,
    `wanted ${wantedNames(target)} at ${formatAddress(target.address)}`,
    ...(presented === null
      ? ['no certificate was presented']
      : describeCertificate(presented, policy.trust)),
    ...weakenedUntil(policy),
    `to mend this: ${failure.mend}`,
  ];
  return new SallyportError(failure.code, oneLine(parts.join('; ')), cause);
}

function wantedNames({ policy, verifyName }: UpstreamTlsTarget): string {
  const { sans } = policy.settings;
  return sans.length === 0
    ? quoted(verifyName)
    : sans.map((san) => quoted(sanText(san))).join(' or ');
}

// Who has forgotten the date must not look for the cause in the certificate.
function weakenedUntil({ weakened }: UpstreamTlsPolicy): string[] {
  if (weakened === null) return [];
  const day = new Date(weakened.until).toISOString().slice(0, 10);
  const what =
    weakened.mode === 'off'
      ? 'verification was switched off until'
      : 'verification only reported until';
  return [`${what} ${day} (until= of proxy_ssl_verify) and is on since`];
}

function protocolFailure(
  { row, alert }: HandshakeError,
  { target }: FailureScene,
  error: Error,
): SallyportError {
  const { serverName } = target;
  const name = serverName === null ? 'no server name sent' : `server name ${quoted(serverName)}`;
  const client = target.policy.settings.certificate?.certificate.path;
  const parts = [
    `${row.what}${alert === null ? '' : `: alert "${alert}"`} (${errorDetail(error)})`,
    `on the TLS connection to upstream ${formatAddress(target.address)}, ${name}, ` +
      (client === undefined ? 'no client certificate' : `client certificate "${client}"`),
    `to mend this: ${row.mend}`,
  ];
  return new SallyportError(row.code, oneLine(parts.join('; ')), error);
}

function connectFailure(error: Error, { address }: UpstreamTlsTarget): SallyportError {
  const number = errnoOf(error);
  const shortage =
    number === 0 ? null : shortageOf(error, `${-number}: ${systemErrorText(number)}`);
  if (shortage !== null) return shortage;
  const what = address.kind === 'unix' ? `connect() to ${formatAddress(address)}` : 'connect()';
  return new SallyportError('UPSTREAM_CONNECT_FAILED', oneLine(systemText(what, error)), error);
}

// nginx's form: `connect() failed (111: Connection refused)`.
function systemText(what: string, error: Error): string {
  const number = errnoOf(error);
  if (number === 0) return `${what} failed (${reasonOf(error)})`;
  return `${what} failed (${-number}: ${systemErrorText(number)})`;
}

function systemErrorText(number: number): string {
  const known = getSystemErrorMap().get(number);
  if (known === undefined) return 'unknown error';
  // The one text where libuv and the C library differ in more than the first letter.
  if (known[0] === 'EHOSTUNREACH') return 'No route to host';
  return known[1].charAt(0).toUpperCase() + known[1].slice(1);
}

function errorDetail(error: Error): string {
  const number = errnoOf(error);
  if (number !== 0) return `${-number}: ${systemErrorText(number)}`;
  return reasonOf(error);
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

function errnoOf(error: Error): number {
  return 'errno' in error && typeof error.errno === 'number' ? error.errno : 0;
}
