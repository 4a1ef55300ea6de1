// PEM files into certificates and keys, with errors that name the file and the reason. A file is
// read by the caller; here its content is checked at load, because OpenSSL takes a key of another
// type than the certificate without a word and fails at the first handshake.

import type { KeyObject, PrivateKeyInput } from 'node:crypto';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { SallyportError } from '../base/errors.ts';

/** A PEM file that has been read. */
export interface PemFile {
  /** For messages only. */
  readonly path: string;
  /** The file's content. */
  readonly pem: string;
}

/** A certificate (with its intermediates) and the private key of its first certificate. */
export interface KeyPair {
  readonly certificate: PemFile;
  readonly key: PemFile;
}

const certificateBlock =
  /-----BEGIN ((?:X509 |TRUSTED )?CERTIFICATE)-----[\s\S]*?-----END \1-----/g;
const certificateStart = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** An error of a certificate or key file: what is wrong with which file. */
export function certificateError(path: string, reason: string, cause?: unknown): SallyportError {
  return new SallyportError('CERTIFICATE_INVALID', `"${path}": ${reason}`, cause);
}

/** The reason in an error of OpenSSL or Node, without numbers and places in its source. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('reason' in error && typeof error.reason === 'string') return error.reason;
  return error.message.replace(/^error:[0-9A-Fa-f]+:[^:]*:[^:]*:/, '');
}

/**
 * Every certificate of a file, in the file's order.
 *
 * @throws SallyportError CERTIFICATE_INVALID where there is none or one cannot be read
 */
export function readCertificates(file: PemFile): readonly X509Certificate[] {
  const blocks = file.pem.match(certificateBlock) ?? [];
  const starts = file.pem.match(certificateStart) ?? [];
  if (starts.length === 0) throw certificateError(file.path, 'there is no certificate in it');
  if (blocks.length < starts.length) {
    throw certificateError(file.path, `certificate ${blocks.length + 1} is cut off`);
  }
  return blocks.map((block, index) => readCertificate(file.path, block, index + 1));
}

function readCertificate(path: string, block: string, number: number): X509Certificate {
  try {
    return new X509Certificate(block);
  } catch (error) {
    throw certificateError(path, `certificate ${number} is malformed: ${reasonOf(error)}`, error);
  }
}

/**
 * The private key of a file.
 *
 * @throws SallyportError CERTIFICATE_INVALID where there is none or it cannot be read
 */
export function readPrivateKey(file: PemFile): KeyObject {
  if (!file.pem.includes('PRIVATE KEY-----')) {
    throw certificateError(file.path, 'there is no private key in it');
  }
  try {
    return parsePrivateKey(file.pem);
  } catch (error) {
    const encrypted = /ENCRYPTED/.test(file.pem);
    const reason = encrypted
      ? 'the private key is encrypted and no passphrase is known'
      : `the private key is malformed: ${reasonOf(error)}`;
    throw certificateError(file.path, reason, error);
  }
}

/**
 * `createPrivateKey`, but for errors that are not the key's: what went wrong on a TLS connection may
 * still stand in OpenSSL's queue of errors, and the next key that is read is blamed for it.
 */
export function parsePrivateKey(input: string | PrivateKeyInput): KeyObject {
  try {
    return createPrivateKey(input);
  } catch (error) {
    if (!isOfTls(error)) throw error;
    return createPrivateKey(input);
  }
}

function isOfTls(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_SSL_');
}

/**
 * Checks that a pair can be used and returns its certificates, leaf first.
 *
 * @throws SallyportError CERTIFICATE_INVALID
 */
export function readKeyPair(pair: KeyPair): readonly X509Certificate[] {
  const certificates = readCertificates(pair.certificate);
  const key = readPrivateKey(pair.key);
  const leaf = certificates[0];
  if (leaf?.checkPrivateKey(key) !== true) {
    throw certificateError(
      pair.key.path,
      `the private key does not match the first certificate of "${pair.certificate.path}"`,
    );
  }
  return certificates;
}

const dayMs = 86_400_000;
/** Days before its end at which a certificate is warned of, unless it lives for days only. */
const warnDays = 14;

/**
 * Says so where a certificate's days are over, have not come, or are nearly over: less than 14 days
 * and less than a third of its life is left. Null where all is well.
 */
export function validityWarning(file: PemFile, certificate: X509Certificate): string | null {
  const time = Date.now();
  if (certificate.validToDate.getTime() < time) {
    return `"${file.path}": the certificate expired on ${certificate.validTo}`;
  }
  if (certificate.validFromDate.getTime() > time) {
    return `"${file.path}": the certificate is not valid before ${certificate.validFrom}`;
  }
  return endWarning(file, certificate, time);
}

function endWarning(file: PemFile, certificate: X509Certificate, time: number): string | null {
  const end = certificate.validToDate.getTime();
  const left = end - time;
  const life = end - certificate.validFromDate.getTime();
  if (left >= warnDays * dayMs || left >= life / 3) return null;
  const days = Math.floor(left / dayMs);
  const when = days === 0 ? 'in less than a day' : days === 1 ? 'in 1 day' : `in ${days} days`;
  return `"${file.path}": the certificate expires ${when}, on ${certificate.validTo}`;
}
