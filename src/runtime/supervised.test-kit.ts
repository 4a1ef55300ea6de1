// A supervisor over the stub data path, with a record of its events, and clients to talk to it.

import { EventEmitter, once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { SallyportError } from '../base/errors.ts';
import { load, type Loaded } from './load.ts';
import type { RefusedTlsFile, SwappedTlsFile } from './refresh.ts';
import { stubParts, type StubConfiguration } from './stub-engine.test-kit.ts';
import { Supervisor } from './supervisor.ts';
import type { SupervisorParts } from './supervisor-parts.ts';

/** The events of a supervisor. */
export interface Happenings {
  error: [SallyportError];
  workerDied: [number, SallyportError];
  reloaded: [];
  reloadFailed: [SallyportError];
  tlsReloaded: [readonly SwappedTlsFile[]];
  tlsReloadFailed: [readonly RefusedTlsFile[]];
  ended: [];
}

/** A supervisor and what happens to it. */
export interface Supervised {
  readonly supervisor: Supervisor;
  readonly events: EventEmitter<Happenings>;
}

/** Loads a stub configuration. */
export function loadStub(configuration: StubConfiguration): Promise<Loaded> {
  return load({ text: JSON.stringify(configuration) }, { compile: stubParts.compile });
}

/** Makes a supervisor that ends with the test. */
export function supervise(
  test: TestContext,
  options: { readonly ownsProcess?: boolean; readonly parts?: Partial<SupervisorParts> } = {},
): Supervised {
  const events = new EventEmitter<Happenings>();
  events.on('error', () => {});
  const supervisor = new Supervisor({
    ownsProcess: options.ownsProcess ?? false,
    parts: {
      engine: stubParts,
      workerUrl: new URL('./stub-worker.test-kit.ts', import.meta.url),
      restartDelay: () => 0,
      checkEnvironment: () => ({ refuse: null, notes: [] }),
      ...options.parts,
    },
    events: {
      error: (error) => events.emit('error', error),
      workerDied: (id, cause) => events.emit('workerDied', id, cause),
      reloaded: () => events.emit('reloaded'),
      reloadFailed: (error) => events.emit('reloadFailed', error),
      tlsReloaded: (files) => events.emit('tlsReloaded', files),
      tlsReloadFailed: (files) => events.emit('tlsReloadFailed', files),
      ended: () => events.emit('ended'),
    },
  });
  test.after(() => supervisor.close());
  return { supervisor, events };
}

/** The port of the first address. */
export function portOf(supervisor: Supervisor, index = 0): number {
  const address = supervisor.addresses()[index]?.address;
  if (address?.kind !== 'ip') throw new Error('no such address');
  return address.port;
}

/** A client that has been greeted. */
export interface Greeted {
  readonly socket: Socket;
  /** What the worker said: its number and the name of the configuration. */
  readonly greeting: string;
}

/** Connects and waits for the greeting; rejects where nobody answers. */
export async function visit(where: number | string): Promise<Greeted> {
  const socket = typeof where === 'number' ? connect(where, '127.0.0.1') : connect(where);
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  socket.on('error', () => {});
  return { socket, greeting: bytes.toString().trim() };
}

/** Connects, takes the greeting and leaves. */
export async function greeting(where: number | string): Promise<string> {
  const { socket, greeting: text } = await visit(where);
  socket.destroy();
  return text;
}

/** As `greeting`, again and again until somebody answers. */
export async function greetingAtLast(where: number | string): Promise<string> {
  for (;;) {
    try {
      return await greeting(where);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

/** Connects until each of so many workers has answered. */
export async function allGreetings(port: number, count: number): Promise<readonly string[]> {
  const seen = new Set<string>();
  while (seen.size < count) seen.add(await greetingAtLast(port));
  return [...seen].sort();
}
