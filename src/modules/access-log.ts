// `log_format` and `access_log`: a format becomes one function at load, which makes a whole line.

import type { Argument, DirectiveNode } from '../config/node.ts';
import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { splitTemplate, TemplateError, toByteString } from '../exchange/template.ts';
import type { Getter } from '../exchange/variable.ts';
import type { EscapeTable, LineBuffer } from '../log/line-buffer.ts';
import type { LogFile } from '../log/log-file.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp, inHttpServerLocation } from './contexts.ts';
import { openLog } from './error-log.ts';
import type { LocationBuild, Module } from './module.ts';

type Escape = 'default' | 'json' | 'none';

interface LogFormat {
  readonly name: string;
  readonly escape: Escape;
  readonly text: string;
  readonly at: DirectiveNode['at'];
}

const formatValue: ValueType<LogFormat> = {
  expects: 'a name, perhaps escape=default|json|none, and the format',
  parse(node, help) {
    const [name, ...rest] = node.args;
    let parts: readonly Argument[] = rest;
    let escape: Escape = 'default';
    const first = parts[0];
    if (first?.text.startsWith('escape=') === true) {
      const given = first.text.slice('escape='.length);
      if (given !== 'default' && given !== 'json' && given !== 'none') {
        help.error(first.at, `unknown log format escaping "${given}"`, 'default, json or none');
        return null;
      }
      escape = given;
      parts = parts.slice(1);
    }
    const text = parts.map((part) => part.text).join('');
    return { name: name?.text ?? '', escape, text, at: node.at };
  },
};

export const logFormat = listDirective<LogFormat>({
  name: 'log_format',
  contexts: inHttp,
  args: { min: 2, max: Infinity },
  value: formatValue,
  help:
    'Names a format for access_log. "combined" and "upstream" are built in; "upstream" shows what ' +
    'happened behind the proxy.',
});

interface AccessLog {
  /** Null: "off". */
  readonly path: string | null;
  readonly format: string;
  readonly node: DirectiveNode;
}

const accessValue: ValueType<AccessLog> = {
  expects: 'a file and a format, or "off"',
  parse(node, help) {
    const [target, format, ...others] = node.args;
    if (target?.text === 'off') return { path: null, format: '', node };
    const file = target?.text ?? '';
    if (file.startsWith('syslog:') || file.includes('$')) {
      const what = file.startsWith('syslog:') ? 'syslog' : 'a variable in the path';
      help.error(target?.at ?? node.at, `${what} in "access_log" is not supported`);
      return null;
    }
    const extra = [...others, ...(format?.text.includes('=') === true ? [format] : [])];
    for (const one of extra) {
      // Lines are always gathered and written in batches, so these two change nothing.
      if (/^(buffer|flush)=./.test(one.text)) continue;
      help.error(one.at, `parameter "${one.text}" of "access_log" is not supported`);
      return null;
    }
    const name = format === undefined || format.text.includes('=') ? 'combined' : format.text;
    return { path: help.resolvePath(file, 'prefix'), format: name, node };
  },
};

export const accessLog = listDirective<AccessLog>({
  name: 'access_log',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 4 },
  value: accessValue,
  defaultText: 'off',
  help: 'File and format for a line about each request; "off" for none.',
  differs: 'off by default: nginx writes logs/access.log, whose folder may not be there',
});

/** nginx's own format, and ours for what happened behind the proxy. */
const builtIn: readonly Omit<LogFormat, 'at'>[] = [
  {
    name: 'combined',
    escape: 'default',
    text:
      '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent ' +
      '"$http_referer" "$http_user_agent"',
  },
  {
    name: 'upstream',
    escape: 'default',
    text:
      '$remote_addr [$time_iso8601] "$request" $status ${body_bytes_sent}B ${request_time}s -> ' +
      '$upstream_addr $upstream_status connect=$upstream_connect_time ' +
      'header=$upstream_header_time response=$upstream_response_time ' +
      'tls=$upstream_ssl_protocol/$upstream_ssl_cipher reused=$upstream_ssl_reused ' +
      'verify=$upstream_ssl_verify',
  },
];

type LineWriter = (x: Exchange, line: LineBuffer) => void;

function hexEscape(code: number): string {
  return `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

const jsonShort: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\b': '\\b',
  '\f': '\\f',
};

function jsonEscape(code: number): string {
  const short = jsonShort[String.fromCharCode(code)];
  return short ?? `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
}

function escapeTable(
  isUnsafe: (code: number) => boolean,
  replace: (code: number) => string,
): EscapeTable {
  const codes = Array.from({ length: 256 }, (_, code) => code);
  return {
    unsafe: Uint8Array.from(codes, (code) => (isUnsafe(code) ? 1 : 0)),
    replacement: codes.map(replace),
  };
}

const quote = 0x22;
const backslash = 0x5c;

/** What stands for a variable without value, and which bytes would break a line or its fields. */
const escapings: Readonly<Record<Escape, { absent: string; table: EscapeTable | null }>> = {
  default: {
    absent: '-',
    table: escapeTable(
      (code) => code < 0x20 || code > 0x7e || code === quote || code === backslash,
      hexEscape,
    ),
  },
  json: {
    absent: '',
    table: escapeTable((code) => code < 0x20 || code === quote || code === backslash, jsonEscape),
  },
  none: { absent: '', table: null },
};

function compileFormat(format: Omit<LogFormat, 'at'>, context: BuildContext): LineWriter {
  const parts: (string | Getter)[] = splitTemplate(format.text).map((part) => {
    if (typeof part === 'string') return toByteString(part);
    const getter = context.variables.find(part.name);
    if (getter === null) throw new TemplateError(`unknown "${part.name}" variable`);
    return getter;
  });
  parts.push('\n');
  const { absent, table } = escapings[format.escape];
  return (x, line) => {
    for (const part of parts) {
      if (typeof part === 'string') {
        line.text(part);
        continue;
      }
      const value = part(x);
      if (value === null) line.text(absent);
      else if (table === null) line.text(value);
      else line.escaped(value, table);
    }
  };
}

const compiled = new WeakMap<BuildContext, Map<string, LineWriter>>();

function formatNamed(log: AccessLog, scope: Scope, context: BuildContext): LineWriter {
  let known = compiled.get(context);
  if (known === undefined) {
    known = new Map();
    compiled.set(context, known);
  }
  const made = known.get(log.format);
  if (made !== undefined) return made;
  const own = scope.get(logFormat).find((one) => one.name === log.format);
  const format = own ?? builtIn.find((one) => one.name === log.format);
  const at = log.node.args[1]?.at ?? log.node.at;
  let line: LineWriter = () => undefined;
  if (format === undefined) {
    context.error(at, `unknown log format "${log.format}"`, 'define it with log_format before');
  } else {
    try {
      line = compileFormat(format, context);
    } catch (thrown) {
      if (!(thrown instanceof TemplateError)) throw thrown;
      context.error(own?.at ?? at, thrown.message);
    }
  }
  known.set(log.format, line);
  return line;
}

/** The least that is asked of the file for a line; the buffer grows with longer ones. */
const lineBytes = 128;

function writerTo(file: LogFile, write: LineWriter): (x: Exchange) => void {
  return (x) => {
    const line = file.begin(lineBytes);
    if (line === null) return;
    write(x, line);
    file.end();
  };
}

const checkedFormats = new WeakSet<BuildContext>();

// Formats stand in `http` only, and nginx knows "combined" before any of them.
function checkFormatNames(scope: Scope, context: BuildContext): void {
  if (checkedFormats.has(context)) return;
  checkedFormats.add(context);
  const names = new Set(['combined']);
  for (const one of scope.get(logFormat)) {
    if (names.has(one.name)) context.error(one.at, `duplicate "log_format" name "${one.name}"`);
    names.add(one.name);
  }
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  checkFormatNames(scope, context);
  for (const log of scope.get(accessLog)) {
    if (log.path === null) continue;
    const line = formatNamed(log, scope, context);
    const file = openLog(log.path, context, log.node.at);
    if (file !== null) build.logHandlers.push(writerTo(file, line));
  }
}

export const accessLogModule: Module = {
  name: 'access_log',
  directives: [logFormat, accessLog],
  location,
};
