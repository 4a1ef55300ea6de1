// What is wrong with, or surprising in, the settings of a policy. Each finding says which setting it
// is about, so that the compiler can point to its line; all of them are found in one go.

import { createSecureContext } from 'node:tls';
import { SallyportError, type ErrorCode } from '../base/errors.ts';
import type { KeyPair, PemFile } from './pem.ts';
import { certificateError, readCertificates, readKeyPair, readPrivateKey } from './pem.ts';
import { reasonOf, validityWarning } from './pem.ts';
import { protocolWarnings, versionRange, type TlsProtocol } from './protocols.ts';

/** A setting that files or lists are given for. */
export type PolicySetting =
  | 'certificate'
  | 'key'
  | 'trust'
  | 'crl'
  | 'verify'
  | 'protocols'
  | 'ciphers'
  | 'curves'
  | 'overrides';

/** One finding. */
export interface PolicyFinding {
  readonly about: PolicySetting;
  /** Of several certificates or keys, which; else 0. */
  readonly index: number;
  readonly message: string;
}

/** Thrown where a policy cannot be made. Its message is the first finding's. */
export class PolicyError extends SallyportError {
  readonly findings: readonly PolicyFinding[];

  constructor(code: ErrorCode, findings: readonly PolicyFinding[], cause?: unknown) {
    super(code, findings[0]?.message ?? 'the TLS settings cannot be used', cause);
    this.findings = findings;
  }
}

/** Gathers what is wrong with settings. */
export class PolicyProblems {
  readonly #found: PolicyFinding[] = [];
  #code: ErrorCode = 'CERTIFICATE_INVALID';
  #cause: unknown;

  add(finding: PolicyFinding, code: ErrorCode = 'CERTIFICATE_INVALID', cause?: unknown): void {
    if (this.#found.length === 0) {
      this.#code = code;
      this.#cause = cause;
    }
    this.#found.push(finding);
  }

  /** Runs a check that throws; says whether it passed. */
  attempt(about: PolicySetting, index: number, check: () => unknown): boolean {
    try {
      check();
      return true;
    } catch (error) {
      if (!(error instanceof SallyportError)) throw error;
      this.add({ about, index, message: error.message }, error.code, error.cause);
      return false;
    }
  }

  /** A certificate with its key: both can be read, they match, OpenSSL takes them. */
  checkPair(pair: KeyPair, index: number, ciphers: string): void {
    if (!this.attempt('certificate', index, () => readCertificates(pair.certificate))) {
      this.attempt('key', index, () => readPrivateKey(pair.key));
      return;
    }
    if (!this.attempt('key', index, () => readKeyPair(pair))) return;
    // The security level that the ciphers set decides whether a key is too short.
    this.attempt('certificate', index, () => takenByOpenSsl(pair, ciphers));
  }

  /** @param directive - `ssl_ciphers` or `proxy_ssl_ciphers`, for the message */
  checkCiphers(ciphers: string, directive: string): boolean {
    return this.attempt('ciphers', 0, () => {
      try {
        createSecureContext({ ciphers });
      } catch (error) {
        throw new SallyportError(
          'CERTIFICATE_INVALID',
          `${directive} "${ciphers}" cannot be used: ${reasonOf(error)}`,
          error,
        );
      }
    });
  }

  /** @param directive - `ssl_ecdh_curve` or `proxy_ssl_groups`, for the message */
  checkGroups(groups: string, directive: string): boolean {
    return this.attempt('curves', 0, () => {
      try {
        createSecureContext({ ecdhCurve: groups });
      } catch (error) {
        throw new SallyportError(
          'CERTIFICATE_INVALID',
          `${directive} "${groups}" cannot be used: ${reasonOf(error)}`,
          error,
        );
      }
    });
  }

  /** @param directive - `ssl_protocols` or `proxy_ssl_protocols`, for the message */
  checkProtocols(protocols: readonly TlsProtocol[], ciphers: string, directive: string): void {
    if (versionRange(protocols, ciphers) !== null) return;
    const why = protocolWarnings(protocols, ciphers).map((text) => `; ${text}`);
    const message = `no TLS protocol is left of ${directive} "${protocols.join(' ')}"${why.join('')}`;
    this.add({ about: 'protocols', index: 0, message });
  }

  /** @throws PolicyError where anything was found */
  throwIfAny(): void {
    if (this.#found.length > 0) throw new PolicyError(this.#code, this.#found, this.#cause);
  }
}

function takenByOpenSsl({ certificate, key }: KeyPair, ciphers: string): void {
  try {
    createSecureContext({ cert: certificate.pem, key: key.pem, ciphers });
  } catch (error) {
    if (/cipher|seclevel/i.test(reasonOf(error))) return;
    throw certificateError(certificate.path, reasonOf(error), error);
  }
}

/** A warning for each listed version that will not be spoken. */
export function protocolFindings(
  protocols: readonly TlsProtocol[],
  ciphers: string,
): PolicyFinding[] {
  return protocolWarnings(protocols, ciphers).map((message) => ({
    about: 'protocols',
    index: 0,
    message,
  }));
}

/** A warning for each certificate of a file whose days are over, or nearly. */
export function validityFindings(about: PolicySetting, file: PemFile, index = 0): PolicyFinding[] {
  return readCertificates(file)
    .map((certificate) => validityWarning(file, certificate))
    .filter((message) => message !== null)
    .map((message) => ({ about, index, message }));
}
