// The pid file: written when the sockets are bound, read by `-s`, removed at the end.

import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { SallyportError } from '../base/errors.ts';
import { failedCall } from './system-error.ts';

/** What `-s` can ask of a running process, and the signal that carries it. */
export const controlSignals = {
  stop: { signal: 'SIGTERM', number: 15 },
  quit: { signal: 'SIGQUIT', number: 3 },
  reopen: { signal: 'SIGUSR1', number: 10 },
  reload: { signal: 'SIGHUP', number: 1 },
} as const;

/** The word after `-s`. */
export type ControlSignal = keyof typeof controlSignals;

/** @throws SallyportError PID_FILE_FAILED */
export function writePidFile(path: string, pid: number): void {
  try {
    writeFileSync(path, `${pid}\n`, { mode: 0o644 });
  } catch (error) {
    throw new SallyportError('PID_FILE_FAILED', failedCall(`open() "${path}"`, error), error);
  }
}

/**
 * The process id in a pid file.
 *
 * @throws SallyportError PID_FILE_FAILED where there is no file or no id in it
 */
export function readPidFile(path: string): number {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    throw new SallyportError('PID_FILE_FAILED', failedCall(`open() "${path}"`, error), error);
  }
  const digits = text.replace(/\s+$/, '');
  // 0 would signal the caller's own process group.
  if (!/^[1-9]\d{0,9}$/.test(digits)) {
    const shown = digits.slice(0, 32);
    throw new SallyportError('PID_FILE_FAILED', `invalid PID number "${shown}" in "${path}"`);
  }
  return Number(digits);
}

/**
 * Removes a pid file that still names `pid`; that of a successor stays.
 *
 * @returns why it could not be removed, null where it is gone
 */
export function removePidFile(path: string, pid: number): string | null {
  try {
    if (readPidFile(path) !== pid) return null;
  } catch {
    return null;
  }
  try {
    unlinkSync(path);
    return null;
  } catch (error) {
    return failedCall(`unlink() "${path}"`, error);
  }
}

/**
 * Sends a control signal to the process that a pid file names.
 *
 * @throws SallyportError PID_FILE_FAILED where the file cannot be used, SIGNAL_FAILED where there is
 *   no such process or it belongs to somebody else
 */
export function signalByPidFile(path: string, control: ControlSignal): void {
  const pid = readPidFile(path);
  const { signal, number } = controlSignals[control];
  try {
    process.kill(pid, signal);
  } catch (error) {
    throw new SallyportError('SIGNAL_FAILED', failedCall(`kill(${pid}, ${number})`, error), error);
  }
}
