// Upstreams on loopback for the tests of connections to them, and one attempt to connect.

import type { AddressInfo, Server as NetServer } from 'node:net';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { Server, TLSSocket, TlsOptions } from 'node:tls';
import { createServer } from 'node:tls';
import type { SallyportError } from '../base/errors.ts';
import type { TestCertificate } from './certificates.test-kit.ts';
import { makeAuthority, makeCertificate, pemFile } from './certificates.test-kit.ts';
import type { UpstreamTlsFacts, UpstreamTlsTarget } from './upstream-connect.ts';
import { classifyUpstreamError, connectUpstreamTls } from './upstream-connect.ts';
import type { UpstreamTlsSettings } from './upstream-policy.ts';
import { createUpstreamTlsPolicy } from './upstream-policy.ts';
import { defaultUpstreamTlsSettings } from './upstream-settings.ts';

export const root: TestCertificate = makeAuthority('Root');
export const otherRoot: TestCertificate = makeAuthority('Other Root');

export const goodLeaf: TestCertificate = makeCertificate({
  commonName: 'leaf',
  dns: ['a.test', '*.wild.test'],
  ip: ['127.0.0.1', '::1'],
  issuer: root,
});

export const settings: UpstreamTlsSettings = {
  ...defaultUpstreamTlsSettings,
  trusted: pemFile('root.crt', root),
  verifyDepth: 1,
};

/** A TLS server that presents the chain and says `hello` to everybody. */
export function tlsUpstream(
  chain: readonly Pick<TestCertificate, 'pem' | 'keyPem'>[],
  options: TlsOptions & { readonly staple?: Buffer } = {},
): Server {
  const { staple = null } = options;
  const server = createServer(
    { cert: chain.map((one) => one.pem).join(''), key: chain[0]?.keyPem ?? '', ...options },
    (socket) => {
      socket.on('error', () => socket.destroy());
      socket.write('hello');
    },
  );
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  if (staple !== null) {
    server.on('OCSPRequest', (_certificate, _issuer, respond) => respond(null, staple));
  }
  return server;
}

/** Listens on loopback until the test ends. */
export async function listen(t: TestContext, server: NetServer): Promise<number> {
  const open = new Set<{ destroy(): void }>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A target at a port of loopback: `a.test`, unless changed. */
export function targetAt(
  port: number,
  change: Partial<UpstreamTlsSettings> = {},
  names: Partial<UpstreamTlsTarget> = {},
): UpstreamTlsTarget {
  return {
    policy: createUpstreamTlsPolicy({ ...settings, ...change }),
    address: { kind: 'ip', host: '127.0.0.1', port },
    verifyName: 'a.test',
    serverName: 'a.test',
    ...names,
  };
}

/** How an attempt ended. */
export interface Outcome {
  readonly facts: UpstreamTlsFacts | null;
  readonly error: SallyportError | null;
  /** What was refused. */
  readonly refused: UpstreamTlsFacts | null;
  /** What report mode let through. */
  readonly reports: readonly SallyportError[];
  /** What came in before the connection was closed. */
  readonly received: string;
  /** An error after onSecure, classified. */
  readonly lateError: SallyportError | null;
}

/**
 * Connects, waits for the greeting (or an error) and closes. Rejects where both handlers are called
 * or data comes before onSecure.
 */
export function attempt(target: UpstreamTlsTarget): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let facts: UpstreamTlsFacts | null = null;
    let error: SallyportError | null = null;
    let lateError: SallyportError | null = null;
    let refused: UpstreamTlsFacts | null = null;
    const reports: SallyportError[] = [];
    let received = '';
    const onread = {
      buffer: Buffer.alloc(65_536),
      callback(bytes: number, buffer: Uint8Array): boolean {
        if (facts === null) reject(new Error('data before onSecure'));
        received += Buffer.from(buffer.subarray(0, bytes)).toString('latin1');
        // The sessions come in the same turn as the greeting.
        setImmediate(() => socket.destroy());
        return true;
      },
    };
    const socket: TLSSocket = connectUpstreamTls(target, onread, {
      onSecure(found) {
        if (facts !== null || error !== null) reject(new Error('a second verdict'));
        facts = found;
        socket.on('error', (late) => {
          lateError = classifyUpstreamError(late, 'established', target);
        });
        socket.on('close', () => {
          resolve({ facts, error, refused, reports, received, lateError });
        });
      },
      onReport(report) {
        if (facts !== null) reject(new Error('a report after the verdict'));
        reports.push(report);
      },
      onFailure(failure, presented) {
        refused = presented;
        if (facts !== null || error !== null) reject(new Error('a second verdict'));
        error = failure;
        // What comes after the verdict must do nothing.
        setImmediate(() => {
          resolve({ facts, error, refused, reports, received, lateError });
        });
      },
    });
  });
}

/** Attempts and demands success. */
export async function succeed(target: UpstreamTlsTarget): Promise<UpstreamTlsFacts> {
  const { facts, error } = await attempt(target);
  if (facts === null) throw error ?? new Error('neither secured nor failed');
  return facts;
}

/** Attempts and demands a refusal, before which nothing was received. */
export async function fail(target: UpstreamTlsTarget): Promise<SallyportError> {
  const { error, received } = await attempt(target);
  if (error === null) throw new Error('the connection was let through');
  if (received !== '') throw new Error('bytes of an unverified upstream were handed out');
  return error;
}
