// What a probe says of one server. As JSON (`hops[].probe`) it is under semantic versioning.

import type { ErrorCode } from '../base/errors.ts';

/**
 * - `verified`: the hop verifies this server, today and as configured
 * - `would-verify`: verification is off or only reported; switched on, all else as it is, it would
 * - `fixable`: it would with what `advice` says
 * - `cannot`: no configuration helps; something has to change at the server, or in its certificate
 * - `unreachable`: there was no connection
 * - `skipped`: what is to be reached depends on the request
 */
export type ProbeVerdict =
  'verified' | 'would-verify' | 'fixable' | 'cannot' | 'unreachable' | 'skipped';

/** One certificate as presented. */
export interface ProbeCertificate {
  /** RFC 2253. */
  readonly subject: string;
  readonly issuer: string;
  /** As OpenSSL writes them; empty where there are none. */
  readonly sans: string;
  /** ISO 8601. */
  readonly notBefore: string;
  readonly notAfter: string;
  /** Whole days until `notAfter`; negative once it is over. */
  readonly daysLeft: number;
  /** `ec prime256v1`, `rsa 2048`. */
  readonly key: string;
  readonly signature: string;
  /** SHA-256 over the certificate, lower-case hex. */
  readonly fingerprint: string;
  /** For `proxy_ssl_pin`: `sha256/…`; null where the key cannot be read. */
  readonly pin: string | null;
}

/** A name that the certificate could be asked for. */
export interface ProbeName {
  readonly name: string;
  /** Where it stands. */
  readonly source: 'configured' | 'server' | 'url' | 'group';
  /** Is the certificate for it? */
  readonly matches: boolean;
}

/** Does the chain, names aside, verify against a set of CAs? */
export interface TrustResult {
  readonly ok: boolean;
  readonly code: ErrorCode | null;
}

/** With what it verifies. */
export interface ProbeAdvice {
  /** To write at the hop, in the place of those of the same name. */
  readonly directives: readonly string[];
  /** To write in the place of the `server` line of the group; null: it stays. */
  readonly serverLine: string | null;
  /** What a human has to get or check first. */
  readonly needs: readonly string[];
  /** Has a handshake with exactly this passed? False where a file is missing for that. */
  readonly proved: boolean;
}

/** What came of probing one address of one server. */
export interface ServerProbe {
  /** As written: host:port, unix:PATH. */
  readonly server: string;
  /** What was connected to; null where nothing was. */
  readonly address: string | null;
  /** Does it verify as configured, were verification on? */
  readonly ok: boolean;
  readonly verdict: ProbeVerdict;
  /** Why it does not verify as configured; null where it does. */
  readonly code: ErrorCode | null;
  /** The same in a sentence, with everything about it. */
  readonly message: string;
  /** What stands in the way of every configuration, where `verdict` is `cannot`. */
  readonly blockedBy: ErrorCode | null;
  readonly names: readonly ProbeName[];
  /** Against the CAs of the configuration; null where it names none. */
  readonly configuredTrust: TrustResult | null;
  /** Against the system's trust store; null where the machine has none, or nothing was presented. */
  readonly systemTrust: TrustResult | null;
  /** Intermediate CAs between certificate and root; null where no trusted root is known. */
  readonly depth: number | null;
  /** The issuer that is missing to a trusted root, RFC 2253; null where none is. */
  readonly missing: string | null;
  /** Where the certificates say that their issuers' can be fetched. */
  readonly issuerUrls: readonly string[];
  /** As presented, leaf first. */
  readonly chain: readonly ProbeCertificate[];
  /** The same as PEM, for `--save-ca`. */
  readonly chainPem: readonly string[];
  readonly protocol: string;
  readonly cipher: string;
  readonly curve: string;
  /** Of the stapled response. `unchecked`: its signer is not known here. */
  readonly ocsp: 'none' | 'good' | 'revoked' | 'unknown' | 'invalid' | 'unchecked';
  readonly advice: ProbeAdvice | null;
  /**
   * Another way, which only Sallyport has: the server's key is pinned, and nothing else counts. Null
   * where it is of no use.
   */
  readonly pinAdvice: ProbeAdvice | null;
  /** What else is worth knowing. */
  readonly notes: readonly string[];
}
