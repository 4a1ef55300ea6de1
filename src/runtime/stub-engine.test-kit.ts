// A data path that can be looked through, for tests of the process around it. Its configuration is
// JSON; its engine greets each connection with the worker's number and the configuration's name,
// then obeys: "die" throws uncaught, "exit", "reject", "hang" and "eat" end in other ways, "complain"
// reports an error, "bye" closes.

import { createServer, type Server, type Socket } from 'node:net';
import { Diagnostics } from '../config/diagnostic.ts';
import type { Compiled, CompileInput } from '../modules/compile.ts';
import type { HopSummary } from '../modules/hop.ts';
import type { ProcessSettings } from '../modules/main.ts';
import { ListenDescriptor } from '../server/listen-descriptor.ts';
import type {
  ClosedSockets,
  EngineFace,
  EngineListener,
  EngineOptions,
  EngineParts,
} from './engine-parts.ts';
import type { ListenSetting, Snapshot } from './load.ts';

/** What the JSON text of a stub configuration may have. */
export interface StubConfiguration {
  readonly name: string;
  /** `host:port` or `unix:/path`. */
  readonly listens?: readonly string[];
  readonly process?: Partial<ProcessSettings>;
  readonly hops?: readonly HopSummary[];
  /** Their contents become part of the name; "bad" is an error, "odd" one that names no file. */
  readonly tlsFiles?: readonly string[];
  /** Makes it a configuration with this error. */
  readonly error?: string;
  /** A host to look up; its addresses become part of the name. */
  readonly lookUp?: string;
  /** Makes a worker's compilation fail, but not the supervisor's. */
  readonly failInWorker?: boolean;
}

interface StubSnapshot {
  readonly name: string;
  readonly keys: readonly string[];
  dispose(): void;
}

const defaults: ProcessSettings = {
  daemon: false,
  masterProcess: true,
  pid: '/nonexistent/stub.pid',
  user: null,
  workerProcesses: 1,
  workerShutdownTimeout: 0,
  workingDirectory: null,
  openFiles: null,
  coreSize: null,
  priority: 0,
  errorLog: [],
};

function listenSetting(key: string): ListenSetting {
  if (key.startsWith('unix:')) {
    return { key, address: { kind: 'unix', path: key.slice(5) }, ipv6Only: false };
  }
  const [host = '', port = '0'] = key.split(':');
  return { key, address: { kind: 'ip', host, port: Number(port) }, ipv6Only: false };
}

/** @param inWorker - is this the compiler of an engine, not the supervisor's? */
async function compile(input: CompileInput, inWorker: boolean): Promise<Compiled> {
  const text = input.text ?? input.sources.read(input.file).toString();
  const stub = JSON.parse(text) as StubConfiguration;
  const diagnostics = new Diagnostics();
  if (stub.error !== undefined) diagnostics.error(null, stub.error);
  if (inWorker && stub.failInWorker === true) throw new Error('cannot compile here');
  const addresses = stub.lookUp === undefined ? [] : await input.lookup(stub.lookUp);
  const keys = stub.listens ?? ['127.0.0.1:0'];
  const contents = readTlsFiles(stub.tlsFiles ?? [], input, diagnostics);
  if (inWorker && contents.includes('not in a worker')) throw new Error('cannot compile here');
  const snapshot: StubSnapshot = {
    name: [stub.name, ...addresses, ...contents].join(' '),
    keys,
    dispose: () => {},
  };
  const compiled = {
    diagnostics,
    files: [{ path: input.file, text }],
    process: { ...defaults, ...stub.process },
    snapshot: diagnostics.errorCount === 0 ? snapshot : null,
    listens: keys.map(listenSetting),
    hops: stub.hops ?? [],
    logFiles: [],
    tempFolders: [],
    tlsFiles: stub.tlsFiles ?? [],
    tlsReload: true,
    policyKeys: new Set<string>(),
    zones: input.zones ?? new Map(),
  };
  return compiled as unknown as Compiled;
}

function readTlsFiles(
  paths: readonly string[],
  { sources }: CompileInput,
  diagnostics: Diagnostics,
): readonly string[] {
  return paths.map((path) => {
    const text = sources.read(path).toString();
    if (text === 'bad') diagnostics.error(null, `"${path}": it is bad`);
    if (text === 'odd') diagnostics.error(null, 'something is odd');
    return text;
  });
}

// Until there is no memory left.
function eat(): void {
  const eaten: unknown[] = [];
  for (;;) eaten.push(new Array(100_000).fill(1.5));
}

class StubEngine implements EngineFace {
  readonly #options: EngineOptions;
  readonly #servers = new Map<string, Server>();
  readonly #sockets = new Set<Socket>();
  #name = '';

  constructor(options: EngineOptions) {
    this.#options = options;
  }

  async start(snapshot: Snapshot, listeners: readonly EngineListener[]): Promise<void> {
    this.#name = (snapshot as unknown as StubSnapshot).name;
    await this.listen(listeners, []);
  }

  async listen(listeners: readonly EngineListener[], closed: ClosedSockets): Promise<void> {
    for (const { id, handle } of listeners) {
      if (handle === null) continue;
      const server = createServer((socket) => this.#serve(socket));
      this.#servers.set(id, server);
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(handle instanceof ListenDescriptor ? { fd: handle.take() } : handle, resolve);
      });
    }
    this.#close((id) => closed === 'all' || closed.includes(id));
  }

  #close(isOver: (id: string) => boolean): void {
    for (const [id, server] of this.#servers) {
      if (!isOver(id)) continue;
      server.close();
      this.#servers.delete(id);
    }
  }

  async swap(snapshot: Snapshot, listeners: readonly EngineListener[]): Promise<void> {
    const { keys } = snapshot as unknown as StubSnapshot;
    this.#close((id) => !keys.some((key) => id === key || id.startsWith(`${key}#`)));
    await this.start(snapshot, listeners);
  }

  async drain(timeoutMs: number): Promise<void> {
    const closed = [...this.#servers.values()].map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    const timer = timeoutMs > 0 ? setTimeout(() => this.close(), timeoutMs) : null;
    await Promise.all(closed);
    if (timer !== null) clearTimeout(timer);
  }

  close(): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
    for (const socket of this.#sockets) socket.destroy();
  }

  reopenLogs(): void {
    this.#options.onError(new Error(`worker ${this.#options.workerId} reopened its logs`));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      const word = bytes.toString().trim();
      if (word === 'die') throw new Error('told to die');
      if (word === 'complain') this.#options.onError(new Error('told to complain'));
      if (word === 'bye') socket.end();
      if (word === 'exit') process.exit(3);
      if (word === 'reject') void Promise.reject(new Error('told to reject'));
      if (word === 'hang') for (;;);
      if (word === 'eat') eat();
    });
    socket.write(`${this.#options.workerId} ${this.#name}\n`);
  }
}

function partsFor(inWorker: boolean): EngineParts {
  return {
    compile: (input) => compile(input, inWorker),
    createEngine: (options) => new StubEngine(options),
  };
}

/** For the supervisor. */
export const stubParts = partsFor(false);

/** For worker threads. */
export const stubWorkerParts = partsFor(true);
