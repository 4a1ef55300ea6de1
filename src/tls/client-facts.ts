// What is known about a client after its handshake: what it offered (from its hello), what was
// agreed, and the verdict on its certificate. Texts that few configurations ask for are made when
// asked for.

import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { now } from '../base/clock.ts';
import { plainHex } from './certificate-facts.ts';
import type { ClientHello } from './client-hello.ts';
import { oneLine, rfc2253 } from './distinguished-name.ts';
import { cipherNames, groupNames } from './offered-names.ts';
import { sessionIdOf } from './session-id.ts';
import { signatureInUse, signatureNames } from './signature-algorithms.ts';
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
  readonly certificate: X509Certificate | null;
  /** The policy of the handshake: a request for a server of another policy is misdirected (421). */
  readonly policyKey: string;
  /** Less strict: only what decides about clients' certificates. */
  readonly clientVerificationKey: string;
  readonly #hello: ClientHello;
  readonly #socket: TLSSocket;
  #verdict: Verdict;
  #sessionId: string | null = null;
  #sigalg: string | null = null;

  /** @param socket - as 'secureConnection' hands it out */
  constructor(socket: TLSSocket, policy: ServerTlsPolicy, hello: ClientHello) {
    const asked = policy.settings.verifyClient !== 'off';
    const certificate = asked ? (socket.getPeerX509Certificate() ?? null) : null;
    this.protocol = socket.getProtocol() ?? '';
    this.cipher = socket.getCipher().name;
    this.serverName = normalizeServerName(hello.serverName);
    this.reused = socket.isSessionReused();
    this.alpn = typeof socket.alpnProtocol === 'string' ? socket.alpnProtocol : '';
    this.certificate = certificate;
    this.#verdict = asked ? judge(socket, certificate, policy) : notAsked;
    this.policyKey = policy.key;
    this.clientVerificationKey = policy.clientVerificationKey;
    this.#hello = hello;
    this.#socket = socket;
  }

  /** As nginx's `$ssl_client_verify`: `NONE`, `SUCCESS` or `FAILED:reason`. */
  get verify(): string {
    return this.#verdict.verify;
  }

  get certificateProblem(): CertificateProblem {
    return this.#verdict.problem;
  }

  /** Its chain is good, but it is refused all the same: it was revoked. */
  refuseCertificate(reason: string): void {
    this.#verdict = { verify: `FAILED:${reason}`, problem: 'invalid' };
  }

  /** `$ssl_session_id`: hex; empty where a ticket holds the session, and after the end. */
  get sessionId(): string {
    this.#sessionId ??= sessionIdOf(this.#socket.getSession());
    return this.#sessionId;
  }

  /** `$ssl_sigalg`: what the server signed with; empty on resumed connections. */
  get sigalg(): string {
    this.#sigalg ??= signatureOf(this.#socket, this.cipher, this.protocol);
    return this.#sigalg;
  }

  /** `$ssl_ciphers` */
  get ciphersOffered(): string {
    return helloTexts(this.#hello).ciphersOffered;
  }

  /** `$ssl_curves` */
  get curvesOffered(): string {
    return helloTexts(this.#hello).curvesOffered;
  }

  /** `$ssl_sigalgs` */
  get sigalgsOffered(): string {
    return helloTexts(this.#hello).sigalgsOffered;
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

  /** `$ssl_client_s_dn_legacy` */
  get subjectLegacy(): string {
    return this.certificate === null ? '' : oneLine(this.certificate.subject);
  }

  /** `$ssl_client_i_dn_legacy` */
  get issuerLegacy(): string {
    return this.certificate === null ? '' : oneLine(this.certificate.issuer);
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

  /** `$ssl_client_v_remain`: whole days. */
  get daysLeft(): string {
    if (this.certificate === null) return '';
    const left = this.certificate.validToDate.getTime() - now();
    return String(Math.max(0, Math.floor(left / dayMs)));
  }
}

const dayMs = 86_400_000;

// RSA that encrypts the key signs nothing.
function signatureOf(socket: TLSSocket, cipher: string, protocol: string): string {
  // After the end of the connection there is nothing to be asked.
  if (socket.destroyed || socket.isSessionReused()) return '';
  const key = socket.getX509Certificate()?.publicKey;
  const signs = protocol === 'TLSv1.3' || /^(ECDHE|DHE)-/.test(cipher);
  if (key === undefined || !signs) return '';
  return signatureInUse(socket.getSharedSigalgs(), key, protocol);
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

/** What a hello offers, as nginx prints it: names of OpenSSL, unknown ones in hex, with colons. */
export function helloTexts(hello: ClientHello) {
  return {
    get ciphersOffered(): string {
      return namesOf(hello.ciphers, cipherNames);
    },
    get curvesOffered(): string {
      return namesOf(hello.groups, groupNames);
    },
    get sigalgsOffered(): string {
      return namesOf(hello.sigalgs, signatureNames);
    },
  };
}

function namesOf(numbers: readonly number[], names: ReadonlyMap<number, string>): string {
  return numbers
    .map((number) => names.get(number) ?? `0x${number.toString(16).padStart(4, '0')}`)
    .join(':');
}
