// Errors of a TLS connection to an upstream, made so that one line in the log is enough: what
// failed, the name that was wanted, what was presented instead, and the directive that mends it.

import type { X509Certificate } from 'node:crypto';
import { getSystemErrorMap } from 'node:util';
import { formatAddress } from '../base/address.ts';
import type { ErrorCode } from '../base/errors.ts';
import { SallyportError } from '../base/errors.ts';
import { plainHex } from './certificate-facts.ts';
import { rfc2253 } from './distinguished-name.ts';
import {
  brokenConnection,
  closedInHandshake,
  handshakeErrorRow,
  isHandshakeFailureAlert,
  missingClientCertificate,
  otherHandshakeError,
} from './handshake-errors.ts';
import { reasonOf } from './pem.ts';
import { isValidToday } from './trust-store.ts';
import type { UpstreamTlsTarget } from './upstream-target.ts';
import { missingIssuer, presentedChain } from './verified-path.ts';
import { verifyErrorRow } from './verify-errors.ts';

/** How far the connection had come when the error was seen. */
export type UpstreamPhase = 'connect' | 'handshake' | 'established';

/** A refusal or failure in words. */
export interface FailureText {
  readonly code: ErrorCode;
  readonly what: string;
  readonly mend: string;
}

const namesTextLimit = 400;

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
  const verdict = verifyErrorRow(code);
  if (verdict !== null && phase === 'handshake') {
    const what = `${verdict.text === '' ? reasonOf(error) : verdict.text} (${code})`;
    return certificateFailure({ code: verdict.code, what, mend: verdict.mend }, scene, error);
  }
  const row = handshakeErrorRow(code);
  if (row !== null) {
    const certificateMissing = isHandshakeFailureAlert(row) && scene.presented !== null;
    return protocolFailure(certificateMissing ? missingClientCertificate : row, scene, error);
  }
  const closed = code === 'ECONNRESET' || code === 'EPIPE';
  if (phase === 'established' && !code.startsWith('ERR_SSL_')) {
    return new SallyportError('UPSTREAM_RESET', systemText('connection', error), error);
  }
  if (phase === 'established') return protocolFailure(brokenConnection, scene, error);
  return protocolFailure(closed ? closedInHandshake : otherHandshakeError, scene, error);
}

/** A certificate was refused: the text with everything about it. */
export function certificateFailure(
  failure: FailureText,
  scene: FailureScene,
  cause?: unknown,
): SallyportError {
  const { target, presented } = scene;
  const parts = [
    `upstream SSL certificate verify error: ${failure.what}`,
    `wanted "${target.verifyName}" at ${formatAddress(target.address)}`,
    ...(presented === null ? ['no certificate was presented'] : describe(presented)),
    ...(presented === null ? [] : datedIssuers(presented, target)),
    `to mend: ${failure.mend.replaceAll('{issuer}', issuerName(scene))}`,
  ];
  return new SallyportError(failure.code, oneLine(parts.join('; ')), cause);
}

function describe(certificate: X509Certificate): string[] {
  return [
    `presented names ${shorten(certificate.subjectAltName ?? 'none')}`,
    `subject "${rfc2253(certificate.subject)}"`,
    `issuer "${rfc2253(certificate.issuer)}"`,
    `valid from ${certificate.validFrom} to ${certificate.validTo}`,
    `sha256 ${plainHex(certificate.fingerprint256)}`,
  ];
}

// An expired CA above a leaf that is valid is hard to find otherwise.
function datedIssuers(leaf: X509Certificate, target: UpstreamTlsTarget): string[] {
  const presented = presentedChain(leaf);
  const root = target.policy.trust.issuerOf(presented.at(-1) ?? leaf);
  const issuers = [...presented.slice(1), ...(root === null ? [] : [root])];
  return issuers
    .filter((one) => !isValidToday(one))
    .map((one) => `CA "${rfc2253(one.subject)}" valid from ${one.validFrom} to ${one.validTo}`);
}

function issuerName({ target, presented }: FailureScene): string {
  if (presented === null) return '';
  const last = missingIssuer(presented, target.policy.trust) ?? presented;
  return rfc2253(last.issuer);
}

function protocolFailure(row: FailureText, { target }: FailureScene, error: Error): SallyportError {
  const name =
    target.serverName === null ? 'no server name sent' : `server name "${target.serverName}"`;
  const client = target.policy.settings.certificate?.certificate.path;
  const parts = [
    `${row.what} (${errorDetail(error)})`,
    `on the TLS connection to upstream ${formatAddress(target.address)}, ${name}, ` +
      (client === undefined ? 'no client certificate' : `client certificate "${client}"`),
    `to mend: ${row.mend}`,
  ];
  return new SallyportError(row.code, oneLine(parts.join('; ')), error);
}

function connectFailure(error: Error, { address }: UpstreamTlsTarget): SallyportError {
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

function shorten(names: string): string {
  if (names.length <= namesTextLimit) return names;
  return `${names.slice(0, namesTextLimit)}… (${names.length} characters)`;
}

// Names come from the peer: nothing of them may break the log's line.
function oneLine(text: string): string {
  return text.replace(/[^\x20-\x7e…]/g, '?');
}
