// `error_log`: where the error log of a level goes, and from which severity on.

import { threadId } from 'node:worker_threads';
import type { LogLevel } from '../base/errors.ts';
import { describeSystemError } from '../base/system-error.ts';
import type { Argument } from '../config/node.ts';
import { listDirective, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { ErrorLog, type ErrorLogTarget } from '../log/error-log.ts';
import type { LogFile } from '../log/log-file.ts';
import type { ComplainsTo } from '../log/log-files.ts';
import { stderrSink } from '../log/stderr-sink.ts';
import type { SyslogSettings } from '../log/syslog.ts';
import type { BuildContext } from './build-context.ts';
import {
  isSyslog,
  openSyslog,
  parseSyslog,
  resolveSyslog,
  syslogHelp,
  syslogHost,
} from './syslog-target.ts';

const levels = ['debug', 'info', 'notice', 'warn', 'error', 'crit', 'alert', 'emerg'] as const;

/** Levels of nginx that name a part of it: here they are `debug`. */
const debugParts = /^debug_(core|alloc|mutex|event|http|mail|stream)$/;

/** One `error_log`; `path` "stderr" is the standard error. */
export interface ErrorLogLine {
  readonly path: string;
  readonly level: LogLevel;
  /** In place of a file. */
  readonly syslog?: SyslogSettings | null;
  /** Where it was written; absent for the default. */
  readonly target?: Argument;
}

const value: ValueType<ErrorLogLine> = {
  expects: 'a file, "stderr" or a syslog server, and a level',
  parse(node, help) {
    const [target, ...rest] = node.args;
    if (target === undefined) return null;
    const { text } = target;
    if (text.startsWith('memory:')) {
      const hint = 'it is for debugging nginx itself: write to a file, "stderr" or syslog';
      help.error(target.at, '"memory:" in "error_log" is not supported', hint);
      return null;
    }
    const syslog = isSyslog(text) ? parseSyslog(target, help) : null;
    if (syslog === null && isSyslog(text)) return null;
    const level = readLevel(rest, help);
    if (level === null) return null;
    const fixed = text === 'stderr' || syslog !== null;
    return { path: fixed ? text : help.resolvePath(text, 'prefix'), level, syslog, target };
  },
};

// As nginx: one level, or several parts of it to debug.
function readLevel(given: readonly Argument[], help: ParseHelp): LogLevel | null {
  let found: LogLevel | null = null;
  for (const argument of given) {
    const { text, at } = argument;
    const level = levels.find((one) => one === text);
    const isPart = debugParts.test(text);
    if (level !== undefined && found !== null) {
      help.error(at, `duplicate log level "${text}"`);
      return null;
    }
    if ((level === undefined && !isPart) || (isPart && found !== null && found !== 'debug')) {
      help.error(at, `invalid log level "${text}"`, levels.join(', '));
      return null;
    }
    found = level ?? 'debug';
  }
  return found ?? 'error';
}

export const errorLog = listDirective<ErrorLogLine>({
  name: 'error_log',
  contexts: ['main', 'http', 'server', 'location'],
  args: { min: 1, max: Infinity },
  value,
  defaultText: 'stderr error',
  help:
    'File (or "stderr") for errors and the least severe level that is written to it: debug, info, ' +
    `notice, warn, error, crit, alert or emerg. Several at one level are all written. ${syslogHelp}`,
  differs:
    'by default the standard error (or the file of -e), which needs no folder to exist; "memory:" is ' +
    'refused',
  example: 'error_log error.log warn;',
});

/**
 * The targets in effect.
 *
 * @param override - the file of `-e`, for where nothing is configured; null: the standard error
 */
export function errorLogTargets(scope: Scope, override: string | null): readonly ErrorLogLine[] {
  const lines = scope.get(errorLog);
  if (lines.length > 0) return lines;
  return [{ path: override ?? 'stderr', level: 'error' }];
}

/** The same for the supervisor, whose own log needs addresses in place of names. */
export function processErrorLog(
  scope: Scope,
  override: string | null,
  addresses: ReadonlyMap<string, readonly string[]>,
): readonly ErrorLogLine[] {
  return errorLogTargets(scope, override).flatMap((line): ErrorLogLine[] => {
    const { path, level } = line;
    if (line.syslog === null || line.syslog === undefined) return [{ path, level }];
    const syslog = resolveSyslog(line.syslog, addresses);
    return syslog === null ? [] : [{ path, level, syslog }];
  });
}

/** Host names of syslog servers at this level. */
export function errorLogHosts(scope: Scope): readonly string[] {
  return (scope.own(errorLog) ?? []).flatMap(({ syslog = null }) => {
    const host = syslog === null ? null : syslogHost(syslog);
    return host === null ? [] : [host];
  });
}

/** Error logs of one build: levels that inherit the same lines share one object. */
export class ErrorLogs {
  readonly #context: BuildContext;
  readonly #override: string | null;
  readonly #pid: number;
  readonly #made = new Map<readonly ErrorLogLine[], ErrorLog>();
  #default: readonly ErrorLogLine[] | null = null;

  /** @param override - the file of `-e`, which stands in where no `error_log` is configured */
  constructor(context: BuildContext, options: { override: string | null; pid: number }) {
    this.#context = context;
    this.#override = options.override;
    this.#pid = options.pid;
  }

  of(scope: Scope): ErrorLog {
    let lines = scope.get(errorLog);
    if (lines.length === 0) {
      this.#default ??= errorLogTargets(scope, this.#override);
      lines = this.#default;
    }
    let log = this.#made.get(lines);
    if (log === undefined) {
      log = new ErrorLog(this.#open(lines, scope), { pid: this.#pid, tid: threadId });
      this.#made.set(lines, log);
    }
    return log;
  }

  #open(lines: readonly ErrorLogLine[], scope: Scope): ErrorLogTarget[] {
    return lines.map((line) => ({ level: line.level, sink: this.#sink(line, scope) }));
  }

  #sink(line: ErrorLogLine, scope: Scope): ErrorLogTarget['sink'] {
    const { trace } = this.#context;
    if (trace !== null) return trace.errorSink(line.path);
    if (line.path === 'stderr') return stderrSink;
    const { path, syslog = null, target } = line;
    if (syslog !== null && target !== undefined) {
      return openSyslog(syslog, target, this.#context, 'stderr') ?? stderrSink;
    }
    const at = target?.at ?? scope.at(errorLog);
    return openLog(path, this.#context, at, 'stderr') ?? stderrSink;
  }
}

/**
 * Opens a log file for the life of the snapshot; null after a reported error.
 *
 * @param complainsTo - where it is said that the file cannot be written
 */
export function openLog(
  file: string,
  context: BuildContext,
  at: Parameters<BuildContext['error']>[0],
  complainsTo: ComplainsTo = 'error log',
): LogFile | null {
  try {
    const opened = context.logFiles.acquire(file, complainsTo);
    context.disposers.push(() => context.logFiles.release(opened));
    return opened;
  } catch (thrown) {
    context.error(
      at,
      `open() "${file}" failed (${describeSystemError(thrown)})`,
      'the folder must exist and be writable',
    );
    return null;
  }
}
