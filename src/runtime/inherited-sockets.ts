// Listening sockets that this process was started with: by systemd (`LISTEN_FDS`, see
// sd_listen_fds(3)), or by an older process of this program that it is to take over from. They are
// found by the address that they are bound to and used instead of binding.

import { closeSync } from 'node:fs';
import { formatAddress, type Address } from '../base/address.ts';
import { SallyportError } from '../base/errors.ts';
import type { HandedSocket } from './listen-sockets.ts';
import { isSocket, type SocketCalls } from './socket-calls.ts';

/** Set by the old process for the new one: `4;5!;`. A `!` marks one that is not ours. */
export const handOverVariable = 'SALLYPORT_SOCKETS';

/** The first descriptor that systemd passes on. */
const firstOfSystemd = 3;
const mostDescriptors = 10_000;

/** The sockets of one address. */
export interface Inheritance {
  readonly descriptors: readonly number[];
  readonly ours: boolean;
}

type Environment = Record<string, string | undefined>;

interface Found extends HandedSocket {
  readonly address: Address | null;
}

/** What is left of the sockets that were inherited. */
export class InheritedSockets {
  readonly #found: Found[];
  readonly #giver = process.ppid;

  constructor(found: readonly Found[]) {
    this.#found = [...found];
  }

  /** Is the process still there that this one has them from? */
  get giverLives(): boolean {
    return process.ppid === this.#giver;
  }

  has(address: Address): boolean {
    return this.#found.some((one) => isSame(one.address, address));
  }

  /** The sockets of an address, which are the caller's from now on; null where there are none. */
  take(address: Address): Inheritance | null {
    const taken = this.#found.filter((one) => isSame(one.address, address));
    if (taken.length === 0) return null;
    for (const one of taken) this.#found.splice(this.#found.indexOf(one), 1);
    return {
      descriptors: taken.map(({ descriptor }) => descriptor),
      ours: taken.every(({ ours }) => ours),
    };
  }

  /** The addresses of those that nobody has taken. */
  rest(): readonly (Address | null)[] {
    return this.#found.map(({ address }) => address);
  }

  /** Closes those that nobody has taken. */
  closeRest(): void {
    for (const { descriptor } of this.#found.splice(0)) closeSync(descriptor);
  }
}

/** No sockets. */
export function nothingInherited(): InheritedSockets {
  return new InheritedSockets([]);
}

/** Has an older process of this program started this one, to be replaced by it? */
export function takesOver(environment: Environment): boolean {
  return environment[handOverVariable] !== undefined;
}

/** The sockets that a process with this environment was started with. */
export function inheritedDescriptors(
  environment: Environment,
  pid: number,
): readonly HandedSocket[] {
  const handed = environment[handOverVariable];
  if (handed !== undefined) return readHandOver(handed);
  const count = Number(environment['LISTEN_FDS'] ?? 0);
  // Meant for another process: the variables have been inherited, the sockets have not.
  if (environment['LISTEN_PID'] !== String(pid)) return [];
  if (!Number.isInteger(count) || count < 0 || count > mostDescriptors) return [];
  return Array.from({ length: count }, (_, index) => ({
    descriptor: firstOfSystemd + index,
    ours: false,
  }));
}

function readHandOver(text: string): readonly HandedSocket[] {
  return [...text.matchAll(/(\d+)(!?);/g)].map(([, number, mark]) => ({
    descriptor: Number(number),
    ours: mark === '',
  }));
}

/**
 * For the start of a process that is to have these sockets.
 *
 * @param first - where the first of them will be among its descriptors
 */
export function handOverText(sockets: readonly HandedSocket[], first: number): string {
  return sockets.map(({ ours }, at) => `${first + at}${ours ? '' : '!'};`).join('');
}

/**
 * Finds the sockets that this process was started with, once: the variables are removed, so that no
 * child believes that they are its own.
 *
 * @throws SallyportError LISTEN_FAILED where one of them is no socket, or where there are some and
 *   this system cannot use them
 */
export function findInherited(
  environment: Environment,
  pid: number,
  calls: SocketCalls | null,
): InheritedSockets {
  const sockets = inheritedDescriptors(environment, pid);
  for (const name of [handOverVariable, 'LISTEN_FDS', 'LISTEN_PID', 'LISTEN_FDNAMES']) {
    Reflect.deleteProperty(environment, name);
  }
  if (sockets.length === 0) return nothingInherited();
  if (calls === null) {
    const message =
      'inherited listening sockets cannot be used: that needs Linux and a Node.js with "node:ffi"';
    throw new SallyportError('LISTEN_FAILED', message);
  }
  const found = sockets.map(({ descriptor, ours }): Found => {
    if (isSocket(descriptor)) {
      return { descriptor, ours, address: calls.addressOf(descriptor) };
    }
    const message = `the inherited descriptor ${descriptor} is not a socket`;
    throw new SallyportError('LISTEN_FAILED', message);
  });
  return new InheritedSockets(found);
}

function isSame(one: Address | null, other: Address): boolean {
  return one !== null && canonical(one) === canonical(other);
}

// An IPv6 address has many spellings; URL knows the one.
function canonical(address: Address): string {
  if (address.kind === 'unix' || !address.host.includes(':')) return formatAddress(address);
  return URL.parse(`http://${formatAddress(address)}`)?.host ?? formatAddress(address);
}
