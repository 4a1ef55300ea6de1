// What is known about a client after its handshake: what it offered (from its hello), what was
// agreed, and the verdict on its certificate. Texts that few configurations ask for are made when
// asked for.

import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { plainHex } from './certificate-facts.ts';
import type { ClientHello } from './client-hello.ts';
import { rfc2253 } from './distinguished-name.ts';
import { cipherNames, groupNames } from './offered-names.ts';
import type { ServerTlsPolicy } from './server-policy.ts';
import { findVerifiedPath, intermediatesOf } from './verified-path.ts';
import { isUnknownIssuerOnly, verifyErrorText } from './verify-errors.ts';

/**
 * Why nginx would answer 400 to a client before its request is looked at: `absent` is "No required
 * SSL certificate was sent" (496), `invalid` "The SSL certificate error" (495).
 */
export type CertificateProblem = 'absent' | 'invalid' | null;

interface Verdict {
  readonly verify: string;
  readonly problem: CertificateProblem;
}

/** The facts of one client connection. */
export class ClientTlsFacts {
  readonly protocol: string;
  /** OpenSSL's name, as nginx's `$ssl_cipher`. */
  readonly cipher: string;
  /** Node does not tell a server which group was agreed on. */
  readonly curve = '';
  /** Lower case, no trailing dot; empty where none was sent. */
  readonly serverName: string;
  readonly reused: boolean;
  /** The protocol agreed on by ALPN; empty where none was. */
  readonly alpn: string;
  /** As nginx's `$ssl_client_verify`: `NONE`, `SUCCESS` or `FAILED:reason`. */
  readonly verify: string;
  readonly certificate: X509Certificate | null;
  readonly certificateProblem: CertificateProblem;
  /** The policy of the handshake: a request for a server of another policy is misdirected (421). */
  readonly policyKey: string;
  /** Less strict: only what decides about clients' certificates. */
  readonly clientVerificationKey: string;
  readonly #hello: ClientHello;

  /** @param socket - as 'secureConnection' hands it out */
  constructor(socket: TLSSocket, policy: ServerTlsPolicy, hello: ClientHello) {
    const asked = policy.settings.verifyClient !== 'off';
    const certificate = asked ? (socket.getPeerX509Certificate() ?? null) : null;
    const verdict = asked ? judge(socket, certificate, policy) : notAsked;
    this.protocol = socket.getProtocol() ?? '';
    this.cipher = socket.getCipher().name;
    this.serverName = normalizeServerName(hello.serverName);
    this.reused = socket.isSessionReused();
    this.alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : '';
    this.verify = verdict.verify;
    this.certificate = certificate;
    this.certificateProblem = verdict.problem;
    this.policyKey = policy.key;
    this.clientVerificationKey = policy.clientVerificationKey;
    this.#hello = hello;
  }

  /** `$ssl_ciphers`: OpenSSL's names, unknown ones in hex, separated by colons. */
  get ciphersOffered(): string {
    return namesOf(this.#hello.ciphers, cipherNames);
  }

  /** `$ssl_curves` */
  get curvesOffered(): string {
    return namesOf(this.#hello.groups, groupNames);
  }

  /** Protocols offered by ALPN, in the client's order. */
  get alpnOffered(): readonly string[] {
    return this.#hello.alpn;
  }

  /** `$ssl_client_s_dn`, RFC 2253. This and what follows is empty without a certificate. */
  get subject(): string {
    return this.certificate === null ? '' : rfc2253(this.certificate.subject);
  }

  /** `$ssl_client_i_dn` */
  get issuer(): string {
    return this.certificate === null ? '' : rfc2253(this.certificate.issuer);
  }

  /** `$ssl_client_serial` */
  get serial(): string {
    return this.certificate?.serialNumber ?? '';
  }

  /** `$ssl_client_fingerprint`: SHA-1, as nginx's. */
  get fingerprint(): string {
    return plainHex(this.certificate?.fingerprint ?? '');
  }

  /** `$ssl_client_v_start` */
  get notBefore(): string {
    return this.certificate?.validFrom ?? '';
  }

  /** `$ssl_client_v_end` */
  get notAfter(): string {
    return this.certificate?.validTo ?? '';
  }
}

const notAsked: Verdict = { verify: 'NONE', problem: null };

function judge(
  socket: TLSSocket,
  certificate: X509Certificate | null,
  policy: ServerTlsPolicy,
): Verdict {
  const { verifyClient } = policy.settings;
  if (certificate === null) {
    return { verify: 'NONE', problem: verifyClient === 'on' ? 'absent' : null };
  }
  const code = verdictCode(socket, certificate, policy);
  if (code === null) return { verify: 'SUCCESS', problem: null };
  const allowed = verifyClient === 'optional_no_ca' && isUnknownIssuerOnly(code);
  return { verify: `FAILED:${verifyErrorText(code)}`, problem: allowed ? null : 'invalid' };
}

// OpenSSL's verdict, then the depth, which Node has no option for.
function verdictCode(
  socket: TLSSocket,
  certificate: X509Certificate,
  { trust, settings }: ServerTlsPolicy,
): string | null {
  if (!socket.authorized) {
    // Declared as an Error, in fact the code.
    const code: unknown = socket.authorizationError;
    return typeof code === 'string' ? code : 'UNSPECIFIED';
  }
  const path = findVerifiedPath(certificate, trust);
  const tooLong = path === null || intermediatesOf(path) > settings.verifyDepth;
  return tooLong ? 'CERT_CHAIN_TOO_LONG' : null;
}

/** A server name for comparing: ASCII lower case, without a trailing dot. */
export function normalizeServerName(name: string): string {
  const lower = name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

function namesOf(numbers: readonly number[], names: ReadonlyMap<number, string>): string {
  return numbers
    .map((number) => names.get(number) ?? `0x${number.toString(16).padStart(4, '0')}`)
    .join(':');
}
