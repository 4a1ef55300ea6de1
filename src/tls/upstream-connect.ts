// The only way to an upstream over TLS. A socket is handed out once chain, dates, purpose, name and
// depth are verified, and not one byte passes to or from the caller before that:
//
//   tls.connect -> 'secure' (keep what was presented, for the message) -> OpenSSL's verdict
//     -> checkServerIdentity (our name check and depth) -> 'secureConnect' -> onSecure
//
// Node itself refuses (rejectUnauthorized is always given), we only add reasons to refuse.

import type { X509Certificate } from 'node:crypto';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import { identityProblem } from './identity.ts';
import type { SessionRecord } from './session-cache.ts';
import { isUsable, sessionRecord, upstreamSessions } from './session-cache.ts';
import type { FailureText } from './upstream-failure.ts';
import { certificateFailure, classifyUpstreamError, socketFailure } from './upstream-failure.ts';
import type { UpstreamTlsFacts } from './upstream-facts.ts';
import { connectionFacts, readPeerFacts } from './upstream-facts.ts';
import type { UpstreamTlsTarget } from './upstream-target.ts';
import { sentServerName, tlsTargetKey } from './upstream-target.ts';
import { expiryOf, findVerifiedPath, intermediatesOf } from './verified-path.ts';

export type { UpstreamTlsFacts } from './upstream-facts.ts';
export type { UpstreamTlsTarget } from './upstream-target.ts';
export { tlsTargetKey } from './upstream-target.ts';
export { classifyUpstreamError } from './upstream-failure.ts';

/** The outcome of a handshake: exactly one of both is called, once, never before the return. */
export interface UpstreamTlsHandlers {
  /** Verified. Attach 'error' and 'close' listeners before returning. */
  onSecure(facts: UpstreamTlsFacts): void;
  /** Refused or failed; the socket is destroyed. */
  onFailure(error: SallyportError): void;
}

/** Node's `onread`: where bytes go and who is told. The callback returns false to pause. */
export interface ReadBuffer {
  readonly buffer: Uint8Array | (() => Uint8Array);
  readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
}

/**
 * Opens a verified connection to an upstream. There is no timeout in it: `destroy()` the socket
 * (without an error) to give up, and neither handler is called.
 */
export function connectUpstreamTls(
  target: UpstreamTlsTarget,
  onread: ReadBuffer,
  handlers: UpstreamTlsHandlers,
): TLSSocket {
  return new UpstreamHandshake(target, handlers).start(onread);
}

// Missing in Node's type declarations.
type UpstreamOptions = ConnectionOptions & { noDelay?: boolean; onread: ReadBuffer };

function ignoreError(): void {}

class UpstreamHandshake {
  readonly #target: UpstreamTlsTarget;
  readonly #handlers: UpstreamTlsHandlers;
  readonly #key: string;
  #socket: TLSSocket | null = null;
  #secured = false;
  #settled = false;
  /** The record of the session that was offered. */
  #offered: SessionRecord | null = null;
  /** Where this connection's own sessions belong; null as long as nothing may be kept. */
  #record: SessionRecord | null = null;
  #presented: X509Certificate | null = null;
  /** Set by our check of name and depth: until when the verified path is valid. */
  #pathExpiry: number | null = null;

  constructor(target: UpstreamTlsTarget, handlers: UpstreamTlsHandlers) {
    this.#target = target;
    this.#handlers = handlers;
    this.#key = tlsTargetKey(target);
  }

  start(onread: ReadBuffer): TLSSocket {
    const socket = connect(this.#options(onread));
    this.#socket = socket;
    socket.on('error', ignoreError);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    // Node destroys a refused connection in its own 'secure' listener, and the certificate with it.
    socket.prependOnceListener('secure', this.#onHandshakeDone);
    socket.once('secureConnect', this.#onSecureConnect);
    if (this.#target.policy.settings.sessionReuse) socket.on('session', this.#onSession);
    return socket;
  }

  #options(onread: ReadBuffer): UpstreamOptions {
    const { policy, address } = this.#target;
    const offered = policy.settings.sessionReuse ? upstreamSessions.take(this.#key) : null;
    this.#offered = offered?.record ?? null;
    const serverName = sentServerName(this.#target);
    return {
      ...(address.kind === 'unix'
        ? { path: address.path }
        : { host: address.host, port: address.port, noDelay: true }),
      ...(serverName === null ? {} : { servername: serverName }),
      ...(offered === null ? {} : { session: offered.session }),
      secureContext: policy.context,
      rejectUnauthorized: policy.settings.verify === 'on',
      checkServerIdentity: this.#checkServerIdentity,
      onread: {
        buffer: onread.buffer,
        callback: (bytes, buffer) =>
          this.#secured ? onread.callback(bytes, buffer) : this.#refuseEarlyBytes(),
      },
    };
  }

  readonly #onHandshakeDone = (): void => {
    this.#presented = this.#socket?.getPeerX509Certificate() ?? null;
  };

  // Asked by Node at a full handshake, once OpenSSL has found the chain to be good.
  readonly #checkServerIdentity = (): Error | undefined => {
    const { policy, verifyName } = this.#target;
    if (policy.settings.verify !== 'on') return undefined;
    const leaf = this.#presented;
    if (leaf === null) return this.#refusal(noCertificate);
    const problem = identityProblem(verifyName, leaf.subjectAltName);
    if (problem !== null) return this.#refusal(nameMismatch(problem));
    const path = findVerifiedPath(leaf, policy.trust);
    const limit = policy.settings.verifyDepth;
    if (path === null || intermediatesOf(path) > limit) {
      return this.#refusal(tooLong(path === null ? null : intermediatesOf(path), limit));
    }
    this.#pathExpiry = expiryOf(path);
    return undefined;
  };

  readonly #onSecureConnect = (): void => {
    const socket = this.#socket;
    if (socket === null || this.#settled || socket.destroyed) return;
    const refusal = socket.isSessionReused() ? this.#judgeResumed() : this.#judgeFull(socket);
    if (refusal !== null) {
      this.#fail(refusal);
      return;
    }
    const record = this.#record;
    if (record === null) return;
    this.#settled = true;
    this.#secured = true;
    socket.removeListener('error', this.#onError);
    socket.removeListener('close', this.#onClose);
    // Nothing of the certificate is needed any more, and a connection may live for hours.
    this.#presented = null;
    this.#offered = null;
    this.#handlers.onSecure(connectionFacts(socket, record.peer));
  };

  #judgeFull(socket: TLSSocket): SallyportError | null {
    const verify = this.#target.policy.settings.verify === 'on';
    // Our check has run and Node agrees; anything else is a change in Node that must not pass.
    if (verify && (!socket.authorized || this.#pathExpiry === null)) {
      return this.#refusal(notVerified);
    }
    const peer = readPeerFacts(this.#presented, verify ? 'SUCCESS' : 'NONE');
    this.#record = sessionRecord(peer, this.#pathExpiry ?? Number.POSITIVE_INFINITY);
    return null;
  }

  // Chain and name were verified at the full handshake, so without its record nothing is known.
  #judgeResumed(): SallyportError | null {
    if (this.#offered === null || !isUsable(this.#offered)) return this.#refusal(staleSession);
    this.#record = this.#offered;
    return null;
  }

  // May come after the socket was refused: Node keeps the first session until 'secureConnect'.
  readonly #onSession = (session: Buffer): void => {
    if (this.#secured && this.#record !== null) {
      upstreamSessions.store(this.#key, session, this.#record);
    }
  };

  readonly #onError = (error: Error): void => {
    const target = this.#target;
    if (error instanceof SallyportError) this.#fail(error);
    else if (isConnectError(error)) this.#fail(classifyUpstreamError(error, 'connect', target));
    else {
      // The session that was offered may be the cause; the next connection starts afresh.
      if (this.#offered !== null) upstreamSessions.drop(this.#key);
      this.#presented ??= this.#socket?.getPeerX509Certificate() ?? null;
      this.#fail(socketFailure(error, 'handshake', { target, presented: this.#presented }));
    }
  };

  // Closed without an error: the caller has given up.
  readonly #onClose = (): void => {
    this.#settled = true;
  };

  // Node hands out nothing before 'secureConnect'. Should it ever, the bytes go nowhere.
  #refuseEarlyBytes(): boolean {
    this.#fail(this.#refusal(earlyBytes));
    return false;
  }

  #refusal(failure: FailureText): SallyportError {
    return certificateFailure(failure, { target: this.#target, presented: this.#presented });
  }

  #fail(error: SallyportError): void {
    this.#socket?.destroy();
    if (this.#settled) return;
    this.#settled = true;
    this.#handlers.onFailure(error);
  }
}

function isConnectError(error: Error): boolean {
  return 'syscall' in error && (error.syscall === 'connect' || error.syscall === 'bind');
}

const noCertificate: FailureText = {
  code: 'UPSTREAM_TLS_UNTRUSTED',
  what: 'the upstream presented no certificate',
  mend: 'exclude anonymous ciphers in proxy_ssl_ciphers (!aNULL)',
};

const notVerified: FailureText = {
  code: 'UPSTREAM_TLS_UNTRUSTED',
  what: 'the certificate was not verified',
  mend: 'report this: it is a defect of the proxy or of its version of Node.js',
};

const staleSession: FailureText = {
  code: 'UPSTREAM_TLS_UNTRUSTED',
  what: 'the upstream resumed a session whose verification no longer counts',
  mend: 'nothing, the next connection is verified anew (or set proxy_ssl_session_reuse off)',
};

const earlyBytes: FailureText = {
  code: 'UPSTREAM_TLS_HANDSHAKE_FAILED',
  what: 'bytes arrived before the upstream was verified',
  mend: 'report this: it is a defect of the proxy or of its version of Node.js',
};

function nameMismatch(problem: string): FailureText {
  return {
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
    what: problem,
    mend: 'set proxy_ssl_name to a name that the certificate has, or have it issued for this name',
  };
}

function tooLong(found: number | null, limit: number): FailureText {
  const count = found === null ? 'an unknown number of' : String(found);
  return {
    code: 'UPSTREAM_TLS_DEPTH_EXCEEDED',
    what: `certificate chain too long: ${count} intermediate CAs where ${limit} are allowed`,
    mend: `set proxy_ssl_verify_depth ${found ?? 'higher'}`,
  };
}
