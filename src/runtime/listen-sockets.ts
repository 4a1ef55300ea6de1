// The listening sockets of all workers: bound here, in the main thread, while it may still be root,
// then handed over. Each worker has its own socket on the same address (SO_REUSEPORT), which would
// also let a second process take half of the connections unnoticed: so every address is first
// opened without that option, and one that is in use is refused.

import { BoundSocket, createServer } from 'node:net';
import { formatAddress, type Address } from '../base/address.ts';
import { SallyportError } from '../base/errors.ts';
import type { ListenSetting } from './load.ts';
import type { JobListener } from './engine-parts.ts';
import { failedCall } from './system-error.ts';

/** Where a `listen` really listens: its port may have been 0. */
export interface BoundAddress {
  /** As in `LoadedConfiguration.listens`. */
  readonly key: string;
  readonly address: Address;
}

/** All listening sockets of one proxy. */
export class ListenSockets {
  readonly #reusePort: boolean;
  readonly #bound = new Map<string, Address>();
  readonly #spares = new Map<string, BoundSocket[]>();

  /** @param options - `reusePort`: will there be more than one socket for each address? */
  constructor(options: { readonly reusePort: boolean }) {
    this.#reusePort = options.reusePort;
  }

  /** May further workers get sockets on addresses that are bound already? */
  get shareable(): boolean {
    return this.#reusePort;
  }

  /** Where it really listens. */
  addresses(): readonly BoundAddress[] {
    return [...this.#bound].map(([key, address]) => ({ key, address }));
  }

  /** Those that are not bound yet. */
  added(listens: readonly ListenSetting[]): readonly ListenSetting[] {
    return listens.filter(({ key }) => !this.#bound.has(key));
  }

  /**
   * Makes sure that nobody else listens on any of these addresses.
   *
   * @throws SallyportError LISTEN_FAILED with one line for each address that cannot be used
   */
  async probe(listens: readonly ListenSetting[]): Promise<void> {
    const failures: SallyportError[] = [];
    for (const listen of listens) {
      const { address } = listen;
      if (address.kind === 'unix' || address.port === 0) continue;
      const error = await listenProblem(address, listen.ipv6Only);
      if (error !== null) failures.push(bindError(address, error));
    }
    throwAll(failures);
  }

  /**
   * Binds one worker's sockets.
   *
   * @throws SallyportError LISTEN_FAILED; then none of them stays bound
   */
  bind(workerId: number, listens: readonly ListenSetting[]): readonly JobListener[] {
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

  /**
   * Binds sockets to have in reserve. Once privileges are dropped no low port can be bound any
   * more, nor any port next to a socket of another user, but a worker that dies needs new ones.
   *
   * @param count - how many for each address
   */
  reserve(listens: readonly ListenSetting[], count: number): void {
    for (const listen of listens) {
      const address = this.#bound.get(listen.key);
      if (address === undefined || address.kind === 'unix') continue;
      const spares: BoundSocket[] = [];
      for (let made = 0; made < count; made += 1) spares.push(this.#open(address, listen));
      this.#spares.set(listen.key, spares);
    }
  }

  /** Forgets the addresses that are not among `listens`; the engines close their sockets. */
  keepOnly(listens: readonly ListenSetting[]): void {
    const keys = new Set(listens.map(({ key }) => key));
    for (const key of [...this.#bound.keys()]) if (!keys.has(key)) this.#forget(key);
  }

  /** Closes what is in reserve and forgets everything. */
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
      return { key, handle: null, path: workerId === 0 ? address.path : null };
    }
    const handle = this.#spares.get(key)?.pop() ?? this.#open(address, listen);
    if (!this.#bound.has(key)) {
      this.#bound.set(key, { ...address, port: handle.address().port });
    }
    return { key, handle, path: null };
  }

  #open(address: Address & { kind: 'ip' }, listen: ListenSetting): BoundSocket {
    const { host, port } = address;
    const ipv6Only = host.includes(':') && listen.ipv6Only;
    return new BoundSocket({ host, port, ipv6Only, reusePort: this.#reusePort });
  }
}

/** Does this system spread connections over several sockets on one port? */
export function supportsReusePort(): boolean {
  try {
    new BoundSocket({ host: '127.0.0.1', port: 0, reusePort: true }).close();
    return true;
  } catch {
    return false;
  }
}

/** Why an address cannot be listened on now; null where it can. Some conflicts show only at listen(). */
export function listenProblem(
  address: Address & { kind: 'ip' },
  ipv6Only: boolean,
): Promise<NodeJS.ErrnoException | null> {
  const { host, port } = address;
  return new Promise((settle) => {
    const server = createServer();
    server.once('error', settle);
    server.listen({ host, port, ipv6Only: host.includes(':') && ipv6Only, exclusive: true }, () => {
      server.close(() => settle(null));
    });
  });
}

function bindError(address: Address, error: unknown): SallyportError {
  const hint =
    (error as NodeJS.ErrnoException).code === 'EACCES'
      ? '; ports below 1024 need root or the capability CAP_NET_BIND_SERVICE'
      : '';
  const message = failedCall(`bind() to ${formatAddress(address)}`, error) + hint;
  return new SallyportError('LISTEN_FAILED', message, error);
}

function throwAll(failures: readonly SallyportError[]): void {
  if (failures.length === 0) return;
  const message = failures.map((failure) => failure.message).join('\n');
  throw new SallyportError('LISTEN_FAILED', message, failures[0]);
}

function closeSockets(sockets: readonly (BoundSocket | null)[]): void {
  for (const socket of sockets) socket?.[Symbol.dispose]();
}
