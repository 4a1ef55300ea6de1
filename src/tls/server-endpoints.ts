// The tls.Servers of one policy, none of which ever listens: one for each certificate, each ticket
// key, and for clients whose sessions are kept here. The hello says which of them a client needs.
// All but the first are made when they are first needed.

import { constants } from 'node:crypto';
import type { Server, TlsOptions } from 'node:tls';
import { now } from '../base/clock.ts';
import type { CertificateChoice } from './certificate-choice.ts';
import type { ClientHello } from './client-hello.ts';
import type { KeyPair } from './pem.ts';
import type { SessionKeeper } from './server-session-cache.ts';
import type { TicketKey } from './ticket-keys.ts';

/** What the servers of a policy are made of. */
export interface EndpointParts {
  /** The policy's key: sessions are kept under it. */
  readonly key: string;
  /** Options of all of them; certificate and ticket key are added. */
  readonly options: TlsOptions;
  readonly create: (options: TlsOptions) => Server;
  readonly pairs: readonly KeyPair[];
  readonly choice: CertificateChoice;
  readonly ticketKeys: readonly TicketKey[];
  readonly speaksTls13: boolean;
  /** Where sessions without tickets are kept; null for nowhere. */
  readonly keeper: SessionKeeper | null;
}

/** Called once with each server of a policy, and its certificate; null where it has several. */
export type EndpointListener = (server: Server, pair: KeyPair | null) => void;

/** The place of a server: certificate (-1: all of them), ticket key, sessions kept or not. */
interface Place {
  readonly certificate: number;
  readonly ticketKey: number;
  readonly keeps: boolean;
}

const tls13 = 0x0304;

export class ServerEndpoints {
  readonly #parts: EndpointParts;
  readonly #servers: (Server | undefined)[] = [];
  readonly #made: { readonly server: Server; readonly pair: KeyPair | null }[] = [];
  readonly #listeners: EndpointListener[] = [];
  readonly #givesTickets: boolean;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
    const options = parts.options.secureOptions ?? 0;
    this.#givesTickets = (options & constants.SSL_OP_NO_TICKET) === 0;
    // What is wrong with the options shows now.
    this.#at({ certificate: 0, ticketKey: 0, keeps: false });
  }

  /** The server for a client. */
  for(hello: ClientHello): Server {
    const { choice, ticketKeys } = this.#parts;
    const { ticketName } = hello;
    const found = ticketName === '' ? 0 : ticketKeys.findIndex(({ name }) => name === ticketName);
    return this.#at({
      certificate: choice.choose(hello),
      ticketKey: Math.max(0, found),
      keeps: this.#keeps(hello),
    });
  }

  /** Calls for each server there is, and for each that is made later. */
  each(listener: EndpointListener): void {
    this.#listeners.push(listener);
    for (const { server, pair } of this.#made) listener(server, pair);
  }

  // A session that a ticket holds, or that TLS 1.3 makes, would only push out others.
  #keeps(hello: ClientHello): boolean {
    const { keeper, speaksTls13 } = this.#parts;
    if (keeper === null || (speaksTls13 && hello.versions.includes(tls13))) return false;
    return !this.#givesTickets || !hello.takesTicket;
  }

  #at(place: Place): Server {
    const { ticketKeys } = this.#parts;
    const row = (place.certificate + 1) * ticketKeys.length + place.ticketKey;
    const index = 2 * row + (place.keeps ? 1 : 0);
    return (this.#servers[index] ??= this.#make(place));
  }

  #make({ certificate, ticketKey, keeps }: Place): Server {
    const { options, pairs, create, ticketKeys, keeper } = this.#parts;
    const chosen = pairs[certificate];
    const used = chosen === undefined ? pairs : [chosen];
    const server = create({
      ...options,
      cert: used.map((pair) => pair.certificate.pem),
      key: used.map((pair) => pair.key.pem),
      ticketKeys: ticketKeys[ticketKey]?.bytes,
    });
    if (keeps && keeper !== null) this.#keepSessions(server, keeper);
    const made = { server, pair: used.length === 1 ? (used[0] ?? null) : null };
    this.#made.push(made);
    for (const listener of this.#listeners) listener(server, made.pair);
    return server;
  }

  #keepSessions(server: Server, keeper: SessionKeeper): void {
    const { key, options } = this.#parts;
    const lifeMs = (options.sessionTimeout ?? 300) * 1000;
    const nameOf = (id: Buffer): string => `${key} ${id.toString('hex')}`;
    server.on('newSession', (id: Buffer, session: Buffer, done: () => void) => {
      keeper.put(nameOf(id), session, now() + lifeMs);
      done();
    });
    server.on('resumeSession', (id: Buffer, done) => {
      // Declared as undefined for "not known", in fact null.
      done(null, keeper.get(nameOf(id)) as Buffer);
    });
  }
}
