// Handshakes that look instead of serving: one that lets every certificate through, so that what an
// upstream presents can be described, and one under a real policy, so that its verdict is that of a
// proxy. Not one byte of a request is ever sent, and the socket is closed before the promise settles.

import type { X509Certificate } from 'node:crypto';
import { constants } from 'node:crypto';
import type { ConnectionOptions, SecureContextOptions, TLSSocket } from 'node:tls';
import { connect, createSecureContext } from 'node:tls';
import type { Address } from '../base/address.ts';
import { SallyportError } from '../base/errors.ts';
import type { KeyPair } from './pem.ts';
import type { TlsProtocol } from './protocols.ts';
import { versionRange } from './protocols.ts';
import { classifyUpstreamError, connectUpstreamTls } from './upstream-connect.ts';
import { handshakeFacts, noHandshakeFacts, type HandshakeFacts } from './upstream-facts.ts';
import type { UpstreamTlsTarget } from './upstream-target.ts';
import { presentedChain } from './verified-path.ts';

/** What is looked at, and how. */
export interface LookTarget {
  readonly address: Address;
  /** SNI; null sends none. */
  readonly serverName: string | null;
  readonly certificate: KeyPair | null;
  readonly protocols: readonly TlsProtocol[];
  readonly ciphers: string;
  /**
   * Null: nothing is verified. Else the chain is, as if this certificate, which need not be a root,
   * were trusted: that shows what else is wrong with a chain whose root nobody has at hand.
   */
  readonly anchor: X509Certificate | null;
  /** For the classification of errors: the hop's policy. */
  readonly judge: UpstreamTlsTarget;
  /** Milliseconds for connection and handshake. */
  readonly timeoutMs: number;
}

/** What an upstream presented. */
export interface Look {
  /** Leaf first, then as it came; empty where nothing came. */
  readonly chain: readonly X509Certificate[];
  readonly agreed: HandshakeFacts;
  /** The stapled OCSP response. */
  readonly staple: Buffer | null;
  /** Why there was no connection, or why it was closed right after the handshake. */
  readonly error: SallyportError | null;
  /** Node's name of OpenSSL's verdict under `anchor`; null where it is good, or was not asked. */
  readonly verdict: string | null;
}

/** Milliseconds in which a TLS 1.3 server can refuse the client's certificate after its handshake. */
const graceMs = 300;

/** Opens a connection, keeps what was presented, and closes it. Never rejects. */
export function lookAtUpstream(target: LookTarget): Promise<Look> {
  return new Promise((resolve) => new Looking(target, resolve).start());
}

class Looking {
  readonly #target: LookTarget;
  readonly #resolve: (look: Look) => void;
  readonly #timers: NodeJS.Timeout[] = [];
  #socket: TLSSocket | null = null;
  #presented: X509Certificate | null = null;
  #agreed: HandshakeFacts = noHandshakeFacts;
  #staple: Buffer | null = null;
  #secure = false;
  #settled = false;

  constructor(target: LookTarget, resolve: (look: Look) => void) {
    this.#target = target;
    this.#resolve = resolve;
  }

  start(): void {
    const { timeoutMs } = this.#target;
    let options: ConnectionOptions;
    try {
      options = this.#options();
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.#settle(new SallyportError('CERTIFICATE_INVALID', why, cause));
      return;
    }
    this.#timers.push(setTimeout(() => this.#settle(tooSlow(timeoutMs)), timeoutMs));
    const socket = connect(options);
    this.#socket = socket;
    socket.on('error', (error) => this.#onError(error));
    socket.once('OCSPResponse', (staple: Buffer | null) => (this.#staple = staple));
    // What is refused is destroyed in Node's own listener, and the certificate with it.
    socket.prependOnceListener('secure', () => {
      this.#presented = socket.getPeerX509Certificate() ?? null;
      this.#agreed = handshakeFacts(socket);
    });
    socket.once('secureConnect', () => {
      this.#secure = true;
      socket.once('session', () => this.#settle(null));
      this.#timers.push(setTimeout(() => this.#settle(null), graceMs));
    });
    socket.once('close', () => this.#settle(this.#secure ? null : closed()));
    socket.resume();
  }

  #options(): ConnectionOptions {
    const { address, serverName, anchor } = this.#target;
    return {
      ...(address.kind === 'unix'
        ? { path: address.path }
        : { host: address.host, port: address.port }),
      ...(serverName === null ? {} : { servername: serverName }),
      secureContext: createSecureContext(contextOptions(this.#target)),
      requestOCSP: true,
      rejectUnauthorized: anchor !== null,
      checkServerIdentity: () => undefined,
    };
  }

  #onError(error: Error): void {
    this.#presented ??= this.#socket?.getPeerX509Certificate() ?? null;
    const connecting = 'syscall' in error && error.syscall === 'connect';
    const phase = connecting ? 'connect' : this.#secure ? 'established' : 'handshake';
    const { judge, anchor } = this.#target;
    if (anchor !== null && phase === 'handshake' && 'code' in error) {
      const code = String(error.code);
      if (!code.startsWith('ERR_')) return this.#settle(null, code);
    }
    this.#settle(classifyUpstreamError(error, phase, judge));
  }

  #settle(error: SallyportError | null, verdict: string | null = null): void {
    if (this.#settled) return;
    this.#settled = true;
    for (const timer of this.#timers) clearTimeout(timer);
    close(this.#socket);
    const chain = this.#presented === null ? [] : presentedChain(this.#presented);
    this.#resolve({ chain, agreed: this.#agreed, staple: this.#staple, error, verdict });
  }
}

function contextOptions(target: LookTarget): SecureContextOptions {
  const { anchor, certificate, ciphers } = target;
  const range = versionRange(target.protocols, ciphers);
  const { secureOptions = 0, ...versions } = range ?? {};
  return {
    ca: anchor === null ? [] : [anchor.toString()],
    allowPartialTrustChain: anchor !== null,
    ciphers,
    ...versions,
    secureOptions: secureOptions | constants.SSL_OP_NO_RENEGOTIATION,
    ...(certificate === null
      ? {}
      : { cert: certificate.certificate.pem, key: certificate.key.pem }),
  };
}

/** What came of a handshake under a policy. */
export interface Attempt {
  /** Why the upstream was refused, or refused us; null where a request could be sent. */
  readonly error: SallyportError | null;
  /**
   * Was the upstream verified? A refusal of our certificate comes after that under TLS 1.3, and
   * before under TLS 1.2.
   */
  readonly verified: boolean;
  /** In report mode: what it was let through in spite of. */
  readonly reported: SallyportError | null;
}

/**
 * Connects under a policy and closes at once. Never rejects.
 *
 * @param timeoutMs - for connection and handshake
 */
export function attemptUpstreamTls(target: UpstreamTlsTarget, timeoutMs: number): Promise<Attempt> {
  return new Promise((resolve) => {
    let settled = false;
    let verified = false;
    let reported: SallyportError | null = null;
    const timers: NodeJS.Timeout[] = [];
    const settle = (error: SallyportError | null): void => {
      if (settled) return;
      settled = true;
      for (const timer of timers) clearTimeout(timer);
      close(socket);
      resolve({ error, verified, reported });
    };
    const onread = { buffer: Buffer.alloc(1024), callback: () => true };
    const socket: TLSSocket = connectUpstreamTls(target, onread, {
      onSecure: () => {
        verified = true;
        socket.on('error', (error) => settle(classifyUpstreamError(error, 'established', target)));
        socket.once('close', () => settle(null));
        socket.once('session', () => settle(null));
        timers.push(setTimeout(() => settle(null), graceMs));
      },
      onFailure: settle,
      onReport: (error) => (reported = error),
    });
    timers.push(setTimeout(() => settle(tooSlow(timeoutMs)), timeoutMs));
  });
}

function close(socket: TLSSocket | null): void {
  if (socket === null) return;
  socket.on('error', () => undefined);
  // A peer that does not answer the close must not keep the process alive.
  if (socket.connecting) socket.destroy();
  else socket.destroySoon();
  socket.unref();
}

function tooSlow(timeoutMs: number): SallyportError {
  const text = `no TLS connection within ${timeoutMs / 1000} s`;
  return new SallyportError('UPSTREAM_CONNECT_TIMEOUT', text);
}

function closed(): SallyportError {
  const text = 'the upstream closed the connection in the handshake';
  return new SallyportError('UPSTREAM_TLS_HANDSHAKE_CLOSED', text);
}
