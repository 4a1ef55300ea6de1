// One connection of a client that checks every byte it gets: which request an answer belongs to, by
// three marks of it, what the body holds, and whether what is cut can be seen to be cut.

import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Content } from './content.ts';
import { ResponseReader, type AnswerEvents, type AnswerHead } from './response-reader.ts';

/** Where a client connects. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly tls?: { readonly ca: string; readonly servername: string };
}

/** A request and what its answer must be. */
export interface Expected {
  readonly id: number;
  readonly method: string;
  /** Of the answer's body. */
  readonly length: number;
}

/** What became of a request. `behind`: it was never looked at, as an answer before it said. */
export type Outcome =
  | { readonly kind: 'right' | 'behind' }
  | { readonly kind: 'answered'; readonly status: number }
  | { readonly kind: 'cut' | 'closed' | 'silent' | 'wrong'; readonly why: string };

interface Pending extends Expected {
  readonly settle: (outcome: Outcome) => void;
  readonly content: Content;
  timer: NodeJS.Timeout | null;
  head: AnswerHead | null;
  got: number;
  /** It has been settled already, as wrong or silent. */
  over: boolean;
}

/** Longer than all timeouts of the proxy together. */
const patienceMs = 90_000;

export class Client implements AnswerEvents {
  readonly openedAt: number = Date.now();
  readonly socket: Socket;
  /** The last answer said that there will be no other. */
  isLast = false;
  closed = false;
  /** Called with what comes after an upgrade. */
  onTunnel: (chunk: Buffer) => void = () => undefined;
  onClosed: () => void = () => undefined;
  onChunk: () => void = () => undefined;
  /** Bytes that belong to no request: null for none. */
  stray: string | null = null;
  readonly #reader: ResponseReader;
  readonly #pending: Pending[] = [];
  #why = 'closed';
  readonly #raw: Socket;

  private constructor(socket: Socket, raw: Socket) {
    this.socket = socket;
    this.#raw = raw;
    this.#reader = new ResponseReader(this);
    socket.on('data', (chunk: Buffer) => this.#feed(chunk));
    socket.on('error', (error: NodeJS.ErrnoException) => (this.#why = error.code ?? String(error)));
    socket.on('end', () => this.#close());
    socket.on('close', () => this.#close());
  }

  /** Null where the connection is refused, or closed before TLS is there. */
  static open(target: Target): Promise<Client | null> {
    const { port, tls } = target;
    const raw = connect({ port, host: '127.0.0.1', noDelay: true });
    const socket = tls === undefined ? raw : connectTls({ socket: raw, ...tls });
    raw.on('error', () => undefined);
    const client = new Client(socket, raw);
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), patienceMs);
      socket.once(tls === undefined ? 'connect' : 'secureConnect', () => {
        clearTimeout(timer);
        resolve(client);
      });
      socket.once('close', () => {
        clearTimeout(timer);
        resolve(null);
      });
    });
  }

  /** May another request be sent? */
  get isUsable(): boolean {
    return !this.closed && !this.isLast;
  }

  /** To be called before the request is written. Resolves in every case. */
  expect(expected: Expected): Promise<Outcome> {
    return new Promise((resolve) => {
      const content = new Content(expected.id, 'answer');
      const state = { timer: null, head: null, got: 0, over: false };
      const pending: Pending = { ...expected, settle: resolve, content, ...state };
      pending.timer = setTimeout(() => {
        this.#settle(pending, { kind: 'silent', why: `nothing for ${patienceMs} ms` });
        this.socket.destroy();
      }, patienceMs);
      this.#pending.push(pending);
      if (this.closed) this.#close();
    });
  }

  /** False where the connection has closed, or an early answer makes more of it pointless. */
  async write(bytes: Buffer | string): Promise<boolean> {
    if (this.closed) return false;
    if (this.socket.write(bytes)) return true;
    await new Promise<void>((resolve) => {
      const goOn = (): void => {
        this.socket.off('drain', goOn);
        this.socket.off('close', goOn);
        resolve();
      };
      this.socket.on('drain', goOn);
      this.socket.on('close', goOn);
    });
    return !this.closed;
  }

  /** Drops it with a TCP reset. */
  reset(): void {
    this.#raw.resetAndDestroy();
  }

  drop(): void {
    this.socket.destroy();
  }

  onHead(head: AnswerHead): boolean {
    const pending = this.#pending[0];
    this.isLast ||= head.fields.get('connection') === 'close';
    if (pending === undefined) {
      this.stray = `an answer ${head.status} that nobody asked for`;
      return true;
    }
    pending.head = head;
    const echo = head.fields.get('x-echo');
    if (echo !== String(pending.id)) this.#wrong(pending, `the answer is to ${String(echo)}`);
    const from = head.fields.get('x-id');
    const isRight = head.status === 200 || head.status === 101;
    if (isRight && from !== String(pending.id)) this.#wrong(pending, `it is ${String(from)}'s`);
    return pending.method !== 'HEAD';
  }

  onBody(chunk: Buffer): void {
    const pending = this.#pending[0];
    if (pending === undefined) return;
    if (pending.head?.status === 200 && !pending.content.matches(pending.got, chunk)) {
      this.#wrong(pending, `the body differs within ${pending.got} + ${chunk.length}`);
    }
    pending.got += chunk.length;
    this.onChunk();
  }

  onEnd(): void {
    const pending = this.#pending.shift();
    if (pending === undefined) return;
    const { status = 0 } = pending.head ?? {};
    const wanted = pending.method === 'HEAD' ? 0 : pending.length;
    if (status !== 200) this.#settle(pending, { kind: 'answered', status });
    else if (pending.got !== wanted) this.#wrong(pending, `${pending.got} bytes of ${wanted}`);
    else this.#settle(pending, { kind: 'right' });
  }

  #feed(chunk: Buffer): void {
    try {
      this.#reader.feed(chunk);
      this.#upgraded();
    } catch (error) {
      const pending = this.#pending[0];
      this.stray = String(error);
      if (pending !== undefined) this.#wrong(pending, String(error));
      this.socket.destroy();
    }
  }

  #upgraded(): void {
    if (this.#reader.state !== 'tunnel') return;
    const pending = this.#pending.shift();
    if (pending !== undefined) this.#settle(pending, { kind: 'right' });
  }

  #close(): void {
    this.closed = true;
    this.onClosed();
    let isFirst = true;
    for (const pending of this.#pending.splice(0)) {
      const begun = pending.head !== null || (isFirst && !this.#reader.isBetween);
      const why = `${this.#why}, ${pending.got} bytes of ${pending.length}`;
      if (begun) this.#settle(pending, { kind: 'cut', why });
      else if (this.isLast || !isFirst) this.#settle(pending, { kind: 'behind' });
      else this.#settle(pending, { kind: 'closed', why: this.#why });
      isFirst = false;
    }
    this.socket.destroy();
  }

  #wrong(pending: Pending, why: string): void {
    this.#settle(pending, { kind: 'wrong', why });
    this.socket.destroy();
  }

  #settle(pending: Pending, outcome: Outcome): void {
    if (pending.over) return;
    pending.over = true;
    if (pending.timer !== null) clearTimeout(pending.timer);
    pending.settle(outcome);
  }
}
