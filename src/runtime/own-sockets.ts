// Listening sockets where a descriptor cannot be duplicated: each worker gets sockets that are its
// own and end with it. Unix sockets, which cannot be moved to another thread, are bound by the
// first worker.

import type { BoundSocket } from 'node:net';
import type { Address } from '../base/address.ts';
import type { SallyportError } from '../base/errors.ts';
import type { JobListener } from './engine-parts.ts';
import {
  bindError,
  openSocket,
  probeAll,
  throwAll,
  type BoundAddress,
  type HandedSocket,
  type ListenSockets,
  type ShareChange,
} from './listen-sockets.ts';
import type { ListenSetting } from './load.ts';

/** Sockets in reserve for each worker and address where new ones cannot be bound later. */
const sparesPerWorker = 4;

/** All listening sockets of one proxy. */
export class OwnSockets implements ListenSockets {
  readonly #reusePort: boolean;
  readonly #bound = new Map<string, Address>();
  readonly #spares = new Map<string, BoundSocket[]>();

  /** @param options - `reusePort`: can there be more than one socket for each address? */
  constructor(options: { readonly reusePort: boolean }) {
    this.#reusePort = options.reusePort;
  }

  addresses(): readonly BoundAddress[] {
    return [...this.#bound].map(([key, address]) => ({ key, address }));
  }

  added(listens: readonly ListenSetting[]): readonly ListenSetting[] {
    return listens.filter(({ key }) => !this.#bound.has(key));
  }

  probe(listens: readonly ListenSetting[]): void {
    probeAll(listens);
  }

  bind(): Promise<void> {
    return Promise.resolve();
  }

  forWorker(workerId: number, listens: readonly ListenSetting[]): readonly JobListener[] {
    const listeners: JobListener[] = [];
    const failures: SallyportError[] = [];
    for (const listen of listens) {
      try {
        listeners.push(this.#bindOne(workerId, listen));
      } catch (error) {
        failures.push(bindError(this.#bound.get(listen.key) ?? listen.address, error));
      }
    }
    if (failures.length > 0) closeSockets(listeners.map(({ handle }) => handle));
    throwAll(failures);
    return listeners;
  }

  served(): void {
    // Nobody else can listen on these.
  }

  gone(): void {
    // Its sockets are gone with it.
  }

  change(): ShareChange | null {
    return null;
  }

  yieldToGiver(): void {
    // There is none.
  }

  reserve(listens: readonly ListenSetting[], workers: number): void {
    for (const listen of listens) {
      const address = this.#bound.get(listen.key);
      if (address === undefined || address.kind === 'unix') continue;
      const spares: BoundSocket[] = [];
      for (let made = 0; made < sparesPerWorker * workers; made += 1) {
        spares.push(openSocket(address, listen, this.#reusePort));
      }
      this.#spares.set(listen.key, spares);
    }
  }

  keepOnly(listens: readonly ListenSetting[]): void {
    const keys = new Set(listens.map(({ key }) => key));
    for (const key of [...this.#bound.keys()]) if (!keys.has(key)) this.#forget(key);
  }

  handOver(): readonly HandedSocket[] {
    return [];
  }

  unused(): readonly string[] {
    return [];
  }

  leaveFiles(): void {
    // The worker that has bound a file removes it.
  }

  close(): void {
    this.keepOnly([]);
  }

  #forget(key: string): void {
    this.#bound.delete(key);
    closeSockets(this.#spares.get(key) ?? []);
    this.#spares.delete(key);
  }

  #bindOne(workerId: number, listen: ListenSetting): JobListener {
    const { key } = listen;
    const address = this.#bound.get(key) ?? listen.address;
    if (address.kind === 'unix') {
      // There is no SO_REUSEPORT for unix sockets.
      this.#bound.set(key, address);
      const path = workerId === 0 ? address.path : null;
      return { key, id: key, handle: null, descriptor: null, path };
    }
    const handle = this.#spares.get(key)?.pop() ?? openSocket(address, listen, this.#reusePort);
    if (!this.#bound.has(key)) {
      this.#bound.set(key, { ...address, port: handle.address().port });
    }
    return { key, id: key, handle, descriptor: null, path: null };
  }
}

function closeSockets(sockets: readonly (BoundSocket | null)[]): void {
  for (const socket of sockets) socket?.[Symbol.dispose]();
}
