// The main thread's own lines in the error log. They are few, so each one opens the file, appends
// and closes it: nothing is to be reopened after a rotation.

import { appendFileSync } from 'node:fs';
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

// A log that cannot be written must not end the proxy; the line is not lost either.
function append(path: string, line: string): void {
  try {
    appendFileSync(path, line);
  } catch {
    writeToStderr(line);
  }
}
