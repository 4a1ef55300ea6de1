// Where clients' TLS begins: reads the ClientHello from the raw socket, puts it back, and hands the
// socket to the policy that the server name chose. The only place that opens TLS towards clients.
//
//   raw socket -> hello -> choose(server name) -> policy's server 'connection' -> handshake
//              \-> plain HTTP -> onPlainHttp           -> check of the client -> onSecure
//   every other end -> destroyed, onFailure

import type { Socket } from 'node:net';
import type { Server, TLSSocket } from 'node:tls';
import { CoarseTimer } from '../base/coarse-timer.ts';
import { SallyportError } from '../base/errors.ts';
import { ClientTlsFacts, normalizeServerName } from './client-facts.ts';
import type { ClientHello } from './client-hello.ts';
import { ClientHelloReader } from './client-hello.ts';
import { reasonOf } from './pem.ts';
import type { ServerTlsPolicy } from './server-policy.ts';

export type { ClientTlsFacts } from './client-facts.ts';

/** One of onSecure, onPlainHttp and onFailure is called, once, for each connection. */
export interface FrontDoorHandlers {
  /**
   * Picks the policy.
   *
   * @param serverName - lower case, without a trailing dot; empty where the client sent none. Not
   *   checked to be a host name.
   * @returns null to reject the handshake with the alert unrecognized_name
   * @throws SallyportError where the policy's certificate cannot be had: the handshake then ends with
   *   the alert internal_error
   */
  choose(serverName: string, hello: ClientHello): ServerTlsPolicy | null;
  /** The handshake is done. A client's certificate may still be unacceptable: see the facts. */
  onSecure(socket: TLSSocket, facts: ClientTlsFacts, raw: Socket): void;
  /** The client does not speak TLS; all its bytes are in the socket again. */
  onPlainHttp(raw: Socket): void;
  /** Nothing came of it; the socket is destroyed. */
  onFailure(error: SallyportError, raw: Socket): void;
}

/**
 * Takes a connection that was just accepted, before anything was read from it.
 *
 * @param handshakeTimeoutMs - for hello and handshake together, in milliseconds; at least 1
 */
export function openFrontDoor(
  raw: Socket,
  handlers: FrontDoorHandlers,
  handshakeTimeoutMs: number,
): void {
  new Entrance(raw, handlers).open(handshakeTimeoutMs);
}

// Fatal alerts, each in a record of its own.
const unrecognizedName = Buffer.of(0x15, 3, 1, 0, 2, 2, 112);
const internalError = Buffer.of(0x15, 3, 1, 0, 2, 2, 80);

/** `ssl_buffer_size` of TLS itself (RFC 8446 section 5.1). */
const largestRecord = 16_384;

/** Entrances whose handshake is under way, by their raw socket. */
const underWay = new WeakMap<Socket, Entrance>();

function ignoreError(): void {}

// Node reports errors after the handshake but keeps the socket.
function destroyOnError(this: TLSSocket): void {
  this.destroy();
}

/** One connection from its first byte to the end of its handshake. */
class Entrance {
  readonly #raw: Socket;
  readonly #handlers: FrontDoorHandlers;
  readonly #timer = new CoarseTimer(() => {
    this.#fail('client timed out in the TLS handshake');
  });
  #reader: ClientHelloReader | null = new ClientHelloReader();
  #hello: ClientHello | null = null;
  #policy: ServerTlsPolicy | null = null;
  #settled = false;
  readonly #halfOpen: boolean;

  constructor(raw: Socket, handlers: FrontDoorHandlers) {
    this.#raw = raw;
    this.#halfOpen = raw.allowHalfOpen;
    this.#handlers = handlers;
  }

  open(timeoutMs: number): void {
    const raw = this.#raw;
    // Stays for good: a reset without a listener ends the process.
    raw.on('error', ignoreError);
    raw.on('error', this.#onRawError);
    raw.on('close', this.#onRawClose);
    raw.on('end', this.#onRawEnd);
    raw.on('readable', this.#onReadable);
    this.#timer.arm(timeoutMs);
    if (raw.destroyed) this.#onRawClose();
  }

  readonly #onReadable = (): void => {
    for (;;) {
      const reader = this.#reader;
      const chunk = reader === null ? null : (this.#raw.read() as Buffer | null);
      if (reader === null || chunk === null) return;
      const state = reader.push(chunk);
      if (state.kind === 'incomplete') continue;
      if (state.kind === 'error') this.#fail(`malformed ClientHello: ${state.reason}`);
      else if (state.kind === 'plain') this.#passPlain();
      else this.#accept(state.hello);
      return;
    }
  };

  #accept(hello: ClientHello): void {
    try {
      const policy = this.#handlers.choose(normalizeServerName(hello.serverName), hello);
      if (policy === null) {
        const name = JSON.stringify(hello.serverName);
        const why = `handshake rejected: no server for the name ${name}`;
        this.#refuse(unrecognizedName, new SallyportError('CLIENT_TLS_FAILED', why));
      } else {
        this.#begin(hello, policy, policy.serverFor(hello));
      }
    } catch (error) {
      // A certificate that is read in the handshake could not be. Whatever else it is, it costs this
      // client alone.
      this.#refuse(internalError, asSallyportError(error));
    }
  }

  #begin(hello: ClientHello, policy: ServerTlsPolicy, server: Server): void {
    this.#hello = hello;
    this.#policy = policy;
    this.#putBack();
    listenOnce(server);
    underWay.set(this.#raw, this);
    // Of a half-open socket Node would not notice that the client leaves in the handshake.
    this.#raw.allowHalfOpen = false;
    server.emit('connection', this.#raw);
  }

  #passPlain(): void {
    this.#putBack();
    this.#settle();
    this.#handlers.onPlainHttp(this.#raw);
  }

  // The bytes go back and the reader with its copy goes away: it would live as long as the socket.
  #putBack(): void {
    const bytes = this.#reader?.bytes;
    this.#stopReading();
    if (bytes !== undefined) this.#raw.unshift(bytes);
  }

  #stopReading(): void {
    const raw = this.#raw;
    this.#reader = null;
    raw.removeListener('readable', this.#onReadable);
  }

  #refuse(alert: Buffer, error: SallyportError): void {
    this.#stopReading();
    const raw = this.#raw;
    raw.removeListener('close', this.#onRawClose);
    raw.once('close', () => this.#failWith(error));
    raw.end(alert, () => raw.destroy());
  }

  /** The handshake is done. */
  secured(socket: TLSSocket): void {
    const hello = this.#hello;
    const policy = this.#policy;
    if (this.#settled || hello === null || policy === null) {
      socket.destroy();
      return;
    }
    // OpenSSL must have read the same name as we did, or the policy is the wrong one. A resumed
    // session may keep the name that it began with (TLS 1.2).
    const name = typeof socket.servername === 'string' ? socket.servername : '';
    if (!socket.isSessionReused() && name !== hello.serverName) {
      this.#fail('the server name was read in two ways');
      socket.destroy();
      return;
    }
    socket.on('error', destroyOnError);
    const { recordSize = largestRecord } = policy.settings;
    if (recordSize < largestRecord) socket.setMaxSendFragment(recordSize);
    const facts = new ClientTlsFacts(socket, policy, hello);
    const { clientCheck } = policy;
    if (clientCheck === null || facts.certificate === null || facts.verify !== 'SUCCESS') {
      this.#enter(socket, facts);
    } else {
      clientCheck.check(facts.certificate, policy.trust).then(
        (reason) => {
          if (reason !== null) facts.refuseCertificate(reason);
          this.#enter(socket, facts);
        },
        (error: unknown) => {
          this.#failWith(asSallyportError(error));
          socket.destroy();
        },
      );
    }
  }

  #enter(socket: TLSSocket, facts: ClientTlsFacts): void {
    // While the client's certificate was looked at, it may have left or run out of time.
    if (this.#settled) {
      socket.destroy();
      return;
    }
    socket.allowHalfOpen = this.#halfOpen;
    this.#raw.allowHalfOpen = this.#halfOpen;
    this.#settle();
    this.#handlers.onSecure(socket, facts, this.#raw);
  }

  /** The handshake failed. */
  refused(error: Error): void {
    this.#fail(`SSL_do_handshake() failed (${reasonOf(error)})`, error);
  }

  readonly #onRawError = (error: Error): void => {
    // The policy's server sees it as well once the handshake has begun, and says more.
    if (this.#policy === null) this.#fail(`TLS handshake: ${reasonOf(error)}`, error);
  };

  readonly #onRawEnd = (): void => {
    this.#fail('client closed connection in the TLS handshake');
  };

  readonly #onRawClose = (): void => {
    this.#fail('client closed connection in the TLS handshake');
  };

  #settle(): void {
    this.#settled = true;
    this.#timer.disarm();
    this.#reader = null;
    underWay.delete(this.#raw);
    this.#raw.removeListener('error', this.#onRawError);
    this.#raw.removeListener('close', this.#onRawClose);
    this.#raw.removeListener('end', this.#onRawEnd);
  }

  #fail(message: string, cause?: unknown): void {
    this.#failWith(new SallyportError('CLIENT_TLS_FAILED', message, cause));
  }

  #failWith(error: SallyportError): void {
    this.#raw.destroy();
    if (this.#settled) return;
    this.#stopReading();
    this.#settle();
    this.#handlers.onFailure(error, this.#raw);
  }
}

function asSallyportError(error: unknown): SallyportError {
  if (error instanceof SallyportError) return error;
  return new SallyportError('INTERNAL', `TLS handshake: ${reasonOf(error)}`, error);
}

const listened = new WeakSet<Server>();

// One pair of listeners for each server of a policy, none for each connection.
function listenOnce(server: Server): void {
  if (listened.has(server)) return;
  listened.add(server);
  server.on('secureConnection', (socket) => {
    const entrance = entranceOf(socket);
    // Without its entrance nobody knows the connection's policy.
    if (entrance === undefined) socket.destroy();
    else entrance.secured(socket);
  });
  server.on('tlsClientError', (error, socket) => {
    entranceOf(socket)?.refused(error);
    socket.destroy();
  });
}

// Node has no public way from a TLS socket back to the socket that it was made of. Should `_parent`
// ever go, no entrance is found and every handshake fails closed.
function entranceOf(socket: TLSSocket): Entrance | undefined {
  const raw = (socket as TLSSocket & { _parent?: Socket })._parent;
  return raw === undefined ? undefined : underWay.get(raw);
}
