// How one hop to an upstream server stands: for the lines at start, and for whoever asks the API.

import type { VerifyMode } from '../tls/upstream-settings.ts';

/** One place where requests leave for upstream servers. */
export interface HopSummary {
  /** Where it is configured: "nginx.conf:40". */
  readonly from: string;
  /** The URL as configured. */
  readonly to: string;
  /**
   * `proxy_ssl_verify` as it counts there. `report`: verified, but what fails is let through. `plain`:
   * without TLS.
   */
  readonly mode: VerifyMode | 'plain';
  readonly encrypted: boolean;
  /** Fully: `mode` is `on`. */
  readonly verified: boolean;
  /** `reason=` of `proxy_ssl_verify`; null where none is given. */
  readonly reason: string | null;
  /** The last day of `off` and `report`, as `2027-01-31`, ending at 24:00 UTC; null: no end. */
  readonly until: string | null;
  /** Against what it is verified, or which directive weakens it: "proxy_ssl_verify off at a.conf:9". */
  readonly note: string;
}
