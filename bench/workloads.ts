// What is asked of every proxy: one row a workload. The server behind is the same for all.

/** One workload. */
export interface Workload {
  readonly name: string;
  /** One line for the report. */
  readonly help: string;
  /** TLS between the load generator and the proxy. */
  readonly clientTls: boolean;
  /** TLS, verified, between the proxy and its upstream. */
  readonly upstreamTls: boolean;
  readonly path: string;
  /** Size of the answer's body in bytes; checked before anything is measured. */
  readonly answerBytes: number;
  /** Size of the request's body in bytes; 0 for GET. */
  readonly uploadBytes: number;
  /** Connections of the load generator. */
  readonly connections: number;
  /** Opens a connection, with a full TLS handshake, for every request. */
  readonly newConnections: boolean;
  /**
   * What stands beside the location that answers; null for nothing. Only for proxies that read
   * nginx's language.
   */
  readonly beside: Beside | null;
}

/** So many of each, and a map that every request is looked up in. */
export interface Beside {
  readonly locations: number;
  readonly serverNames: number;
  readonly mapEntries: number;
}

const base = {
  path: '/small',
  answerBytes: 100,
  uploadBytes: 0,
  connections: 64,
  newConnections: false,
  beside: null,
} as const;
const plain = { ...base, clientTls: false, upstreamTls: false } as const;
const tls = { ...base, clientTls: true, upstreamTls: true } as const;

export const workloads: readonly Workload[] = [
  { ...plain, name: 'plain-small', help: '100-byte answers, plain on both sides' },
  { ...tls, name: 'tls-small', help: '100-byte answers, TLS in, verified TLS out' },
  {
    ...tls,
    name: 'tls-16k',
    help: '16 KB answers, TLS in, verified TLS out',
    path: '/16k',
    answerBytes: 16_384,
  },
  {
    ...tls,
    name: 'tls-1m',
    help: '1 MB answers, TLS in, verified TLS out',
    path: '/1m',
    answerBytes: 1_048_576,
    connections: 16,
  },
  {
    ...plain,
    name: 'plain-upload-64k',
    help: '64 KB request bodies, plain on both sides',
    path: '/upload',
    uploadBytes: 65_536,
  },
  {
    ...plain,
    name: 'tls-handshake',
    help: 'a new client connection with a full TLS 1.3 handshake for every request, plain out',
    clientTls: true,
    connections: 16,
    newConnections: true,
  },
  {
    ...plain,
    name: 'plain-one-of-each',
    help: '100-byte answers beside 1 location and 1 server name, with a map of 1 entry',
    path: '/small?key=key-0',
    beside: { locations: 1, serverNames: 1, mapEntries: 1 },
  },
  {
    ...plain,
    name: 'plain-many',
    help: 'the same beside 1,000 locations and 1,000 server names, with a map of 10,000 entries',
    path: '/small?key=key-9999',
    beside: { locations: 1000, serverNames: 1000, mapEntries: 10_000 },
  },
];
