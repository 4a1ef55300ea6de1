// Replacing the program itself, as nginx does at USR2: the new one gets the listening sockets, and
// both accept until the old one is told to quit. Where the new one does not come up, or ends before
// the old one does, all is as it was.

import { spawn, type ChildProcess } from 'node:child_process';
import { SallyportError, type LogLevel } from '../base/errors.ts';
import { handOverText, handOverVariable } from './inherited-sockets.ts';
import type { ListenSockets } from './listen-sockets.ts';
import type { ProcessOwner } from './process-owner.ts';

/** How a program is started. */
export interface ProgramCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
}

/** What it needs of the supervisor. */
export interface SuccessorHooks {
  log(level: LogLevel, text: string): void;
  /** Null: the process is not the proxy's, there is no pid file. */
  owner(): ProcessOwner | null;
  sockets(): ListenSockets;
  /** It has served, and has ended before this process. */
  lost(): void;
}

/** What the new program tells over its channel: null where it serves. */
interface Outcome {
  readonly failure: string | null;
}

/** Standard streams and the channel come before the sockets. */
const firstSocket = 4;
/** A program that has told nothing by then never will. */
const startLimitMs = 60_000;

/** The program that is to replace this one. */
export class Successor {
  readonly #hooks: SuccessorHooks;
  #child: ChildProcess | null = null;

  constructor(hooks: SuccessorHooks) {
    this.#hooks = hooks;
  }

  /** Is there one, in whatever state? */
  get present(): boolean {
    return this.#child !== null;
  }

  /**
   * Starts it and waits until it serves.
   *
   * @returns its process id
   * @throws SallyportError UPGRADE_FAILED
   */
  async start(command: ProgramCommand): Promise<number> {
    const sockets = this.#hooks.sockets();
    const handed = sockets.handOver();
    if (this.#child !== null) {
      const { pid } = this.#child;
      throw failed(`the new program is there already, as process ${pid ?? 0}`);
    }
    if (handed.length === 0 && sockets.addresses().length > 0) {
      throw failed('listening sockets can be handed over only on Linux, with "node:ffi"');
    }
    this.#hooks.owner()?.makeWay();
    this.#hooks.log('notice', 'changing binary');
    const { child, outcome } = launch(command, {
      descriptors: handed.map(({ descriptor }) => descriptor),
      variable: handOverText(handed, firstSocket),
    });
    this.#child = child;
    const failure = await outcome;
    if (child.connected) child.disconnect();
    child.unref();
    if (failure !== null) {
      this.#child = null;
      this.#hooks.owner()?.comeBack();
      throw failed(failure);
    }
    sockets.leaveFiles(true);
    const pid = child.pid ?? 0;
    this.#hooks.log('notice', `new binary process ${pid} serves beside this one until QUIT`);
    if (child.exitCode !== null || child.signalCode !== null) this.#lost(pid);
    else child.once('exit', () => this.#lost(pid));
    return pid;
  }

  #lost(pid: number): void {
    this.#child = null;
    this.#hooks.sockets().leaveFiles(false);
    this.#hooks.owner()?.comeBack();
    this.#hooks.log('alert', `new binary process ${pid} has ended: this one goes on alone`);
    this.#hooks.lost();
  }
}

interface Launched {
  readonly child: ChildProcess;
  /** Null: it serves; otherwise why it does not. The child has ended then. */
  readonly outcome: Promise<string | null>;
}

interface HandOver {
  readonly descriptors: readonly number[];
  readonly variable: string;
}

// A group of its own: a Ctrl-C is for the one in the foreground.
function launch({ file, args, cwd }: ProgramCommand, handOver: HandOver): Launched {
  const child = spawn(file, args, {
    cwd,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', ...handOver.descriptors],
    env: { ...process.env, [handOverVariable]: handOver.variable },
  });
  const limit = setTimeout(() => child.kill('SIGKILL'), startLimitMs);
  const outcome = new Promise<string | null>((settle) => {
    let said: string | null = null;
    child.once('message', (message) => {
      said = (message as Outcome).failure;
      if (said === null) settle(null);
    });
    child.once('error', (error) => settle(error.message));
    child.once('exit', (code, signal) => {
      settle(said ?? `the new program ended before it served (${signal ?? `exit code ${code}`})`);
    });
  });
  return { child, outcome: outcome.finally(() => clearTimeout(limit)) };
}

function failed(why: string): SallyportError {
  return new SallyportError('UPGRADE_FAILED', `the program is not replaced: ${why}`);
}
