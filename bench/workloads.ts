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
}

const base = {
  path: '/small',
  answerBytes: 100,
  uploadBytes: 0,
  connections: 64,
  newConnections: false,
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
];
