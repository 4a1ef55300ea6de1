// Listening sockets that stay with the supervisor: workers listen on further descriptors of them. So
// no connection that waits to be accepted is lost when a worker dies, when there are fewer workers,
// or when another program takes over; and none has to be bound again once root is given up.

import { linkSync, renameSync, statSync, unlinkSync } from 'node:fs';
import { formatAddress, type Address } from '../base/address.ts';
import type { SallyportError } from '../base/errors.ts';
import type { JobListener } from './engine-parts.ts';
import type { InheritedSockets } from './inherited-sockets.ts';
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
import type { SocketCalls } from './socket-calls.ts';
import { bindUnixSocket } from './unix-socket.ts';

/** What `SharedSockets` works with. */
export interface SharedSocketsParts {
  readonly calls: SocketCalls;
  /** Can there be more than one socket for each address? */
  readonly reusePort: boolean;
  /** Sockets that this process was started with. */
  readonly inherited: InheritedSockets;
}

/** The sockets of one address. That of a unix socket is one. */
interface Group {
  readonly address: Address;
  readonly descriptors: number[];
  /** As of `HandedSocket`. */
  readonly ours: boolean;
  /** How many were bound by an older process, which may listen on them still? */
  readonly inherited: number;
  /** Of a unix socket whose file is removed at the end: what tells it from another one's file. */
  readonly inode: number | null;
  /** How `descriptors` came to be when no second name could be given to the file. */
  readonly holder: Disposable | null;
}

/** What this process has bound itself. */
const bound = { ours: true, inherited: 0 };

/** All listening sockets of one proxy. */
export class SharedSockets implements ListenSockets {
  readonly #parts: SharedSocketsParts;
  readonly #groups = new Map<string, Group>();
  /** Ids of what each worker listens on. */
  readonly #serving = new Map<number, Set<string>>();
  /** Workers that have died and whose successors are a while away. */
  readonly #down = new Set<number>();
  #workers = 1;
  #leavesFiles = false;

  constructor(parts: SharedSocketsParts) {
    this.#parts = parts;
  }

  addresses(): readonly BoundAddress[] {
    return [...this.#groups].map(([key, { address }]) => ({ key, address }));
  }

  added(listens: readonly ListenSetting[]): readonly ListenSetting[] {
    return listens.filter(({ key }) => !this.#groups.has(key));
  }

  probe(listens: readonly ListenSetting[]): void {
    const { inherited } = this.#parts;
    probeAll(listens.filter(({ address }) => !inherited.has(address)));
  }

  async bind(listens: readonly ListenSetting[], workers: number): Promise<void> {
    this.#workers = workers;
    const failures: SallyportError[] = [];
    for (const listen of listens) {
      try {
        const group = this.#groups.get(listen.key) ?? (await this.#open(listen));
        this.#groups.set(listen.key, group);
        this.#enlarge(group, listen, workers);
      } catch (error) {
        failures.push(bindError(listen.address, error));
      }
    }
    throwAll(failures);
  }

  forWorker(workerId: number, listens: readonly ListenSetting[]): readonly JobListener[] {
    return listens.flatMap(({ key }) => this.#share(workerId, key));
  }

  served(workerId: number, listeners: readonly JobListener[]): void {
    const ids = this.#serving.get(workerId) ?? new Set();
    for (const { id } of listeners) ids.add(id);
    this.#serving.set(workerId, ids);
    this.#down.delete(workerId);
  }

  gone(workerId: number, { down }: { readonly down: boolean }): void {
    this.#serving.delete(workerId);
    if (down) this.#down.add(workerId);
    else this.#down.delete(workerId);
  }

  change(workerId: number): ShareChange | null {
    const ids = this.#serving.get(workerId);
    if (ids === undefined) return null;
    const wanted = [...this.#groups.keys()].flatMap((key) => this.#share(workerId, key));
    const open = wanted.filter(({ id }) => !ids.has(id));
    const kept = new Set(wanted.map(({ id }) => id));
    const close = [...ids].filter((id) => !kept.has(id));
    if (open.length === 0 && close.length === 0) return null;
    for (const id of close) ids.delete(id);
    return { open, close };
  }

  reserve(): void {
    // What is bound is never given away.
  }

  keepOnly(listens: readonly ListenSetting[]): void {
    const keys = new Set(listens.map(({ key }) => key));
    for (const [key, group] of this.#groups) {
      if (keys.has(key)) continue;
      this.#groups.delete(key);
      this.#closeGroup(group);
      for (const ids of this.#serving.values()) {
        for (let index = 0; index < group.descriptors.length; index += 1) {
          ids.delete(idOf(key, index));
        }
      }
    }
  }

  handOver(): readonly HandedSocket[] {
    return [...this.#groups.values()].flatMap(({ descriptors, ours }) =>
      descriptors.map((descriptor) => ({ descriptor, ours })),
    );
  }

  unused(): readonly string[] {
    const { inherited } = this.#parts;
    const lines = inherited.rest().map((address) => {
      const where = address === null ? 'an unknown address' : formatAddress(address);
      return `the inherited socket on ${where} is closed: no "listen" has its address`;
    });
    inherited.closeRest();
    return lines;
  }

  yieldToGiver(): void {
    if (!this.#parts.inherited.giverLives) return;
    for (const { descriptors, inherited } of this.#groups.values()) {
      if (inherited === 0) continue;
      for (const own of descriptors.splice(inherited)) this.#parts.calls.close(own);
    }
  }

  leaveFiles(leave: boolean): void {
    this.#leavesFiles = leave;
  }

  close(): void {
    this.keepOnly([]);
    this.#parts.inherited.closeRest();
  }

  // Its own socket, or one of those where there are fewer than workers; and those that nobody has as
  // his own, which all workers share, so that no connection waits for one that does not come.
  #share(workerId: number, key: string): JobListener[] {
    const descriptors = this.#groups.get(key)?.descriptors ?? [];
    return descriptors.flatMap((descriptor, index) => {
      const own = index === workerId % descriptors.length;
      const orphan = index >= this.#workers || this.#down.has(index);
      if (!own && !orphan) return [];
      return [{ key, id: idOf(key, index), handle: null, descriptor, path: null }];
    });
  }

  async #open(listen: ListenSetting): Promise<Group> {
    const { address } = listen;
    const { calls, inherited } = this.#parts;
    const taken = inherited.take(address);
    if (taken !== null) {
      const { descriptors, ours } = taken;
      const inode = address.kind === 'unix' && ours ? inodeOf(address.path) : null;
      const sockets = [...descriptors];
      const count = sockets.length;
      return { address, descriptors: sockets, ours, inherited: count, inode, holder: null };
    }
    if (address.kind === 'unix') return await bindFile(address, calls);
    const socket = openSocket(address, listen, this.#parts.reusePort);
    const { port } = socket.address();
    const descriptors = [calls.duplicate(socket.fd())];
    socket.close();
    const real = { ...address, port };
    return { ...bound, address: real, descriptors, inode: null, holder: null };
  }

  // Further sockets are a gain, not a need: they cannot be bound next to one that has no
  // SO_REUSEPORT, nor on a low port when root is gone. Workers share then.
  #enlarge({ address, descriptors, ours }: Group, listen: ListenSetting, workers: number): void {
    if (address.kind === 'unix' || !ours || !this.#parts.reusePort) return;
    try {
      while (descriptors.length < workers) {
        const socket = openSocket(address, listen, true);
        descriptors.push(this.#parts.calls.duplicate(socket.fd()));
        socket.close();
      }
    } catch {
      // As said.
    }
  }

  #closeGroup({ address, descriptors, inherited, inode, holder }: Group): void {
    for (const descriptor of descriptors) this.#parts.calls.close(descriptor);
    if (address.kind !== 'unix' || this.#leavesFiles) return;
    if (inherited > 0 && this.#parts.inherited.giverLives) return;
    holder?.[Symbol.dispose]();
    if (inode !== null && inodeOf(address.path) === inode) removeFile(address.path);
  }
}

function idOf(key: string, index: number): string {
  return `${key}#${index}`;
}

async function bindFile(address: Address & { kind: 'unix' }, calls: SocketCalls): Promise<Group> {
  const { path } = address;
  const socket = await bindUnixSocket(path);
  const descriptors = [calls.duplicate(socket.fd())];
  // What Node.js has bound, it removes when it closes: the file is put aside meanwhile.
  const aside = `${path}.${process.pid}`;
  try {
    linkSync(path, aside);
  } catch {
    return { ...bound, address, descriptors, inode: null, holder: socket };
  }
  socket.close();
  renameSync(aside, path);
  return { ...bound, address, descriptors, inode: inodeOf(path), holder: null };
}

function inodeOf(path: string): number | null {
  return statSync(path, { throwIfNoEntry: false })?.ino ?? null;
}

function removeFile(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // The user that root was given up for may not: the next start replaces it.
  }
}
