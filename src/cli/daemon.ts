// Going into the background. The command stays until the daemon serves or has failed, so that its
// exit code means something; the daemon tells it over an IPC channel, which is closed then.

import { spawn, type StdioOptions } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import {
  handOverText,
  handOverVariable,
  inheritedDescriptors,
} from '../runtime/inherited-sockets.ts';
import { printProblem } from './terminal.ts';

/** What the daemon tells the command that started it. */
interface Outcome {
  /** Null: it serves. */
  readonly failure: string | null;
}

/** What is to run in the background. */
export interface DaemonCommand {
  /** Options of Node itself, the script, and its arguments. */
  readonly args: readonly string[];
  /** Where its stderr goes, for what Node itself writes when it crashes; null: to ours. */
  readonly stderrFile: string | null;
}

/**
 * Starts a daemon and waits until it is ready.
 *
 * @returns the exit code: 0 once it serves
 */
export async function startDaemon(command: DaemonCommand): Promise<number> {
  const stderr = command.stderrFile === null ? 'inherit' : openSync(command.stderrFile, 'a', 0o644);
  // Sockets that this process was started with are meant for the daemon.
  const sockets = inheritedDescriptors(process.env, process.pid);
  const descriptors = sockets.map(({ descriptor }) => descriptor);
  const stdio: StdioOptions = ['ignore', 'ignore', stderr, 'ipc', ...descriptors];
  const env =
    sockets.length === 0
      ? process.env
      : {
          ...process.env,
          [handOverVariable]: handOverText(sockets, stdio.length - sockets.length),
        };
  const child = spawn(process.execPath, command.args, { detached: true, stdio, env });
  if (typeof stderr === 'number') closeSync(stderr);
  const failure = await new Promise<string | null>((settle) => {
    child.once('message', (outcome) => settle((outcome as Outcome).failure));
    child.once('error', (error) => settle(error.message));
    child.once('exit', (code, signal) => {
      settle(`the daemon ended before it served (${signal ?? `exit code ${code}`})`);
    });
  });
  if (child.connected) child.disconnect();
  child.unref();
  if (failure === null) return 0;
  printProblem('emerg', failure);
  return 1;
}

/** The daemon's side: whom to tell how the start went. */
export interface StartReport {
  ready(): void;
  failed(message: string): void;
}

/** For a process in the foreground: its own stderr. */
export const foregroundReport: StartReport = {
  ready: () => {},
  failed: (message) => printProblem('emerg', message),
};

/** For the daemon: the command that waits for it. */
export function daemonReport(): StartReport {
  const tell = (failure: string | null): void => {
    process.removeListener('disconnect', abandoned);
    process.send?.({ failure }, undefined, undefined, () => process.disconnect?.());
  };
  // Whoever started it is gone: nobody would learn whether it serves.
  const abandoned = (): void => process.exit(1);
  process.once('disconnect', abandoned);
  return {
    ready: () => tell(null),
    failed: tell,
  };
}
