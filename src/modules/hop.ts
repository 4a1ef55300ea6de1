// How one hop to an upstream server stands: for the lines at start, and for whoever asks the API.

/** One place where requests leave for upstream servers. */
export interface HopSummary {
  /** Where it is configured: "nginx.conf:40". */
  readonly from: string;
  /** The URL as configured. */
  readonly to: string;
  readonly encrypted: boolean;
  readonly verified: boolean;
  /** Why it is not verified, or against what it is. */
  readonly note: string;
}
