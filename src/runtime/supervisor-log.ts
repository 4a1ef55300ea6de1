// The main thread's own lines in the error log. They are few, so each one opens the file, appends
// and keeps the file only for the case that the next one is not let into its folder any more, since
// root was given up meanwhile: nothing is to be reopened after a rotation.

import { closeSync, openSync, writeSync } from 'node:fs';
import { Complaint, writeToStderr } from '../log/complaint.ts';
import { ErrorLog, type ErrorLogTarget } from '../log/error-log.ts';
import { stderrSink } from '../log/stderr-sink.ts';
import { Syslog } from '../log/syslog.ts';
import type { ProcessSettings } from '../modules/main.ts';

type Setting = ProcessSettings['errorLog'][number];

/** The error log as the supervisor writes it. */
export function openSupervisorLog(settings: readonly Setting[], pid: number): ErrorLog {
  return new ErrorLog(settings.map(target), { pid, tid: pid });
}

function target(setting: Setting): ErrorLogTarget {
  const { level, path, syslog = null } = setting;
  if (path === 'stderr') return { level, sink: stderrSink };
  if (syslog !== null) return { level, sink: new Syslog(syslog, new Complaint()) };
  return { level, sink: { write: (line) => append(path, line) } };
}

/** The file that was found under a name last. */
const lastOpened = new Map<string, number>();

// A log that cannot be written must not end the proxy; the line is not lost either.
function append(path: string, line: string): void {
  try {
    writeSync(openedAnew(path), line);
  } catch {
    writeToStderr(line);
  }
}

function openedAnew(path: string): number {
  const before = lastOpened.get(path);
  let file: number;
  try {
    file = openSync(path, 'a');
  } catch (error) {
    if (before === undefined) throw error;
    return before;
  }
  if (before !== undefined) closeSync(before);
  lastOpened.set(path, file);
  return file;
}
