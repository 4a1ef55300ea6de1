// The signals of a running proxy, as nginx's master process has them. One Ctrl-C reaches every
// process of a terminal's group and may be forwarded by a parent as well, so a repetition within a
// moment is the same signal, not a second one.

import type { ProgramCommand, Proxy } from '../serving.ts';
import { Coalesced } from './coalesced.ts';

/** Below this two stop signals are one. */
const sameSignalMs = 500;

const numbers = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGTERM: 15,
  SIGWINCH: 28,
};

type Signal = keyof typeof numbers;

/** What decides how a stop signal is taken. */
export interface StopState {
  /** The proxy is being stopped at once, since this time of `performance.now()`. */
  stoppingSince: number | null;
}

/** May this stop signal end the process without any further waiting? */
export function isSecondStop(state: StopState, time: number): boolean {
  return state.stoppingSince !== null && time - state.stoppingSince >= sameSignalMs;
}

/**
 * Until `followSignals`: a signal that nginx knows must not do what Node does with it by default
 * (USR1 opens a debugger).
 */
export function ignoreSignalsOfRunningProxy(): void {
  process.on('SIGUSR1', () => {});
  process.on('SIGUSR2', () => {});
}

/** What signals need besides the proxy. */
export interface SignalOptions {
  /** Ends the process although the proxy has not ended; called at a second TERM or INT. */
  exit(): void;
  /** What USR2 starts. */
  readonly program: ProgramCommand;
  /** Has the process no terminal? A terminal sends WINCH whenever its window changes its size. */
  readonly background: boolean;
}

/**
 * TERM, INT: end at once. QUIT: end gracefully. HUP: reload, or roll back while a new program is
 * there. USR1: reopen logs. USR2: start the program anew, beside this one. WINCH: let the workers
 * go, but in the foreground do nothing.
 */
export function followSignals(proxy: Proxy, options: SignalOptions): StopState {
  const state: StopState = { stoppingSince: null };
  const on = (signal: Signal, what: string, act: () => void): void => {
    process.on(signal, () => {
      proxy.logNotice(`signal ${numbers[signal]} (${signal}) received, ${what}`);
      act();
    });
  };
  const stop = (): void => {
    const time = performance.now();
    if (isSecondStop(state, time)) options.exit();
    if (state.stoppingSince !== null) return;
    state.stoppingSince = time;
    void proxy.close();
  };
  let quitting = false;
  const quit = (): void => {
    quitting = true;
    void proxy.quit();
  };
  // A failed reload or upgrade is in the error log. While one reload is under way, further signals
  // ask for one more, which reads the files anew, however many they are.
  const reload = new Coalesced(async () => {
    if (quitting || state.stoppingSince !== null) return;
    if (await proxy.rollBack()) return;
    await proxy.reload().catch(() => {});
  });
  on('SIGTERM', 'exiting', stop);
  on('SIGINT', 'exiting', stop);
  on('SIGQUIT', 'shutting down', quit);
  on('SIGHUP', 'reconfiguring', () => reload.ask());
  on('SIGUSR1', 'reopening logs', () => proxy.reopenLogs());
  on('SIGUSR2', 'changing binary', () => {
    if (quitting || state.stoppingSince !== null) return;
    proxy.upgrade(options.program).catch(() => {});
  });
  if (options.background) {
    on('SIGWINCH', 'stop accepting connections', () => {
      if (quitting || state.stoppingSince !== null) return;
      proxy.dismissWorkers().catch(() => {});
    });
  }
  return state;
}
