// What a supervisor is made of and whom it tells: the seams that production fills in `proxy.ts` and
// tests with stubs.

import type { SallyportError } from '../base/errors.ts';
import type { EngineParts } from './engine-parts.ts';
import type { InheritedSockets } from './inherited-sockets.ts';
import type { RefusedTlsFile, SwappedTlsFile } from './refresh.ts';
import type { SocketCalls } from './socket-calls.ts';
import type { TlsWatchTimes } from './tls-watch.ts';
import type { WatchdogTimes } from './watchdog.ts';

/** The seams of a supervisor. */
export interface SupervisorParts {
  readonly engine: EngineParts;
  /** The script of a worker thread. */
  readonly workerUrl: URL;
  readonly restartDelay: (deaths: number) => number;
  /** Asked at start; `refuse` says why this environment is unsafe. */
  readonly checkEnvironment: () => {
    readonly refuse: string | null;
    readonly notes: readonly string[];
  };
  /** How soon changes of TLS files are noticed. */
  readonly tlsWatch?: TlsWatchTimes;
  /** How soon a worker that hangs is noticed. */
  readonly watchdog?: WatchdogTimes;
  /** Null: sockets are not shared. Default: the calls of the system. */
  readonly socketCalls?: SocketCalls | null;
  /** Sockets that the process was started with; asked once. Default: none. */
  readonly inherited?: (calls: SocketCalls | null) => InheritedSockets;
}

/** What happens without having been asked for. */
export interface SupervisorEvents {
  /** Something failed that could be survived; it is in the error log already. */
  error(error: SallyportError): void;
  workerDied(workerId: number, cause: SallyportError): void;
  reloaded(): void;
  reloadFailed(error: SallyportError): void;
  tlsReloaded(files: readonly SwappedTlsFile[]): void;
  tlsReloadFailed(files: readonly RefusedTlsFile[]): void;
  ended(): void;
}

/** How a supervisor behaves. */
export interface SupervisorOptions {
  readonly parts: SupervisorParts;
  readonly events: SupervisorEvents;
  /** May it write the pid file, change the user and the working directory? */
  readonly ownsProcess: boolean;
}
