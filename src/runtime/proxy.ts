// The proxy as a program sees it: one object to start, reload and end. The work is done by the
// supervisor; here are the events and what a reload loads.

import { EventEmitter } from 'node:events';
import type { SallyportError } from '../base/errors.ts';
import { checkTlsEnvironment } from '../tls/environment.ts';
import { findInherited } from './inherited-sockets.ts';
import type { BoundAddress } from './listen-sockets.ts';
import { load, Loaded, type LoadedConfiguration } from './load.ts';
import type { ConfigurationOptions } from './options.ts';
import { isRoot } from './privileges.ts';
import { realParts } from './real-parts.ts';
import type { RefusedTlsFile, SwappedTlsFile } from './refresh.ts';
import { restartDelay } from './restart-delay.ts';
import type { ProgramCommand } from './successor.ts';
import { Supervisor } from './supervisor.ts';
import type { SupervisorParts } from './supervisor-parts.ts';

/** How a proxy behaves towards the process that it runs in. */
export interface ProxyOptions {
  /**
   * Does the process exist for this proxy alone? Then it writes the pid file, changes to the
   * directory of `working_directory` and gives up root for the `user` of the configuration, which
   * cannot be undone. Listening sockets that the process was started with (`LISTEN_FDS` of systemd)
   * are used. Default false: these settings have no effect.
   */
  readonly ownsProcess?: boolean;
}

/** The events of a proxy, with their arguments. */
export interface ProxyEvents {
  /**
   * Something failed that the proxy survived. It is in the error log as well, so that nothing is
   * lost, and nothing crashes, where nobody listens.
   */
  error: [error: SallyportError];
  /** A worker thread died with its connections; it is being replaced. */
  workerDied: [workerId: number, cause: SallyportError];
  /** All workers serve a new configuration. */
  reloaded: [];
  /** A reload changed nothing because of this error. */
  reloadFailed: [error: SallyportError];
  /**
   * Certificates, keys, CAs or revocation lists have changed on disk, and all workers use them
   * (`ssl_reload`). New connections see them at once; those that are open go on.
   */
  tlsReloaded: [files: readonly SwappedTlsFile[]];
  /**
   * Such files have changed and are refused: half written, malformed, a key that does not match.
   * The last good content stays in use. They are tried again at the next change of any of them.
   */
  tlsReloadFailed: [files: readonly RefusedTlsFile[]];
  /** The proxy has ended: by `quit` or `close`. */
  ended: [];
}

const extension = import.meta.url.endsWith('.ts') ? '.ts' : '.js';

const realSupervisorParts: SupervisorParts = {
  engine: realParts,
  workerUrl: new URL(`./worker-main${extension}`, import.meta.url),
  restartDelay,
  checkEnvironment: () => checkTlsEnvironment(process.env),
};

// Sockets are passed to a process as a whole; a proxy that is embedded in another program must not
// take what is meant for that.
const ownProcessParts: SupervisorParts = {
  ...realSupervisorParts,
  inherited: (calls) => findInherited(process.env, process.pid, calls),
};

/**
 * Reads and checks a configuration without starting anything. Certificates and keys are read and
 * compared, and host names are resolved.
 *
 * Errors in the configuration do not reject: `ok` is false then, and `diagnostics` has all of
 * them. What is returned holds the private keys that were read; it is not meant to be stored.
 *
 * @example
 * const configuration = await loadConfig({ file: '/etc/sallyport/sallyport.conf' });
 * for (const finding of configuration.diagnostics) process.stderr.write(`${finding.message}\n`);
 */
export async function loadConfig(options: ConfigurationOptions = {}): Promise<LoadedConfiguration> {
  return await load(options, { compile: realParts.compile });
}

/**
 * Makes a proxy. Nothing is read or opened before `start`.
 *
 * The upstream's certificate is verified on every hop unless the configuration says otherwise for
 * that hop; no option here can weaken that.
 *
 * @param configuration - a loaded configuration, or where to load one from
 * @example
 * const proxy = createProxy({
 *   text: `events {}
 *     http {
 *       server {
 *         listen 127.0.0.1:8080;
 *         location / {
 *           proxy_pass https://backend.internal:8443;
 *           proxy_ssl_trusted_certificate /etc/sallyport/internal-ca.pem;
 *         }
 *       }
 *     }`,
 * });
 * await proxy.start();
 */
export function createProxy(
  configuration: LoadedConfiguration | ConfigurationOptions = {},
  options: ProxyOptions = {},
): Proxy {
  const parts = options.ownsProcess === true ? ownProcessParts : realSupervisorParts;
  return new Proxy(configuration, options, parts);
}

/** A reverse proxy. Made by `createProxy`; it can be started once. */
export class Proxy extends EventEmitter<ProxyEvents> {
  readonly #supervisor: Supervisor;
  readonly #parts: SupervisorParts;
  readonly #configuration: LoadedConfiguration | ConfigurationOptions;
  #quitting: Promise<void> | null = null;

  /** Internal: use `createProxy`. */
  constructor(
    configuration: LoadedConfiguration | ConfigurationOptions,
    options: ProxyOptions,
    parts: SupervisorParts,
  ) {
    super();
    this.#configuration = configuration;
    this.#parts = parts;
    this.#supervisor = new Supervisor({
      parts,
      ownsProcess: options.ownsProcess ?? false,
      events: {
        error: (error) => this.#emitError(error),
        workerDied: (workerId, cause) => this.emit('workerDied', workerId, cause),
        reloaded: () => this.emit('reloaded'),
        reloadFailed: (error) => this.emit('reloadFailed', error),
        tlsReloaded: (files) => this.emit('tlsReloaded', files),
        tlsReloadFailed: (files) => this.emit('tlsReloadFailed', files),
        ended: () => this.emit('ended'),
      },
    });
  }

  /** The configuration in force; null before the start. */
  get configuration(): LoadedConfiguration | null {
    return this.#supervisor.current;
  }

  /**
   * How many worker threads hang in a call of the system (a file system that does not answer). They
   * have been replaced, but nothing can end them, and `process.exit` would wait for them for ever.
   */
  get stuckWorkers(): number {
    return this.#supervisor.stuckWorkers;
  }

  /**
   * Starts the workers and listens. Resolves when all of them serve; where it rejects, nothing is
   * left open.
   *
   * @throws SallyportError CONFIG_INVALID, LISTEN_FAILED (one line of the message for each error);
   *   ENVIRONMENT_UNSAFE where an environment variable switches certificate verification off;
   *   NOT_RUNNING where it was started before; with `ownsProcess` also PID_FILE_FAILED and
   *   PRIVILEGES_FAILED
   */
  async start(): Promise<void> {
    const given = this.#configuration;
    await this.#supervisor.start(
      given instanceof Loaded ? given : await this.#load(optionsOf(given)),
    );
  }

  /**
   * Reads the configuration again and moves all workers to it. Requests in flight end with the
   * configuration that they began with. Where anything is wrong with the new one, nothing changes.
   *
   * After root has been given up, ports below 1024 that are new are out of reach, and so are keys
   * that only root can read: what they held before stays in use as long as they cannot be seen to
   * have changed, else the reload is refused.
   *
   * @param options - default: those of the start
   * @throws SallyportError CONFIG_INVALID, LISTEN_FAILED; NOT_RUNNING before `start`
   */
  async reload(options?: ConfigurationOptions): Promise<void> {
    const wanted = options ?? this.#supervisor.current?.options ?? optionsOf(this.#configuration);
    await this.#supervisor.reload(await this.#load(wanted));
  }

  /**
   * Ends gracefully: accepts nothing more, closes idle connections, finishes what is in flight, for
   * at most `worker_shutdown_timeout`. By default that is without limit: a client that never ends
   * its request keeps the proxy alive until `close`.
   */
  quit(): Promise<void> {
    this.#quitting ??= this.#supervisor.quit();
    return this.#quitting;
  }

  /** Ends at once: connections are cut. May be called during `quit`. */
  async close(): Promise<void> {
    await this.#supervisor.close();
  }

  /** Opens the log files anew, after they were renamed for rotation. */
  reopenLogs(): void {
    this.#supervisor.reopenLogs();
  }

  /**
   * Starts a program that is to replace this one, with the listening sockets: so that nothing is
   * lost, both accept until this proxy is told to `quit`. Its pid file gets the suffix `.oldbin`. The
   * program has to serve with the command line of Sallyport; another one would not know the sockets.
   *
   * @returns the process id of the program, once it serves
   * @throws SallyportError UPGRADE_FAILED with the reason: this proxy goes on as before
   */
  upgrade(command: ProgramCommand): Promise<number> {
    return this.#supervisor.upgrade(command);
  }

  /**
   * Lets the workers finish what they have begun and end, and keeps the listening sockets: for the
   * time after `upgrade` in which the other program is on trial. Where there is no other program,
   * connections wait until `reload`. The workers come back by `rollBack`, by `reload`, or when the
   * other program ends. No effect with `master_process off`.
   *
   * @throws SallyportError NOT_RUNNING
   */
  dismissWorkers(): Promise<void> {
    return this.#supervisor.dismissWorkers();
  }

  /**
   * While the program that `upgrade` started is there: starts the workers again that were let go,
   * with the configuration that they had; nothing is read. Then the other program can be told to
   * quit. A failure is in the error log and an event `error`.
   *
   * @returns false where there is no such program: nothing was done
   */
  rollBack(): Promise<boolean> {
    return this.#supervisor.rollBack();
  }

  /** Where the proxy really listens: `listen 127.0.0.1:0` has its port here. */
  addresses(): readonly BoundAddress[] {
    return this.#supervisor.addresses();
  }

  /** Writes a line of level notice into the error log. */
  logNotice(text: string): void {
    this.#supervisor.logNotice(text);
  }

  /**
   * The part of `close` that needs no further turn of the event loop: removes the pid file. For an
   * `exit` handler of the process.
   */
  leave(): void {
    this.#supervisor.leave();
  }

  #load(options: ConfigurationOptions): Promise<Loaded> {
    const { compile } = this.#parts.engine;
    const current = this.#supervisor.current;
    if (current === null) return load(options, { compile });
    const { ticketKeys, zones, input, sources } = current.recorded;
    const { privileged } = input;
    const texts = new Set(current.files.map(({ path }) => path));
    const former = privileged && !isRoot() ? { former: { files: sources.files, texts } } : {};
    return load(options, { compile, ticketKeys, zones, privileged, ...former });
  }

  // An 'error' without a listener would be thrown; it is in the log.
  #emitError(error: SallyportError): void {
    if (this.listenerCount('error') > 0) this.emit('error', error);
  }
}

function optionsOf(
  configuration: LoadedConfiguration | ConfigurationOptions,
): ConfigurationOptions {
  return configuration instanceof Loaded ? configuration.options : configuration;
}
