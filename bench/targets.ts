// What Sallyport's numbers are to be: one row for each promise. The result table says of each whether
// it is kept.

/** A limit for Sallyport's value in one work. */
export interface Target {
  readonly work: string;
  /** The proxy whose value in the same run is the measure; null for a limit in the work's unit. */
  readonly against: string | null;
  /** Sallyport's value is to be at most so many times the other's, or at most so much. */
  readonly atMost?: number;
  /** Or at least. */
  readonly atLeast?: number;
}

/** Four times cheaper than what proxies in JavaScript or Go usually cost. */
const quarter = 0.25;

export const targets: readonly Target[] = [
  { work: 'plain-small', against: 'nginx', atMost: 1.35 },
  ...['caddy', 'http-proxy', 'fastify-http-proxy', 'fast-proxy'].map((against) => ({
    work: 'plain-small',
    against,
    atMost: quarter,
  })),
  { work: 'tls-small', against: 'nginx', atMost: 1.35 },
  { work: 'tls-small', against: 'caddy', atMost: 0.2 },
  { work: 'tls-16k', against: 'nginx', atMost: 1.3 },
  { work: 'tls-1m', against: 'nginx', atMost: 1.15 },
  { work: 'plain-upload-64k', against: 'nginx', atMost: 1.4 },
  { work: 'tls-handshake', against: 'nginx', atMost: 1.3 },
  { work: 'upstream-handshake', against: 'nginx', atMost: 1.4 },
  { work: 'idle-tls', against: null, atMost: 48 },
  { work: 'latency', against: 'nginx', atMost: 2 },
  { work: 'latency-tls', against: 'nginx', atMost: 2 },
  { work: 'memory', against: null, atMost: 1.1 },
  { work: 'two-workers', against: null, atLeast: 1.8 },
  { work: 'start-up', against: null, atMost: 250 },
];
