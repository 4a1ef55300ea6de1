// What is known about a secured connection to an upstream, for variables and logs.

import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { CertificateFacts } from './certificate-facts.ts';
import { certificateFacts, noCertificateFacts } from './certificate-facts.ts';

/** Facts of one connection. Those of the certificate are of the full handshake where it resumed. */
export interface UpstreamTlsFacts extends CertificateFacts {
  /** `TLSv1.3` */
  readonly protocol: string;
  /** OpenSSL's name, as nginx's `$ssl_cipher`. */
  readonly cipher: string;
  /** The group of the key exchange: `X25519MLKEM768`. Empty where there is none or no name. */
  readonly curve: string;
  readonly reused: boolean;
  /** `SUCCESS`; `NONE` where verification is off; else `FAILED:reason`. */
  readonly verify: string;
}

/** What does not change from one resumption to the next. */
export interface PeerFacts {
  readonly verify: string;
  readonly certificate: CertificateFacts;
}

/** The facts of a peer at a full handshake. */
export function readPeerFacts(certificate: X509Certificate | null, verify: string): PeerFacts {
  return {
    verify,
    certificate: certificate === null ? noCertificateFacts : certificateFacts(certificate),
  };
}

/** The facts of a connection whose handshake is done. */
export function connectionFacts(socket: TLSSocket, peer: PeerFacts): UpstreamTlsFacts {
  const of = peer.certificate;
  return {
    protocol: socket.getProtocol() ?? '',
    cipher: socket.getCipher().name,
    curve: groupOf(socket),
    reused: socket.isSessionReused(),
    verify: peer.verify,
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
