// `ssl_conf_command` and `proxy_ssl_conf_command`: OpenSSL's configuration commands, translated to
// what Node's contexts can do.

import type { SecureVersion } from 'node:tls';

/** What commands change in a context. What is left out stays as the other directives say. */
export interface ContextOverrides {
  /** TLS 1.3 suites by their full names, separated by `:`. */
  readonly ciphersuites?: string;
  /** The cipher string for TLS 1.2 and before. */
  readonly ciphers?: string;
  readonly groups?: string;
  readonly sigalgs?: string;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
  /** `SSL_OP_*` bits to set, and to clear. */
  readonly optionsOn?: number;
  readonly optionsOff?: number;
}
