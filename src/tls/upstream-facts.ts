// What is known about a connection to an upstream once its handshake is done, for variables and
// logs: of one that was let through, and of one that was refused.

import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { CertificateFacts } from './certificate-facts.ts';
import { certificateFacts, noCertificateFacts } from './certificate-facts.ts';

/** `''`: not asked for. `NONE`: asked for, and nothing came. */
export type OcspFact = '' | 'GOOD' | 'NONE' | 'REVOKED' | 'INVALID';

/** Facts of one connection. Those of the certificate are of the full handshake where it resumed. */
export interface UpstreamTlsFacts extends CertificateFacts {
  /** `TLSv1.3` */
  readonly protocol: string;
  /** OpenSSL's name, as nginx's `$ssl_cipher`. */
  readonly cipher: string;
  /** The group of the key exchange: `X25519MLKEM768`. Empty where there is none or no name. */
  readonly curve: string;
  readonly reused: boolean;
  /**
   * `SUCCESS`; `NONE` where verification is off; `REPORTED:CODE` where report mode let through what
   * would have been refused; `FAILED:CODE` where it was refused.
   */
  readonly verify: string;
  /** What the stapled OCSP response said. */
  readonly ocsp: OcspFact;
  /**
   * Until when the connection may serve new requests: the earliest `notAfter` of the verified path,
   * or the end of what vouched for it (a CRL, an OCSP response), in milliseconds since the epoch.
   * Infinity where nothing was verified.
   */
  readonly validUntil: number;
}

/** What does not change from one resumption to the next. */
export interface PeerFacts {
  readonly verify: string;
  readonly ocsp: OcspFact;
  /** As in `UpstreamTlsFacts`. */
  readonly validUntil: number;
  readonly certificate: CertificateFacts;
}

/** What was agreed on in one handshake. */
export interface HandshakeFacts {
  readonly protocol: string;
  readonly cipher: string;
  readonly curve: string;
  readonly reused: boolean;
}

/** Of a handshake that came to nothing. */
export const noHandshakeFacts: HandshakeFacts = Object.freeze({
  protocol: '',
  cipher: '',
  curve: '',
  reused: false,
});

/** What a handshake came to. After a refusal the socket does not tell any more. */
export function handshakeFacts(socket: TLSSocket): HandshakeFacts {
  return {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    curve: groupOf(socket),
    reused: socket.isSessionReused(),
  };
}

/** The facts of a peer at a full handshake. */
export function readPeerFacts(
  certificate: X509Certificate | null,
  { verify, ocsp, validUntil }: Omit<PeerFacts, 'certificate'>,
): PeerFacts {
  return {
    verify,
    ocsp,
    validUntil,
    certificate: certificate === null ? noCertificateFacts : certificateFacts(certificate),
  };
}

/** The facts of a connection. */
export function connectionFacts(agreed: HandshakeFacts, peer: PeerFacts): UpstreamTlsFacts {
  const of = peer.certificate;
  return {
    protocol: agreed.protocol,
    cipher: agreed.cipher,
    curve: agreed.curve,
    reused: agreed.reused,
    verify: peer.verify,
    ocsp: peer.ocsp,
    validUntil: peer.validUntil,
    subject: of.subject,
    issuer: of.issuer,
    serial: of.serial,
    sans: of.sans,
    notBefore: of.notBefore,
    notAfter: of.notAfter,
    fingerprint: of.fingerprint,
  };
}

function groupOf(socket: TLSSocket): string {
  const key = socket.getEphemeralKeyInfo();
  return key !== null && 'name' in key && typeof key.name === 'string' ? key.name : '';
}
