// The only way to an upstream over TLS. A socket is handed out once everything that its policy
// demands is verified, and not one byte passes to or from the caller before that:
//
//   tls.connect -> 'OCSPResponse' (kept) -> 'secure' (keep what was presented, for the message)
//     -> OpenSSL's verdict on the chain -> checkServerIdentity (upstream-checks.ts: name, depth,
//     pins, OCSP) -> 'secureConnect' -> onSecure
//
// Node itself refuses (rejectUnauthorized is always given), we only add reasons to refuse. In report
// mode Node refuses nothing; both verdicts are asked for at 'secureConnect' and reported.

import type { X509Certificate } from 'node:crypto';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import { SallyportError } from '../base/errors.ts';
import { chainFailure } from './chain-failure.ts';
import type { FailureText } from './failure-text.ts';
import type { SessionRecord } from './session-cache.ts';
import { isUsable, sessionRecord, upstreamSessions } from './session-cache.ts';
import type { PeerVerdict } from './upstream-checks.ts';
import { checkPeer, unansweredOcsp } from './upstream-checks.ts';
import { certificateFailure, classifyUpstreamError, socketFailure } from './upstream-failure.ts';
import type { HandshakeFacts, PeerFacts, UpstreamTlsFacts } from './upstream-facts.ts';
import { connectionFacts, handshakeFacts, noHandshakeFacts } from './upstream-facts.ts';
import { readPeerFacts } from './upstream-facts.ts';
import { policyInForce } from './upstream-policy.ts';
import type { UpstreamTlsTarget } from './upstream-target.ts';
import { sentServerName, tlsTargetKey } from './upstream-target.ts';

export type { UpstreamTlsFacts } from './upstream-facts.ts';
export type { UpstreamTlsTarget } from './upstream-target.ts';
export { tlsTargetKey } from './upstream-target.ts';
export { classifyUpstreamError } from './upstream-failure.ts';

/**
 * The outcome of a handshake: exactly one of onSecure and onFailure is called, once, never before
 * the return.
 */
export interface UpstreamTlsHandlers {
  /** Verified. Attach 'error' and 'close' listeners before returning. */
  onSecure(facts: UpstreamTlsFacts): void;
  /**
   * Refused or failed; the socket is destroyed.
   *
   * @param facts - what was refused, with `verify` `FAILED:CODE`; null where nothing was presented
   */
  onFailure(error: SallyportError, facts: UpstreamTlsFacts | null): void;
  /** In report mode, before onSecure: what a full handshake would have been refused for. */
  onReport?(error: SallyportError): void;
}

/** Node's `onread`: where bytes go and who is told. The callback returns false to pause. */
export interface ReadBuffer {
  readonly buffer: Uint8Array | (() => Uint8Array);
  readonly callback: (bytes: number, buffer: Uint8Array) => boolean;
}

/** How the socket is opened; the names are Node's. */
export interface SocketOptions {
  readonly keepAlive?: boolean;
  readonly localAddress?: string;
  readonly localPort?: number;
}

/**
 * Opens a verified connection to an upstream. There is no timeout in it: `destroy()` the socket
 * (without an error) to give up, and neither handler is called.
 */
export function connectUpstreamTls(
  target: UpstreamTlsTarget,
  onread: ReadBuffer,
  handlers: UpstreamTlsHandlers,
  socket: SocketOptions | null = null,
): TLSSocket {
  return new UpstreamHandshake(inForce(target), handlers).start(onread, socket);
}

// Whoever asked may have had the target for long: no connection is made under a policy whose
// `until=` has passed.
function inForce(target: UpstreamTlsTarget): UpstreamTlsTarget {
  const policy = policyInForce(target.policy);
  return policy === target.policy ? target : { ...target, policy };
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
  #staple: Buffer | null = null;
  /** Null until the handshake is done. */
  #agreed: HandshakeFacts | null = null;
  /** Of our own checks, once they were made. */
  #verdict: PeerVerdict | null = null;

  constructor(target: UpstreamTlsTarget, handlers: UpstreamTlsHandlers) {
    this.#target = target;
    this.#handlers = handlers;
    this.#key = tlsTargetKey(target);
  }

  start(onread: ReadBuffer, options: SocketOptions | null): TLSSocket {
    const { settings } = this.#target.policy;
    const asksOcsp = settings.ocsp !== 'off' && settings.verify !== 'off';
    const socket = connect({ ...options, ...this.#options(onread, asksOcsp) });
    this.#socket = socket;
    socket.on('error', ignoreError);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
    // Node destroys a refused connection in its own 'secure' listener, and the certificate with it.
    socket.prependOnceListener('secure', this.#onHandshakeDone);
    socket.once('secureConnect', this.#onSecureConnect);
    if (asksOcsp) socket.once('OCSPResponse', this.#onStaple);
    if (settings.sessionReuse) socket.on('session', this.#onSession);
    return socket;
  }

  #options(onread: ReadBuffer, requestOCSP: boolean): UpstreamOptions {
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
      requestOCSP,
      rejectUnauthorized: policy.settings.verify === 'on',
      checkServerIdentity: this.#checkServerIdentity,
      onread: {
        buffer: onread.buffer,
        callback: (bytes, buffer) =>
          this.#secured ? onread.callback(bytes, buffer) : this.#refuseEarlyBytes(),
      },
    };
  }

  // On a resumed connection there is none, or null: that says nothing.
  readonly #onStaple = (staple: Buffer | null): void => {
    this.#staple = staple;
  };

  readonly #onHandshakeDone = (): void => {
    const socket = this.#socket;
    if (socket === null) return;
    this.#presented = socket.getPeerX509Certificate() ?? null;
    this.#agreed = handshakeFacts(socket);
  };

  // Asked by Node at a full handshake, once OpenSSL has found the chain to be good.
  readonly #checkServerIdentity = (): Error | undefined => {
    if (this.#target.policy.settings.verify !== 'on') return undefined;
    // Node asks again: what was verified has come from another handshake than this one.
    if (this.#secured) return this.#refusal(askedAgain);
    return this.#guarded(() => {
      const { failure } = this.#check();
      return failure === null ? undefined : this.#refusal(failure);
    });
  };

  // Whatever somebody has written into a certificate: it is refused, and the process goes on.
  #guarded<T>(judge: () => T): T | SallyportError {
    try {
      return judge();
    } catch (cause) {
      if (cause instanceof SallyportError) return cause;
      const scene = { target: this.#target, presented: null };
      return certificateFailure(
        { ...unreadable, what: unreadable.what + String(cause) },
        scene,
        cause,
      );
    }
  }

  #check(): PeerVerdict {
    this.#verdict = checkPeer(this.#target, { leaf: this.#presented, staple: this.#staple });
    return this.#verdict;
  }

  readonly #onSecureConnect = (): void => {
    const socket = this.#socket;
    if (socket === null || this.#settled || socket.destroyed) return;
    const refusal = this.#guarded(() =>
      socket.isSessionReused() ? this.#judgeResumed() : this.#judgeFull(socket),
    );
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
    const agreed = this.#agreed ?? handshakeFacts(socket);
    // Nothing of the certificate is needed any more, and a connection may live for hours.
    this.#presented = null;
    this.#staple = null;
    this.#offered = null;
    this.#handlers.onSecure(connectionFacts(agreed, record.peer));
  };

  #judgeFull(socket: TLSSocket): SallyportError | null {
    const { verify } = this.#target.policy.settings;
    if (verify === 'report') {
      this.#judgeAndReport(socket);
      return null;
    }
    const verdict = verify === 'on' ? this.#verdict : this.#check();
    // Our check has run and Node agrees; anything else is a change in Node that must not pass.
    if (verdict === null || (verify === 'on' && !socket.authorized)) {
      return this.#refusal(notVerified);
    }
    if (verdict.failure !== null) return this.#refusal(verdict.failure);
    this.#accept(verify === 'on' ? 'SUCCESS' : 'NONE', verdict);
    return null;
  }

  #accept(verify: string, { ocsp, expiresAt }: PeerVerdict): void {
    const facts = { verify, ocsp, validUntil: expiresAt };
    this.#record = sessionRecord(readPeerFacts(this.#presented, facts));
  }

  #judgeAndReport(socket: TLSSocket): void {
    const { policy } = this.#target;
    const chain = socket.authorized ? null : this.#chainFailure(socket.authorizationError);
    const verdict =
      chain === null
        ? this.#check()
        : { failure: chain, ocsp: unansweredOcsp(policy, this.#staple), expiresAt: Infinity };
    const { failure } = verdict;
    this.#accept(failure === null ? 'SUCCESS' : `REPORTED:${failure.code}`, verdict);
    if (failure === null) return;
    policy.reported.count += 1;
    const { code, message } = this.#refusal(failure);
    const so = `would be refused (report only, ${policy.reported.count} so far on this hop)`;
    this.#handlers.onReport?.(new SallyportError(code, `${so}: ${message}`));
  }

  #chainFailure(verdict: unknown): FailureText {
    const { policy } = this.#target;
    const name = verdict instanceof Error ? verdict.message : String(verdict);
    const leaf = this.#presented;
    return chainFailure({ name, text: null, leaf, policy }) ?? { ...notVerified, what: name };
  }

  // Chain and name were verified at the full handshake, so without its record nothing is known.
  #judgeResumed(): SallyportError | null {
    const record = this.#offered;
    if (record === null || !isUsable(record)) return this.#refusal(staleSession);
    this.#record = record;
    if (record.peer.verify.startsWith('REPORTED:')) this.#target.policy.reported.count += 1;
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
      this.#fail(
        this.#guarded(() => {
          this.#presented ??= this.#socket?.getPeerX509Certificate() ?? null;
          return socketFailure(error, 'handshake', { target, presented: this.#presented });
        }),
      );
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
    this.#handlers.onFailure(error, this.#factsOfRefused(error));
  }

  #factsOfRefused({ code }: SallyportError): UpstreamTlsFacts | null {
    const peer = this.#presented === null ? (this.#offered?.peer ?? null) : this.#presentedFacts();
    if (peer === null || (this.#agreed === null && this.#presented === null)) return null;
    return connectionFacts(this.#agreed ?? noHandshakeFacts, { ...peer, verify: `FAILED:${code}` });
  }

  #presentedFacts(): PeerFacts {
    const ocsp = this.#verdict?.ocsp ?? unansweredOcsp(this.#target.policy, this.#staple);
    return readPeerFacts(this.#presented, { verify: '', ocsp, validUntil: 0 });
  }
}

function isConnectError(error: Error): boolean {
  return 'syscall' in error && (error.syscall === 'connect' || error.syscall === 'bind');
}

const notVerified: FailureText = {
  code: 'UPSTREAM_TLS_UNTRUSTED',
  what: 'the certificate was not verified',
  mend: 'report this: it is a defect of the proxy or of its version of Node.js',
};

const unreadable: FailureText = {
  code: 'UPSTREAM_TLS_UNTRUSTED',
  what: 'the certificates that were presented cannot be judged: ',
  mend: 'look at them (openssl s_client -showcerts), and have them issued anew',
};

const staleSession: FailureText = {
  code: 'UPSTREAM_TLS_SESSION_STALE',
  what: 'the upstream resumed a session whose verification no longer counts',
  mend: 'nothing: a connection with a full handshake takes its place at once',
};

const earlyBytes: FailureText = {
  code: 'UPSTREAM_TLS_HANDSHAKE_FAILED',
  what: 'bytes arrived before the upstream was verified',
  mend: 'report this: it is a defect of the proxy or of its version of Node.js',
};

const askedAgain: FailureText = {
  code: 'UPSTREAM_TLS_HANDSHAKE_FAILED',
  what: 'a new handshake on a connection that is verified (renegotiation of TLS 1.2)',
  mend: 'turn renegotiation off at the upstream, or let it speak TLS 1.3',
};
