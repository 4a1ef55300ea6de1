// `access_log`: who writes which line where. The writers are made at load: a file, a syslog server,
// or a file whose name comes out of variables.

import { statSync } from 'node:fs';
import { parseMilliseconds } from '../base/duration.ts';
import { parseSize } from '../base/size.ts';
import { describeSystemError } from '../base/system-error.ts';
import type { Argument, DirectiveNode } from '../config/node.ts';
import { listDirective, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { LogFile } from '../log/log-file.ts';
import type { LogFileCache } from '../log/log-file-cache.ts';
import type { Syslog, SyslogSettings } from '../log/syslog.ts';
import { locationOf } from '../server/phases.ts';
import { logError } from '../server/request-log.ts';
import type { BuildContext } from './build-context.ts';
import { openLog } from './error-log.ts';
import { guardedPath } from './guarded-path.ts';
import { checkFormats, formatNamed, logFormat, type LineWriter } from './log-format.ts';
import type { LocationBuild, Module } from './module.ts';
import { logFileCacheOf, openLogFileCache } from './open-log-file-cache.ts';
import { isSyslog, parseSyslog, syslogHelp, syslogHost, openSyslog } from './syslog-target.ts';

/** `buffer=`, `flush=`, `gzip=`; `size` 0 where none of them is given. */
interface Buffered {
  readonly size: number;
  /** Milliseconds, 0 for none. */
  readonly flush: number;
  readonly gzip: number;
}

interface AccessLog {
  readonly off: boolean;
  readonly target: Argument;
  readonly syslog: SyslogSettings | null;
  readonly format: Argument | null;
  readonly buffered: Buffered;
  readonly condition: Argument | null;
}

const usualBuffer = 64 * 1024;

/** nginx's Z_BEST_SPEED. */
const usualGzip = 1;

interface Options {
  size: number;
  flush: number;
  gzip: number;
  condition: Argument | null;
}

// What stands after the format. An error text, or null.
const parameters: Readonly<Record<string, (text: string, options: Options) => string | null>> = {
  'buffer=': (text, options) => {
    options.size = parseSize(text) ?? 0;
    return options.size > 0 ? null : `invalid buffer size "${text}"`;
  },
  'flush=': (text, options) => {
    options.flush = parseMilliseconds(text) ?? 0;
    return options.flush > 0 ? null : `invalid flush time "${text}"`;
  },
  'gzip=': (text, options) => {
    if (options.size === 0) options.size = usualBuffer;
    options.gzip = /^\d$/.test(text) ? Number(text) : 0;
    return options.gzip > 0 ? null : `invalid compression level "${text}"`;
  },
};

function readOption(argument: Argument, options: Options): string | null {
  const { text, at, quoted } = argument;
  if (text === 'gzip') return readOption({ text: `gzip=${usualGzip}`, at, quoted }, options);
  if (text.startsWith('if=')) {
    options.condition = { text: text.slice('if='.length), at, quoted };
    return null;
  }
  const name = text.slice(0, text.indexOf('=') + 1);
  const read = parameters[name];
  return read === undefined
    ? `invalid parameter "${text}"`
    : read(text.slice(name.length), options);
}

// Null after a reported error.
function readOptions(given: readonly Argument[], help: ParseHelp): Options | null {
  const options: Options = { size: 0, flush: 0, gzip: 0, condition: null };
  for (const argument of given) {
    const problem = readOption(argument, options);
    if (problem === null) continue;
    help.error(argument.at, problem);
    return null;
  }
  return options;
}

const nowhere: Omit<AccessLog, 'target'> = {
  off: true,
  syslog: null,
  format: null,
  buffered: { size: 0, flush: 0, gzip: 0 },
  condition: null,
};

const accessValue: ValueType<AccessLog> = {
  expects: 'a file and perhaps a format with parameters, or "off"',
  parse(node, help) {
    const [target, format, ...others] = node.args;
    if (target === undefined) return null;
    if (target.text === 'off') {
      if (format === undefined) return { ...nowhere, target };
      help.error(format.at, `invalid parameter "${format.text}"`);
      return null;
    }
    const syslog = isSyslog(target.text) ? parseSyslog(target, help) : null;
    const options = readOptions(others, help);
    if (options === null || (syslog === null && isSyslog(target.text))) return null;
    const problem = combinationProblem(target.text, options);
    if (problem !== null) {
      help.error(node.at, problem);
      return null;
    }
    const { size, flush, gzip, condition } = options;
    const path = isSyslog(target.text) ? target.text : pathOf(target.text, help);
    return {
      off: false,
      target: { ...target, text: path },
      syslog,
      format: format ?? null,
      buffered: { size, flush, gzip },
      condition,
    };
  },
};

// `resolvePath` would take ".." of a variable's neighbour for a folder.
function pathOf(text: string, help: ParseHelp): string {
  if (!text.includes('$')) return help.resolvePath(text, 'prefix');
  return text.startsWith('/') ? text : `${help.resolvePath('.', 'prefix')}/${text}`;
}

function combinationProblem(target: string, { size, flush }: Options): string | null {
  if (size === 0) return flush > 0 ? `no buffer is defined for access_log "${target}"` : null;
  if (isSyslog(target)) return 'logs to syslog cannot be buffered';
  return target.includes('$') ? 'buffered logs cannot have variables in name' : null;
}

export const accessLog = listDirective<AccessLog>({
  name: 'access_log',
  contexts: ['http', 'server', 'location', 'if-in-location', 'limit_except'],
  args: { min: 1, max: Infinity },
  value: accessValue,
  defaultText: 'off',
  help:
    'A line about each request: into a file, whose name may have variables in it, in a format of ' +
    `log_format or "combined"; "off" for none at this level. ${syslogHelp} ` +
    'buffer=size writes when so much is gathered, flush=time no later than that, gzip=level ' +
    'compresses each batch, if=condition leaves lines out where it is empty or "0".',
  differs:
    'off by default: nginx writes logs/access.log, whose folder may not be there. Without buffer= ' +
    'lines are written a tenth of a second later at most, all together',
  example: 'access_log access.log combined buffer=32k flush=1m;',
});

type Writer = (x: Exchange) => void;
type PathOf = (x: Exchange) => string;

/** The least that is asked of the file for a line; the buffer grows with longer ones. */
const lineBytes = 128;

function writerTo(file: LogFile, write: LineWriter): Writer {
  return (x) => {
    const line = file.begin(lineBytes);
    if (line === null) return;
    write(x, line);
    file.end();
  };
}

function syslogWriter(syslog: Syslog, write: LineWriter): Writer {
  return (x) => {
    write(x, syslog.begin());
    syslog.end();
  };
}

// Names may come from clients: as in nginx there must be a root that exists, so that not just any
// Host makes a file.
function namedWriter(path: PathOf, cache: LogFileCache, write: LineWriter): Writer {
  return (x) => {
    if (!rootExists(x)) return;
    const name = path(x);
    try {
      const file = cache.file(name);
      const line = file.begin(lineBytes);
      if (line === null) return;
      write(x, line);
      file.end();
    } catch (thrown) {
      const why = describeSystemError(thrown);
      logError(x, 'crit', `open() "${name}" failed (${why}) while logging request`);
    }
  };
}

function rootExists(x: Exchange): boolean {
  const root = locationOf(x).documentRoot?.(x) ?? '';
  try {
    if (statSync(Buffer.from(root, 'latin1')).isDirectory()) return true;
    logError(
      x,
      'error',
      `testing "${root}" existence failed (20: Not a directory) while logging request`,
    );
  } catch (thrown) {
    const why = describeSystemError(thrown);
    logError(x, 'error', `testing "${root}" existence failed (${why}) while logging request`);
  }
  return false;
}

function conditional(condition: Template, write: Writer): Writer {
  return (x) => {
    const value = condition.evaluate(x);
    if (value !== '' && value !== '0') write(x);
  };
}

const buffers = new WeakMap<LogFile, Buffered>();

/** Several logs may share a file; they must agree on how it is buffered. */
function setBuffer(file: LogFile, log: AccessLog, written: string, context: BuildContext): void {
  const { buffered } = log;
  if (buffered.size === 0) return;
  const before = buffers.get(file);
  if (before === undefined) {
    buffers.set(file, buffered);
    const timer = buffered.flush === 0 ? null : context.logFiles.timer(buffered.flush);
    file.buffer({ size: buffered.size, timer, gzip: buffered.gzip });
    return;
  }
  const { size, flush, gzip } = before;
  if (size === buffered.size && flush === buffered.flush && gzip === buffered.gzip) return;
  context.error(
    log.target.at,
    `access_log "${written}" already defined with conflicting parameters`,
  );
}

function makeWriter(
  log: AccessLog,
  node: DirectiveNode | undefined,
  scope: Scope,
  context: BuildContext,
): Writer | null {
  const { target, format } = log;
  const write = formatNamed(format?.text ?? 'combined', (format ?? target).at, scope, context);
  const { trace } = context;
  if (trace !== null) {
    const path = context.template(target);
    return (x) => trace.accessLine(x, path.evaluate(x), write);
  }
  if (log.syslog !== null) {
    const syslog = openSyslog(log.syslog, target, context, 'error log');
    return syslog === null ? null : syslogWriter(syslog, write);
  }
  if (target.text.includes('$')) {
    const path = guardedPath(context.template(target), context);
    return namedWriter(path, logFileCacheOf(scope.get(openLogFileCache), context), write);
  }
  const file = openLog(target.text, context, target.at);
  if (file === null) return null;
  setBuffer(file, log, node?.args[0]?.text ?? target.text, context);
  return writerTo(file, write);
}

const checked = new WeakSet<BuildContext>();

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  if (!checked.has(context)) {
    checked.add(context);
    checkFormats(scope, context);
  }
  const logs = scope.get(accessLog);
  // "off" is for all of its level; the files of the others are opened, and thus checked, all the same.
  const off = logs.some((log) => log.off);
  const nodes = scope.nodes(accessLog);
  logs.forEach((log, i) => {
    const writer = log.off ? null : makeWriter(log, nodes[i], scope, context);
    if (writer === null || off) return;
    const { condition } = log;
    const write = condition === null ? writer : conditional(context.template(condition), writer);
    build.logHandlers.push(write);
  });
}

function hosts(scope: Scope): readonly string[] {
  return (scope.own(accessLog) ?? []).flatMap(({ syslog }) => {
    const host = syslog === null ? null : syslogHost(syslog);
    return host === null ? [] : [host];
  });
}

export const accessLogModule: Module = {
  name: 'access_log',
  directives: [logFormat, accessLog, openLogFileCache],
  hosts,
  location,
};
