// The parent's side of one upstream process: starts it, kills it, freezes it, makes it slow.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { UpstreamCommand } from './upstream-process.ts';

type Pair = { readonly cert: string; readonly key: string };

const running = new Set<ChildProcess>();
// A frozen process notices nothing, not even that its parent is gone.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface UpstreamOptions {
  readonly name: string;
  readonly port: number;
  /** File for its notes. */
  readonly journal: string;
  readonly tls: Pair;
  readonly closes?: boolean;
}

/** A server that comes and goes. */
export class Upstream {
  readonly name: string;
  readonly #options: UpstreamOptions;
  #tls: Pair;
  #child: ChildProcess | null = null;

  constructor(options: UpstreamOptions) {
    this.name = options.name;
    this.#options = options;
    this.#tls = options.tls;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { port, journal, closes = false } = this.#options;
    const child = fork(new URL('upstream-process.ts', import.meta.url), { execArgv: [] });
    running.add(child);
    child.once('exit', () => running.delete(child));
    child.on('error', () => undefined);
    this.#child = child;
    const listening = once(child, 'message');
    const died = once(child, 'exit').then(([code]) => {
      throw new Error(`upstream ${this.name} ended with ${String(code)}`);
    });
    this.#send({ kind: 'start', port, journal, tls: this.#tls, closes });
    died.catch(() => undefined);
    await Promise.race([listening, died]);
  }

  /** SIGKILL, in the middle of whatever it does. Resolves when it is gone. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  freeze(): void {
    this.#child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child?.kill('SIGCONT');
  }

  set slow(slow: boolean) {
    this.#send({ kind: 'slow', slow });
  }

  /** From now on, and after a restart too. */
  set certificate(tls: Pair) {
    this.#tls = tls;
    this.#send({ kind: 'certificate', tls });
  }

  /** The lines that it has written so far. */
  notes(): string[] {
    return readFileSync(this.#options.journal, 'utf8').split('\n').filter(Boolean);
  }

  #send(command: UpstreamCommand): void {
    const child = this.#child;
    if (child?.connected === true) child.send(command, () => undefined);
  }
}
