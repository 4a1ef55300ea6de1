// One connection to one upstream server, plain or TLS, with one identity that never changes. It is
// either in use by one user (an attempt), or idle in a pool, or closed. Its socket has all its
// listeners from the first moment to the last: they look up the user at each event.

import type { Socket } from 'node:net';
import { CoarseTimer } from '../base/coarse-timer.ts';
import type { ConnectionBudget } from '../base/connection-budget.ts';
import { freeBuffer } from '../base/free-buffer.ts';
import { now } from '../base/clock.ts';
import { descriptorOf } from '../base/descriptor.ts';
import { DirectWriter } from '../base/direct-write.ts';
import { SallyportError } from '../base/errors.ts';
import { ResponseBody } from '../http1/response-body.ts';
import { ResponseHead } from '../http1/response-head.ts';
import type { UpstreamTlsFacts } from '../tls/upstream-facts.ts';
import type { ConnectTarget } from './connect-target.ts';
import { ConnectionReader } from './connection-reader.ts';
import type { Peer } from './peer.ts';
import { tolerateWriteErrors } from './write-errors.ts';
import { plainReadSize, tlsReadSize, type ReadBufferPool } from './read-buffers.ts';

/** What the connections of one worker share. */
export interface ConnectionMeans {
  readonly buffers: ReadBufferPool;
  /** Counts it from its beginning until its socket is closed. */
  readonly budget: ConnectionBudget;
}

/** Who uses a connection now. No callback comes before `openConnection` or `take` has returned. */
export interface ConnectionUser {
  /** Open; with TLS: handshake done and verified. Not called on a connection from a pool. */
  onConnected(connection: UpstreamConnection): void;
  /**
   * Bytes `[0, bytes)` of `buffer` have come. The buffer is good during this call only: what must
   * outlive it is kept with `connection.keep(start, end)`.
   *
   * @returns false to pause; up to a few calls may still follow (TLS records already decrypted),
   *   until the user calls `resume()`
   */
  onData(buffer: Buffer, bytes: number): boolean;
  /** The server has closed its side. The user still has to `destroy()`. */
  onEnd(): void;
  /**
   * It failed and is closed; the last callback. What a TLS server presented that was refused is in
   * the connection's `tls`.
   */
  onError(error: SallyportError): void;
  /** Report mode: what the TLS server would have been refused for; onConnected follows. */
  onTlsReport?(error: SallyportError): void;
  /** After `write` returned false: more may be written. */
  onDrain(): void;
  /**
   * After `surviveWriteErrors`: the server takes no more. What it has sent still comes; nothing is
   * written any more.
   */
  onWriteFailed?(error: SallyportError): void;
  /** What `arm` was asked to wait for took too long. */
  onTimeout(): void;
}

/** The pool in which a connection is idle. */
export interface IdleKeeper {
  /** The connection is no longer idle but gone. */
  forget(connection: UpstreamConnection): void;
}

/** Opens the socket that reads through `reads` and reports its events to `connection`. */
export type SocketOpener = (connection: UpstreamConnection, reads: SocketReads) => Socket;

/** The `onread` option of Node's sockets. */
export interface SocketReads {
  readonly buffer: () => Uint8Array;
  readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
}

/** A head and a small body. */
const smallRequestBytes = 16_384;

/** How long a server may take what was written before the connection was ended. */
const flushMs = 5_000;

/** A connection. Made by `openConnection`. */
export class UpstreamConnection {
  readonly key: string;
  readonly peer: Peer;
  /** Base key of the TLS policy that it was verified under; null for plain ones. */
  readonly policyKey: string | null;
  /** Milliseconds of `now()`. */
  readonly createdAt: number;
  /** No request begins on it after that time of `now()`: its certificate has expired. */
  validUntil: number = Number.POSITIVE_INFINITY;
  /** What the TLS handshake showed, refused or not; null for plain ones and before it is done. */
  tls: UpstreamTlsFacts | null = null;
  /** Requests begun, the present one included. */
  requests = 1;
  /** Did it come from a pool for the present request? */
  reused = false;
  /** False between a pool and the first byte of the next request: there is nothing to answer. */
  asked = true;
  user: ConnectionUser | null;
  connected = false;
  bytesReceived = 0;
  /** Bytes handed to the socket. */
  bytesSent = 0;
  /** For the pool: set while idle, with links from the least to the most recently used. */
  keeper: IdleKeeper | null = null;
  older: UpstreamConnection | null = null;
  newer: UpstreamConnection | null = null;
  idleTimer: CoarseTimer | null = null;
  /** For the response under way; used again for each. */
  head: ResponseHead = new ResponseHead();
  readonly body: ResponseBody = new ResponseBody();
  #userTimer: CoarseTimer | null = null;

  readonly #budget: ConnectionBudget;
  readonly #buffers: ReadBufferPool;
  readonly #reader: ConnectionReader;
  readonly #socket: Socket;
  /** Null: the connection has TLS. */
  readonly #direct: DirectWriter | null;
  #closed = false;
  #ended = false;
  #writeFailed = false;
  #survivesWriteErrors = false;
  /** A request waits in the stream's queue, in memory of its own: TLS has not made a copy yet. */
  #borrows = false;
  #paused = false;

  constructor(
    target: ConnectTarget,
    user: ConnectionUser,
    { buffers, budget }: ConnectionMeans,
    open: SocketOpener,
  ) {
    this.key = target.key;
    this.peer = target.peer;
    this.policyKey = target.tls === null ? null : target.tls.policy.baseKey;
    this.createdAt = now();
    this.user = user;
    this.#budget = budget;
    this.#buffers = buffers;
    const size = target.tls === null ? plainReadSize : tlsReadSize;
    this.#reader = new ConnectionReader(buffers, size);
    this.#socket = open(this, {
      buffer: () => this.#reader.next(this.user !== null),
      callback: (bytes) => this.#receive(bytes),
    });
    const drained = (): void => this.user?.onDrain();
    this.#direct = target.tls === null ? new DirectWriter(this.#socket, drained) : null;
    budget.upstreams += 1;
    this.#socket.on('drain', drained);
    this.#socket.on('end', () => this.#end());
    this.#socket.on('close', () => this.#close());
  }

  /** Destroyed, failed, or on its way to be closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Bytes written that the kernel has not taken yet. */
  get writableLength(): number {
    return this.#socket.writableLength + (this.#direct === null ? 0 : this.#direct.pending);
  }

  /**
   * Is it open both ways with nothing left to send? Only then may it be used again. TLS says one turn
   * of the event loop late that it has sent, when the answer may be there already: so much as a
   * small request is taken to have left. What has not goes first anyway, and is a copy.
   */
  get reusable(): boolean {
    if (!this.connected || this.#closed || this.#ended || this.#writeFailed) return false;
    const left = this.writableLength;
    if (left === 0) return true;
    return this.policyKey !== null && left <= smallRequestBytes && !this.#borrows;
  }

  /**
   * Only after `onConnected`, so that nothing is ever queued for a server not yet verified.
   *
   * @param data - text is sent as latin1
   * @param sent - called once when the kernel, or TLS, has taken it, or when that failed
   * @throws SallyportError INTERNAL before the connection is open
   * @returns false where the user should wait for `onDrain` before it writes more
   */
  write(data: string | Buffer, sent?: (error?: Error | null) => void): boolean {
    if (!this.connected)
      throw new SallyportError('INTERNAL', 'write before the connection is open');
    if (this.#writeFailed) return true;
    this.asked = true;
    this.bytesSent += data.length;
    if (typeof data === 'string') return this.#socket.write(data, 'latin1', sent);
    return this.#socket.write(data, sent);
  }

  /**
   * As `write`, for a whole request. Bytes must stay as they are until the connection is back in its
   * pool or destroyed.
   */
  writeMessage(data: string | Buffer): boolean {
    const direct = this.#direct;
    this.#borrows = typeof data !== 'string' && this.#socket.writableLength > 0;
    if (!this.connected || this.#writeFailed || direct === null) return this.write(data);
    if (!direct.write(data)) return this.write(data);
    this.asked = true;
    this.bytesSent += data.length;
    return direct.pending === 0;
  }

  /** As `write`; the buffer's memory is freed when it has been sent (`freeBuffer`). */
  writeAndFree(data: Buffer): boolean {
    if (!this.connected)
      throw new SallyportError('INTERNAL', 'write before the connection is open');
    if (this.#writeFailed) return true;
    this.bytesSent += data.length;
    return this.#socket.write(data, (error) => {
      if (error === null || error === undefined) freeBuffer(data);
    });
  }

  /**
   * From now on a write that fails does not close the connection: a server that has answered and
   * closed before it read the whole request has perhaps sent its answer (RFC 9112, 9.5).
   */
  surviveWriteErrors(): void {
    if (this.#survivesWriteErrors) return;
    this.#survivesWriteErrors = true;
    tolerateWriteErrors(this.#socket, (error) => {
      if (this.#writeFailed || this.#closed) return;
      this.#writeFailed = true;
      this.user?.onWriteFailed?.(error);
    });
  }

  /** Reads at most so many bytes at once, until its present user is done with it. 0: no limit. */
  limitReads(bytes: number): void {
    this.#reader.limit = bytes;
  }

  /** Holds writes back so that head and body leave in one segment. */
  cork(): void {
    this.#socket.cork();
  }

  uncork(): void {
    this.#socket.uncork();
  }

  /** Calls the user's `onTimeout` once, unless it is armed anew or disarmed within `ms`. */
  arm(ms: number): void {
    this.#userTimer ??= new CoarseTimer(() => this.#timedOut());
    this.#userTimer.arm(Math.max(ms, 1));
  }

  disarm(): void {
    this.#userTimer?.rest();
  }

  #timedOut(): void {
    if (this.#closed) this.#socket.destroy();
    else this.user?.onTimeout();
  }

  /** From now on the server's end of the stream is not ours (upgraded connections). */
  allowHalfOpen(): void {
    this.#socket.allowHalfOpen = true;
  }

  /** Sends the end of the stream; the other direction stays open (upgraded connections). */
  finishWriting(): void {
    this.#socket.end();
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /**
   * Within `onData` only: keeps bytes `[start, end)` beyond the call. To be given back with
   * `release` once they are written; until then nobody else gets their memory.
   */
  keep(start: number, end: number): Buffer {
    return this.#reader.keep(start, end);
  }

  /** Within `onData` only: is this a view on the buffer of the read? */
  isReading(view: Buffer): boolean {
    return this.#reader.isCurrent(view);
  }

  /** Gives back what `keep` gave. It must not be looked at any more. */
  release(kept: Buffer): void {
    this.#buffers.release(kept);
  }

  /** Closes at once; no callback follows. */
  destroy(): void {
    this.#leave();
    this.#socket.destroy();
  }

  /** Sends what is written and the end of the connection (TLS: close_notify), then closes. */
  end(): void {
    this.#leave();
    if (this.writableLength > 0) this.arm(flushMs);
    this.#socket.destroySoon();
  }

  /** For the opener: the connection is open, with TLS also verified. */
  establish(facts: UpstreamTlsFacts | null): void {
    if (this.#closed) return;
    this.tls = facts;
    if (facts !== null) this.validUntil = facts.validUntil;
    this.connected = true;
    this.#budget.note(descriptorOf(this.#socket));
    this.user?.onConnected(this);
  }

  /**
   * For the opener: closes the connection, and tells the user unless it was closed already.
   *
   * @param facts - what the server presented, where that is why
   */
  fail(error: SallyportError, facts: UpstreamTlsFacts | null = null): void {
    if (this.#closed) return;
    const user = this.user;
    this.tls ??= facts;
    this.destroy();
    user?.onError(error);
  }

  #leave(): void {
    this.#closed = true;
    this.user = null;
    this.#userTimer?.disarm();
    this.keeper?.forget(this);
    this.idleTimer?.disarm();
  }

  #receive(bytes: number): boolean {
    const user = this.user;
    this.bytesReceived += bytes;
    const buffer = this.#reader.begin(bytes);
    // Nobody asked for these bytes: they must not become the start of a later answer. Also what
    // comes before a TLS handshake is verified is nobody's answer.
    if (user === null || !this.connected || !this.asked) {
      this.fail(new SallyportError('UPSTREAM_INVALID_RESPONSE', 'data came before any request'));
      return true;
    }
    if (user.onData(buffer, bytes) || this.user !== user) return true;
    this.#paused = true;
    return false;
  }

  #end(): void {
    // Within the TLS handshake: the error that follows has its name.
    if (!this.connected) return;
    this.#ended = true;
    if (this.user === null) this.destroy();
    else this.user.onEnd();
  }

  #close(): void {
    this.#budget.upstreams -= 1;
    this.#userTimer?.disarm();
    if (this.#ended) return;
    const code = this.connected ? 'UPSTREAM_CLOSED_EARLY' : 'UPSTREAM_CONNECT_FAILED';
    this.fail(new SallyportError(code, 'upstream prematurely closed connection'));
  }
}
