// Clients that never stop asking, for tests in which something happens to the proxy meanwhile: on
// new connections and on kept ones, with uploads and downloads, through upgraded connections. Each
// answer is compared to the byte; whatever is not right is a failure.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { headerValue } from './message.ts';
import { RawConnection, request } from './raw-client.ts';
import type { RequestOptions, Target } from './raw-client.ts';
import { atEnd } from './scope.ts';
import type { Scope } from './scope.ts';

/** What one client does again and again. */
export type LoadKind = 'new' | 'kept' | 'upload' | 'download' | 'upgraded';

/** So many clients that do this there. */
export interface LoadPart {
  readonly kind: LoadKind;
  readonly target: Target;
  /** Default 1. */
  readonly clients?: number;
}

const pauseMs = 4;
const limitMs = 30_000;
const uploadBytes = 40_000;
const pieces = 4;

/** The server behind the proxy: answers what it was sent. */
export async function startEcho(scope?: Scope): Promise<{ readonly address: string }> {
  const server = createServer((incoming, answer) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('error', () => undefined);
    incoming.on('end', () => {
      const body = Buffer.concat(chunks);
      answer.end(body.length > 0 ? body : contentOf(incoming.url ?? ''));
    });
  });
  server.on('upgrade', (_incoming, socket, head: Buffer) => {
    socket.on('error', () => undefined);
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n');
    socket.write(head);
    socket.pipe(socket);
  });
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(scope, () => {
    server.close();
    server.closeAllConnections();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

/** What the server answers to a GET: its path, or for `/big/NAME` more of it than fits one packet. */
function contentOf(url: string): string {
  return url.startsWith('/big/') ? url.repeat(8_000) : url;
}

/** Clients at work. */
export class SteadyLoad {
  /** What went wrong, in words. */
  readonly failures: string[] = [];
  /** Answers that were right. */
  readonly counts: Record<LoadKind, number> = {
    new: 0,
    kept: 0,
    upload: 0,
    download: 0,
    upgraded: 0,
  };
  readonly #clients: Promise<void>[] = [];
  #stopped = false;
  #last = 0;

  /** Begins. Stopped at the end of `scope` at the latest. */
  static start(parts: readonly LoadPart[], scope?: Scope): SteadyLoad {
    const load = new SteadyLoad();
    for (const part of parts) {
      for (let i = 0; i < (part.clients ?? 1); i += 1) load.#clients.push(load.#client(part));
    }
    atEnd(scope, () => load.stop());
    return load;
  }

  /** How many answers were right. */
  get total(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  /** Waits until each kind that is there has had so many more right answers, or something failed. */
  async goesOn(more = 3): Promise<void> {
    const before = { ...this.counts };
    const kinds = Object.keys(before) as LoadKind[];
    const busy = kinds.filter((kind) => this.counts[kind] > 0);
    const deadline = Date.now() + limitMs;
    while (this.failures.length === 0 && Date.now() < deadline) {
      if (busy.every((kind) => this.counts[kind] >= before[kind] + more)) return;
      await sleep(10);
    }
  }

  /** Lets each client finish what it does. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #client({ kind, target }: LoadPart): Promise<void> {
    const slow = { ...target, limitMs };
    const run = { new: this.#new, kept: this.#kept, upload: this.#upload };
    const works = { ...run, download: this.#download, upgraded: this.#upgraded };
    while (!this.#stopped) {
      try {
        await works[kind].call(this, slow);
      } catch (error) {
        const time = new Date().toISOString().slice(11);
        const where = String(target.port ?? target.socketPath);
        this.failures.push(`${time} ${kind} to ${where}: ${String(error)}`);
        await sleep(50);
      }
      await sleep(pauseMs);
    }
  }

  #path(folder = ''): string {
    this.#last += 1;
    return `${folder}/${process.pid}-${this.#last}`;
  }

  #right(kind: LoadKind, wanted: string, { status, body }: { status: number; body: Buffer }): void {
    if (status !== 200) throw new Error(`status ${status}`);
    if (body.toString() !== wanted) {
      throw new Error(`"${body.toString().slice(0, 50)}" instead of "${wanted.slice(0, 50)}"`);
    }
    this.counts[kind] += 1;
  }

  async #new(target: Target): Promise<void> {
    const path = this.#path();
    this.#right('new', path, await request({ ...target, path }));
  }

  async #download(target: Target): Promise<void> {
    const path = this.#path('/big');
    this.#right('download', contentOf(path), await request({ ...target, path }));
  }

  async #kept(target: Target): Promise<void> {
    const connection = await RawConnection.open(target);
    try {
      while (!this.#stopped) {
        const path = this.#path();
        const answer = await connection.request({ path });
        this.#right('kept', path, answer);
        if (headerValue(answer.headers, 'connection') === 'close') return;
        await sleep(pauseMs);
      }
    } finally {
      connection.close();
    }
  }

  // In pieces, so that there is always one under way.
  async #upload(target: Target): Promise<void> {
    const connection = await RawConnection.open(target);
    try {
      const body = this.#path().repeat(uploadBytes).slice(0, uploadBytes);
      const head = `POST /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: ${uploadBytes}\r\n\r\n`;
      await connection.send(head);
      for (let i = 0; i < pieces; i += 1) {
        const [from, to] = [i, i + 1].map((at) => (at * uploadBytes) / pieces);
        await connection.send(body.slice(from, to));
        await sleep(pauseMs);
      }
      this.#right('upload', body, await connection.response('POST'));
    } finally {
      connection.close();
    }
  }

  async #upgraded(target: Target): Promise<void> {
    const connection = await RawConnection.open(target);
    try {
      const headers = { Connection: 'upgrade', Upgrade: 'x' };
      const options: RequestOptions = { path: '/upgrade', headers };
      const { status } = await connection.request(options);
      if (status !== 101) throw new Error(`status ${status}`);
      while (!this.#stopped) {
        const text = this.#path();
        await connection.send(text);
        const body = await connection.bytes(text.length);
        this.#right('upgraded', text, { status: 200, body });
        await sleep(pauseMs);
      }
    } finally {
      connection.close();
    }
  }
}

/** For a `server` block: where requests to the echo server go. */
export function echoLocations(address: string): string {
  return `
    location / { proxy_pass http://${address}; proxy_request_buffering off; }
    location /upgrade {
      proxy_pass http://${address};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }`;
}
