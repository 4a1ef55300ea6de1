// `proxy_ssl_san`: a subject alternative name that an upstream's certificate may have.

/**
 * `dns:` may begin with a whole label `*`; `ip:` is an address; `uri:` is compared byte for byte
 * (SPIFFE: `spiffe://example.org/service`).
 */
export interface WantedSan {
  readonly kind: 'dns' | 'ip' | 'uri';
  /** Without its prefix; `dns` in lower case. */
  readonly value: string;
}
