// A front door on loopback for the tests, and clients that knock at it.

import type { Socket } from 'node:net';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import type { ConnectionOptions, Server, TLSSocket } from 'node:tls';
import { connect } from 'node:tls';
import type { SallyportError } from '../base/errors.ts';
import type { TestCertificate } from './certificates.test-kit.ts';
import { makeCertificate, pairFiles } from './certificates.test-kit.ts';
import type { ClientTlsFacts, FrontDoorHandlers } from './front-door.ts';
import { openFrontDoor } from './front-door.ts';
import type { ServerTlsParts, ServerTlsPolicy, ServerTlsSettings } from './server-policy.ts';
import { createServerTlsPolicy } from './server-policy.ts';
import { listen, root } from './upstream.test-kit.ts';

export const leafA: TestCertificate = makeCertificate({
  commonName: 'a',
  dns: ['a.test'],
  issuer: root,
});
export const leafB: TestCertificate = makeCertificate({
  commonName: 'b',
  dns: ['b.test'],
  issuer: root,
});

export const serverSettings: ServerTlsSettings = {
  id: 'a',
  certificates: [pairFiles(leafA)],
  clientCertificate: null,
  verifyClient: 'off',
  verifyDepth: 1,
  protocols: ['TLSv1.2', 'TLSv1.3'],
  ciphers: 'HIGH:!aNULL:!MD5',
  preferServerCiphers: false,
  sessionTimeout: 300,
  ticketSecrets: [Buffer.alloc(48, 1)],
  sessionTickets: true,
};

/** A policy: that of `a.test`, unless changed. */
export function serverPolicy(
  change: Partial<ServerTlsSettings> = {},
  parts: ServerTlsParts = {},
): ServerTlsPolicy {
  return createServerTlsPolicy({ ...serverSettings, ...change }, parts);
}

/** The servers that a policy has made so far. */
export function serversOf(policy: ServerTlsPolicy): readonly Server[] {
  const servers: Server[] = [];
  policy.eachServer((server) => servers.push(server));
  return servers;
}

/** What the front door said of one connection. */
export interface Arrival {
  readonly facts: ClientTlsFacts | null;
  readonly socket: TLSSocket | null;
  readonly error: SallyportError | null;
  readonly plain: Socket | null;
  readonly raw: Socket;
}

/** A front door that listens. `next()` waits for the outcome of the next connection. */
export interface Door {
  readonly port: number;
  /** Server names as they were asked for. */
  readonly asked: string[];
  next(): Promise<Arrival>;
}

/** Opens a front door until the test ends. It answers `secure` to who comes in over TLS. */
export async function openDoor(
  t: TestContext,
  choose: FrontDoorHandlers['choose'],
  timeoutMs = 10_000,
): Promise<Door> {
  const arrivals: Arrival[] = [];
  const waiting: ((arrival: Arrival) => void)[] = [];
  const arrive = (arrival: Partial<Arrival> & { raw: Socket }): void => {
    const whole = { facts: null, socket: null, error: null, plain: null, ...arrival };
    const first = waiting.shift();
    if (first === undefined) arrivals.push(whole);
    else first(whole);
  };
  const asked: string[] = [];
  const handlers: FrontDoorHandlers = {
    choose(name, hello) {
      asked.push(name);
      return choose(name, hello);
    },
    onSecure(socket, facts, raw) {
      socket.write('secure');
      arrive({ socket, facts, raw });
    },
    onPlainHttp(raw) {
      arrive({ plain: raw, raw });
    },
    onFailure(error, raw) {
      arrive({ error, raw });
    },
  };
  const server = createServer({ allowHalfOpen: true }, (raw) => {
    openFrontDoor(raw, handlers, timeoutMs);
  });
  const port = await listen(t, server);
  const next = (): Promise<Arrival> =>
    new Promise((resolve) => {
      const first = arrivals.shift();
      if (first === undefined) waiting.push(resolve);
      else resolve(first);
    });
  return { port, asked, next };
}

/** What a client saw. */
export interface Visit {
  /** What it read before it closed. */
  readonly received: string;
  readonly error: (Error & { code?: string }) | null;
  readonly peer: string;
  readonly reused: boolean;
  readonly protocol: string;
  readonly session: Buffer | null;
}

/** A TLS client of `a.test` that reads the greeting and closes. */
export function visit(door: Door, options: ConnectionOptions = {}): Promise<Visit> {
  return new Promise((resolve) => {
    const seen = { peer: '', reused: false, protocol: '' };
    let received = '';
    let error: Error | null = null;
    let session: Buffer | null = null;
    const socket = connect({
      host: '127.0.0.1',
      port: door.port,
      servername: 'a.test',
      ca: root.pem,
      // Certificates are for several names here; what is tested is which one comes.
      checkServerIdentity: () => undefined,
      rejectUnauthorized: true,
      ...options,
    });
    socket.on('secureConnect', () => {
      seen.peer = socket.getPeerX509Certificate()?.subject ?? '';
      seen.reused = socket.isSessionReused();
      seen.protocol = socket.getProtocol() ?? '';
    });
    socket.on('session', (ticket) => {
      session = ticket;
    });
    socket.on('data', (bytes: Buffer) => {
      received += bytes.toString();
      setImmediate(() => socket.destroy());
    });
    socket.on('error', (failure) => {
      error = failure;
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => {
      resolve({ ...seen, received, error, session });
    });
  });
}
