// What a connection to an upstream server is opened by: address, identity, and the socket's settings.

import type { Address } from '../base/address.ts';
import type { UpstreamTlsTarget } from '../tls/upstream-connect.ts';
import type { Peer } from './peer.ts';

/** Where to connect and as whom. */
export interface ConnectTarget {
  /**
   * The identity: address and the whole TLS policy. Connections are shared under equal keys only.
   */
  readonly key: string;
  readonly address: Address;
  /** Null: plain. */
  readonly tls: UpstreamTlsTarget | null;
  readonly peer: Peer;
  /** Not given: the system's own. What of it is part of the identity is in `key`. */
  readonly socket?: SocketSettings;
}

/** With what a socket is opened. */
export interface SocketSettings {
  readonly keepAlive: boolean;
  /** Null: the system chooses. */
  readonly localAddress: string | null;
  /** 0: the system chooses. */
  readonly localPort: number;
}
