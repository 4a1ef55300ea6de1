// What load generators ask of a proxy. The server behind is the same for all.

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
  /** The proxy opens a connection to the upstream server for every request. */
  readonly newUpstreamConnections: boolean;
  /** Workers of the proxy. */
  readonly workers: number;
  /**
   * What stands beside the location that answers; null for nothing. Only for proxies that read
   * nginx's language.
   */
  readonly beside: Beside | null;
  /** The proxies that it is worth measuring on where the command line names none. */
  readonly peers: readonly string[];
}

/** So many of each; with `mapEntries` above 0 a map that every request is looked up in. */
export interface Beside {
  readonly locations: number;
  readonly serverNames: number;
  readonly mapEntries: number;
  /** Server lines of the upstream group, all of them for the one server that there is. */
  readonly upstreamServers: number;
}

export const nothingBeside: Beside = {
  locations: 0,
  serverNames: 0,
  mapEntries: 0,
  upstreamServers: 1,
};

/** Proxies that read nginx's language. */
export const alike = ['nginx', 'sallyport'] as const;
const servers = [...alike, 'haproxy', 'caddy'] as const;
const everyone = [...servers, 'http-proxy', 'fastify-http-proxy', 'fast-proxy'] as const;

const base = {
  path: '/small',
  answerBytes: 100,
  uploadBytes: 0,
  connections: 64,
  newConnections: false,
  newUpstreamConnections: false,
  workers: 1,
  beside: null,
  peers: servers,
} as const;
const plain = { ...base, clientTls: false, upstreamTls: false } as const;
const tls = { ...base, clientTls: true, upstreamTls: true } as const;

/** The small request over kept, plain connections: what others are varied from. */
export const plainSmall: Workload = {
  ...plain,
  name: 'plain-small',
  help: '100-byte answers, plain on both sides',
  peers: everyone,
};

export const tlsSmall: Workload = {
  ...tls,
  name: 'tls-small',
  help: '100-byte answers, TLS in, verified TLS out',
  peers: everyone,
};

export const workloads: readonly Workload[] = [
  plainSmall,
  tlsSmall,
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
    help: '1 MB answers, TLS in, verified TLS out, 16 connections',
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
    help: 'a new client connection, full TLS 1.3 handshake (ECDSA P-256), for every request',
    clientTls: true,
    connections: 16,
    newConnections: true,
  },
  {
    ...plain,
    name: 'upstream-handshake',
    help: 'a new upstream connection, resumed and verified TLS, for every request',
    upstreamTls: true,
    connections: 16,
    newUpstreamConnections: true,
    peers: alike,
  },
];
