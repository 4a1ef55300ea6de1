// The client's side of an exchange as the content handlers see it: they read the request body and
// write the response through these two seams, and know no socket.

import type { X509Certificate } from 'node:crypto';
import type { ProxyHeader } from '../http1/proxy-protocol.ts';
import type { Exchange } from './exchange.ts';

/** TLS facts of a client connection that variables and access checks need. */
export interface ClientTls {
  readonly protocol: string;
  readonly cipher: string;
  readonly curve: string;
  readonly serverName: string;
  readonly reused: boolean;
  readonly ciphersOffered: string;
  readonly curvesOffered: string;
  readonly sigalgsOffered: string;
  /** What the server signed with; empty on resumed connections. */
  readonly sigalg: string;
  readonly alpn: string;
  /** Hex; empty where a ticket holds the session. */
  readonly sessionId: string;
  /** NONE, SUCCESS or FAILED:reason. */
  readonly verify: string;
  readonly certificate: X509Certificate | null;
  /** Why a server that asks for a certificate refuses the request. */
  readonly certificateProblem: 'absent' | 'invalid' | null;
  readonly subject: string;
  readonly issuer: string;
  /** Both in OpenSSL's old form. */
  readonly subjectLegacy: string;
  readonly issuerLegacy: string;
  readonly serial: string;
  readonly fingerprint: string;
  readonly notBefore: string;
  readonly notAfter: string;
  /** Whole days until then. */
  readonly daysLeft: string;
}

/** Facts of the client's connection, fixed shape. */
export interface ClientConnectionFacts {
  readonly id: number;
  readonly startedAt: number;
  requests: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localAddress: string;
  readonly localPort: number;
  readonly tls: ClientTls | null;
  /** What a balancer in front said of its client (PROXY protocol). */
  readonly proxied: ProxyHeader | null;
}

/** Takes the request body as it arrives. */
export interface BodySink {
  /** @param chunk - good during this call; what must outlive it is copied */
  onBodyData(chunk: Buffer): void;
  onBodyEnd(): void;
  /** The body ended badly: too slow, malformed, or the client went away. */
  onBodyFailed(status: number): void;
}

/** What a content handler that works over time is told about the client. */
export interface ExchangeOwner {
  /** The client takes more bytes again. */
  onClientDrain(): void;
  /** The client is gone: release everything. */
  onClientAborted(): void;
  /** May the exchange end when the client closes its side? (`proxy_ignore_client_abort`) */
  readonly survivesAbort: boolean;
}

/** Both halves of a connection after `101 Switching Protocols`. */
export interface TunnelEnd {
  onTunnelData(chunk: Buffer): void;
  onTunnelEnd(): void;
  onTunnelDrain(): void;
  onTunnelClosed(): void;
}

/** The beginning of a body, which leaves with the head; null where there is none yet. */
export type FirstPart = Buffer | string | null;

/** Writes responses and reads request bodies. One per client connection. */
export interface Downstream extends ClientConnectionFacts {
  /** Begins to feed the request body to `sink`; bytes already there are delivered at once. */
  readBody(x: Exchange, sink: BodySink): void;
  pauseBody(): void;
  /**
   * As `pauseBody`, but a little more of it is taken in and kept, so that the end of a client is
   * noticed that has not much left to send.
   */
  holdBody(): void;
  resumeBody(): void;
  /** Sends an interim response head (`100 Continue`). */
  sendContinue(): void;
  /** Sends any other interim response head, with its empty line. */
  sendInterim(head: string): void;
  /** Runs the header filters now; `sendHead` does not run them again then. */
  filterHead(x: Exchange): void;
  /**
   * Sends the response head from the exchange's fields, and `first` (a buffer, or text of one
   * character per byte) in the same write.
   * `last` says that `first` completes the body. The buffer may be reused after the call, or, where
   * `done` is given, once that was called.
   * @returns false where the client can't take more for now: wait for `onClientDrain`
   */
  sendHead(x: Exchange, first: FirstPart, last: boolean, done?: () => void): boolean;
  /** Sends body bytes. The buffer must stay unchanged until `done` is called. */
  sendBody(x: Exchange, chunk: Buffer, done: (() => void) | null): boolean;
  /** Completes the body, and with it the exchange. */
  endBody(x: Exchange): void;
  /** Cuts the response where it is, so that the client can see that it is not complete. */
  abortBody(x: Exchange): void;
  /** Turns the connection into a tunnel after `101`; returns bytes that had already arrived. */
  startTunnel(x: Exchange, end: TunnelEnd): Buffer | null;
  /**
   * The buffer must stay unchanged until `sent` is called, which is not called at all where the
   * connection is closed.
   */
  writeTunnel(chunk: Buffer, sent?: (error?: Error | null) => void): boolean;
  endTunnel(): void;
  closeTunnel(x: Exchange): void;
  pauseTunnel(): void;
  resumeTunnel(): void;
  /** Bytes written that the kernel has not taken yet. */
  readonly unsent: number;
}
