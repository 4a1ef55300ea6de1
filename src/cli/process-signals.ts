// The signals of a running proxy, as nginx's master process has them. One Ctrl-C reaches every
// process of a terminal's group and may be forwarded by a parent as well, so a repetition within a
// moment is the same signal, not a second one.

import type { Proxy } from '../index.ts';

/** Below this two stop signals are one. */
const sameSignalMs = 500;

const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGUSR1: 10, SIGUSR2: 12, SIGTERM: 15 };

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

/**
 * TERM, INT: end at once. QUIT: end gracefully. HUP: reload. USR1: reopen logs.
 *
 * @param exit - ends the process although the proxy has not ended; called at a second TERM or INT
 */
export function followSignals(proxy: Proxy, exit: () => void): StopState {
  const state: StopState = { stoppingSince: null };
  const on = (signal: Signal, what: string, act: () => void): void => {
    process.on(signal, () => {
      proxy.logNotice(`signal ${numbers[signal]} (${signal}) received, ${what}`);
      act();
    });
  };
  const stop = (): void => {
    const time = performance.now();
    if (isSecondStop(state, time)) exit();
    if (state.stoppingSince !== null) return;
    state.stoppingSince = time;
    void proxy.close();
  };
  // A failed reload is in the error log.
  const reload = (): void => void proxy.reload().catch(() => {});
  on('SIGTERM', 'exiting', stop);
  on('SIGINT', 'exiting', stop);
  on('SIGQUIT', 'shutting down', () => void proxy.quit());
  on('SIGHUP', 'reconfiguring', reload);
  on('SIGUSR1', 'reopening logs', () => proxy.reopenLogs());
  on('SIGUSR2', 'ignored: there is no upgrade on the fly', () => {});
  return state;
}
