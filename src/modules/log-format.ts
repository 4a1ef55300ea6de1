// `log_format`: a format becomes one function at load, which writes a whole line piece by piece.

import type { Argument, DirectiveNode } from '../config/node.ts';
import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { splitTemplate, TemplateError, toByteString } from '../exchange/template.ts';
import type { Getter } from '../exchange/variable.ts';
import type { LineBuffer } from '../log/line-buffer.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp } from './contexts.ts';
import { escapings, type Escape } from './log-escape.ts';
import { compileJsonFormat } from './log-json.ts';

/** Writes one line, with its newline. */
export type LineWriter = (x: Exchange, line: LineBuffer) => void;

interface LogFormat {
  readonly name: string;
  readonly escape: Escape;
  /** The arguments: a variable ends with the one it stands in. */
  readonly pieces: readonly string[];
  readonly at: DirectiveNode['at'];
}

/** A "$" that begins no variable. */
const noName = /\$(?!\{?\w)/;

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
    const nameless = parts.find((part) => noName.test(part.text));
    if (nameless !== undefined) {
      const rest = nameless.text.slice(nameless.text.search(noName));
      help.error(
        nameless.at,
        `invalid parameter "${rest}"`,
        'after "$" comes the name of a variable',
      );
      return null;
    }
    const pieces = parts.map((part) => part.text);
    return { name: name?.text ?? '', escape, pieces, at: node.at };
  },
};

export const logFormat = listDirective<LogFormat>({
  name: 'log_format',
  contexts: inHttp,
  args: { min: 2, max: Infinity },
  value: formatValue,
  help:
    'Names a format for access_log. Built in are "combined", "upstream", which shows what happened ' +
    'behind the proxy, and "json", an object a line with every fact of the request and of each try ' +
    'at an upstream server; a format of your own with one of the last two names takes its place.',
  example: `log_format short '$remote_addr "$request" $status';`,
});

/** nginx's own format, and ours for what happened behind the proxy. */
const builtIn: readonly Omit<LogFormat, 'at'>[] = [
  {
    name: 'combined',
    escape: 'default',
    pieces: [
      '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent ' +
        '"$http_referer" "$http_user_agent"',
    ],
  },
  {
    name: 'upstream',
    escape: 'default',
    pieces: [
      '$remote_addr [$time_iso8601] "$request" $status ${body_bytes_sent}B ${request_time}s -> ' +
        '$upstream_addr $upstream_status connect=$upstream_connect_time ' +
        'header=$upstream_header_time response=$upstream_response_time ' +
        'tls=$upstream_ssl_protocol/$upstream_ssl_cipher reused=$upstream_ssl_reused ' +
        'verify=$upstream_ssl_verify',
    ],
  },
];

function compileFormat(format: Omit<LogFormat, 'at'>, context: BuildContext): LineWriter {
  const parts: (string | Getter)[] = format.pieces.flatMap(splitTemplate).map((part) => {
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

/**
 * The writer of a format, compiled once. Errors are reported; lines are empty then.
 *
 * @param at - where the name was written
 */
export function formatNamed(
  name: string,
  at: DirectiveNode['at'],
  scope: Scope,
  context: BuildContext,
): LineWriter {
  let known = compiled.get(context);
  if (known === undefined) {
    known = new Map();
    compiled.set(context, known);
    checkNames(scope, context);
  }
  let line = known.get(name);
  if (line === undefined) {
    line = makeWriter(name, at, scope, context);
    known.set(name, line);
  }
  return line;
}

function makeWriter(
  name: string,
  at: DirectiveNode['at'],
  scope: Scope,
  context: BuildContext,
): LineWriter {
  const own = scope.get(logFormat).find((one) => one.name === name);
  if (own === undefined && name === 'json') return compileJsonFormat(context.variables);
  const format = own ?? builtIn.find((one) => one.name === name);
  if (format === undefined) {
    context.error(at, `unknown log format "${name}"`, 'define it with log_format before');
    return () => undefined;
  }
  try {
    return compileFormat(format, context);
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    context.error(own?.at ?? at, thrown.message);
    return () => undefined;
  }
}

// Formats stand in `http` only, and nginx knows "combined" before any of them.
function checkNames(scope: Scope, context: BuildContext): void {
  const names = new Set(['combined']);
  for (const one of scope.get(logFormat)) {
    if (names.has(one.name)) context.error(one.at, `duplicate "log_format" name "${one.name}"`);
    names.add(one.name);
  }
}

/** Formats that no log uses are checked as well. */
export function checkFormats(scope: Scope, context: BuildContext): void {
  for (const one of scope.get(logFormat)) formatNamed(one.name, one.at, scope, context);
}
