// The TLS settings of one `server` block, files already read: what `ssl_*` comes to.

import type { ContextOverrides } from './conf-command.ts';
import type { KeyPair, PemFile } from './pem.ts';
import type { TlsProtocol } from './protocols.ts';

/** `ssl_verify_client` */
export type VerifyClient = 'off' | 'on' | 'optional' | 'optional_no_ca';

/** The TLS settings of one `server` block. */
export interface ServerTlsSettings {
  /** Which server block this is; equal settings of two blocks are still two policies. */
  readonly id: string;
  /** Of several with one type of key the last one counts. */
  readonly certificates: readonly KeyPair[];
  /** `ssl_client_certificate`: the CAs that are trusted and named to clients. */
  readonly clientCertificate: PemFile | null;
  /** `ssl_trusted_certificate`: CAs that are trusted as well, but not named to clients. */
  readonly trustedCertificate?: PemFile | null;
  /** `ssl_crl`: with any, every CA in the chain of a client needs one. */
  readonly crl?: readonly PemFile[];
  readonly verifyClient: VerifyClient;
  /** How many CAs may lie between a client's certificate and the root. */
  readonly verifyDepth: number;
  readonly protocols: readonly TlsProtocol[];
  readonly ciphers: string;
  readonly preferServerCiphers: boolean;
  /** Seconds. */
  readonly sessionTimeout: number;
  /**
   * Secrets of 48 or 80 bytes, the same in all workers: the first encrypts tickets, all decrypt
   * them. Each policy derives its own keys.
   */
  readonly ticketSecrets: readonly Buffer[];
  readonly sessionTickets: boolean;
  /** `ssl_ecdh_curve`; left out or `auto`: OpenSSL's list. */
  readonly ecdhCurve?: string;
  /** `ssl_dhparam`, as `readDhParameters` gives it. */
  readonly dhParameters?: string | null;
  /** `ssl_buffer_size`: bytes of a TLS record, 512 to 16384. Left out: 16384. */
  readonly recordSize?: number;
  /** `ssl_conf_command`, read; applied last. */
  readonly overrides?: ContextOverrides;
  /** Protocols to agree on by ALPN; those that nginx agrees to where left out. */
  readonly alpnProtocols?: readonly string[];
}
