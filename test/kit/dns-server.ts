// A name server for tests, over UDP and TCP on one port of 127.0.0.1. It answers from a list that
// the test may change at any time, writes down what it was asked, and can be silent or fail.

import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { createServer, type Server, type Socket } from 'node:net';
import {
  readQuestion,
  writeReply,
  type DnsQuestion,
  type DnsRecord,
  type DnsReply,
} from './dns-message.ts';
import { freePort } from './ports.ts';
import { atEnd, type Scope } from './scope.ts';

export type { DnsRecord } from './dns-message.ts';

/** A question that was received. */
export interface DnsQuery extends DnsQuestion {
  readonly tcp: boolean;
}

/** A name server under the test's control. */
export class DnsServer {
  readonly port: number;
  /** All questions so far, answered or not. */
  readonly queries: DnsQuery[] = [];
  /** Receives, but never answers. */
  silent = false;
  /** Answers everything with this code (2: server failure, 5: refused); 0 answers from the list. */
  failsWith = 0;
  /** Over UDP nothing is answered but "ask over TCP". */
  truncates = false;
  readonly #names = new Map<string, readonly DnsRecord[]>();
  readonly #datagrams: DatagramSocket;
  readonly #streams: Server;
  readonly #open = new Set<Socket>();

  private constructor(port: number) {
    this.port = port;
    this.#datagrams = createSocket('udp4');
    this.#streams = createServer((socket) => this.#serve(socket));
  }

  static async start(scope?: Scope): Promise<DnsServer> {
    const server = new DnsServer(await freePort());
    await server.#listen();
    atEnd(scope, () => server.stop());
    return server;
  }

  /** As `resolver` takes it. */
  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** From now on this is what is known of a name. Without any record it exists, but is empty. */
  set(name: string, ...records: readonly DnsRecord[]): void {
    this.#names.set(name.toLowerCase(), records);
  }

  /** The same for IPv4 addresses alone. */
  setAddresses(name: string, addresses: readonly string[], ttl: number = 1): void {
    this.set(name, ...addresses.map((address) => ({ type: 'A' as const, ttl, address })));
  }

  /** From now on there is no such name. */
  remove(name: string): void {
    this.#names.delete(name.toLowerCase());
  }

  /** How often it was asked for a name, of one type or of all. */
  asked(name: string, type?: string): number {
    return this.queries.filter(
      (one) => one.name === name.toLowerCase() && (type === undefined || one.type === type),
    ).length;
  }

  async stop(): Promise<void> {
    for (const socket of this.#open) socket.destroy();
    await Promise.all([
      new Promise<void>((resolve) => this.#datagrams.close(() => resolve())),
      new Promise<void>((resolve) => {
        this.#streams.close(() => resolve());
      }),
    ]);
  }

  async #listen(): Promise<void> {
    this.#datagrams.on('message', (message, from) => {
      const reply = this.#answer(message, false);
      if (reply !== null) this.#datagrams.send(reply, from.port, from.address);
    });
    await Promise.all([
      new Promise<void>((resolve) => this.#datagrams.bind(this.port, '127.0.0.1', resolve)),
      new Promise<void>((resolve) => this.#streams.listen(this.port, '127.0.0.1', resolve)),
    ]);
  }

  // Each message follows its length in two bytes (RFC 1035 section 4.2.2).
  #serve(socket: Socket): void {
    this.#open.add(socket);
    socket.on('close', () => this.#open.delete(socket));
    socket.on('error', () => undefined);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        const reply = this.#answer(received.subarray(2, end), true);
        received = received.subarray(end);
        if (reply === null) continue;
        const length = Buffer.alloc(2);
        length.writeUInt16BE(reply.length, 0);
        socket.write(Buffer.concat([length, reply]));
      }
    });
  }

  #answer(message: Buffer, tcp: boolean): Buffer | null {
    const question = readQuestion(message);
    this.queries.push({ ...question, tcp });
    if (this.silent) return null;
    if (this.failsWith !== 0) return writeReply(message, { code: this.failsWith, records: [] });
    const truncated = this.truncates && !tcp;
    return writeReply(message, { ...this.#find(question), truncated });
  }

  #find({ name, type }: DnsQuestion): DnsReply {
    const records: { name: string; record: DnsRecord }[] = [];
    let current = name;
    for (let known = this.#names.get(current); ; known = this.#names.get(current)) {
      if (known === undefined) return { code: 3, records };
      for (const record of known) if (record.type === type) records.push({ name: current, record });
      const alias = known.find((one) => one.type === 'CNAME');
      if (alias === undefined) return { code: 0, records };
      records.push({ name: current, record: alias });
      current = alias.target.toLowerCase();
    }
  }
}
