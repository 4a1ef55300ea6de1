// The TLS settings of one hop towards an upstream, files already read: what `proxy_ssl_*` and the
// `ssl_*=` parameters of a `server` line come to.

import type { ContextOverrides } from './conf-command.ts';
import type { KeyPair, PemFile } from './pem.ts';
import type { TlsProtocol } from './protocols.ts';
import type { WantedSan } from './wanted-san.ts';

/**
 * `proxy_ssl_verify`. `report`: everything is checked, what would be refused is logged and counted,
 * and let through. DANGER with `off` and `report`: anybody on the way can be the upstream.
 */
export type VerifyMode = 'on' | 'off' | 'report';

/**
 * `proxy_ssl_ocsp`. `staple`: a response is asked for, and checked where one comes; a certificate
 * that says must-staple (RFC 7633) needs one. `require`: every certificate needs one. Nothing is
 * asked for where nothing is verified.
 */
export type OcspMode = 'off' | 'staple' | 'require';

/** The TLS settings of one hop towards an upstream, files already read. */
export interface UpstreamTlsSettings {
  /** `proxy_ssl_trusted_certificate`; null: the system's trust store. */
  readonly trusted: PemFile | null;
  readonly verify: VerifyMode;
  /** `until=`: when `off` and `report` end and become `on`, in milliseconds since the epoch. */
  readonly weakUntil: number | null;
  /** `proxy_ssl_verify_depth`: how many CAs may lie between the certificate and the root. */
  readonly verifyDepth: number;
  /**
   * `proxy_ssl_verify_cn`: is the common name compared where the certificate has neither DNS nor IP
   * names? RFC 9525 says no.
   */
  readonly verifyCommonName: boolean;
  /**
   * `proxy_ssl_crl`: with any, every certificate of the chain must be covered by one. Without effect
   * where nothing is verified.
   */
  readonly crl: readonly PemFile[];
  /**
   * `proxy_ssl_pin`: SHA-256 over the SubjectPublicKeyInfo, base64, without `sha256/`. One of them
   * must be in the verified chain. With verification off they are enforced all the same, but only
   * the key of the upstream's own certificate counts; `report` reports them. Empty: any key will do.
   */
  readonly pins: readonly string[];
  /**
   * `proxy_ssl_san`: one of them must be in the certificate. The name is not compared then: the
   * certificate of a SPIFFE workload has a URI and no DNS name.
   */
  readonly sans: readonly WantedSan[];
  readonly ocsp: OcspMode;
  /** `proxy_ssl_groups`: OpenSSL's list, separated by `:`; `auto` leaves the choice to OpenSSL. */
  readonly groups: string;
  readonly protocols: readonly TlsProtocol[];
  /** An OpenSSL cipher string: `DEFAULT`, `HIGH:!aNULL:!MD5`. */
  readonly ciphers: string;
  /** `proxy_ssl_conf_command`, read; applied last. */
  readonly overrides: ContextOverrides;
  /** The client certificate to present where the upstream asks for one. */
  readonly certificate: KeyPair | null;
  /** `proxy_ssl_session_reuse`. */
  readonly sessionReuse: boolean;
}

/** The defaults of all settings. */
export const defaultUpstreamTlsSettings: UpstreamTlsSettings = {
  trusted: null,
  verify: 'on',
  weakUntil: null,
  verifyDepth: 4,
  verifyCommonName: false,
  crl: [],
  pins: [],
  sans: [],
  ocsp: 'off',
  groups: 'auto',
  protocols: ['TLSv1.2', 'TLSv1.3'],
  ciphers: 'DEFAULT',
  overrides: {},
  certificate: null,
  sessionReuse: true,
};
