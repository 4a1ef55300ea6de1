// The directives of nginx's rewrite module: what they may say. They run in the order in which they
// are written (rewrite-script.ts).

import type { Argument, DirectiveNode } from '../config/node.ts';
import {
  blockDirective,
  directive,
  listDirective,
  type ParseHelp,
  type ValueType,
} from '../config/row.ts';
import { flag } from '../config/value-types.ts';
import { inRewrite, inServer, inLocation } from './contexts.ts';

/** `rewrite REGEX REPLACEMENT [FLAG]` */
export interface Rewrite {
  readonly pattern: Argument;
  readonly replacement: Argument;
  readonly flag: 'none' | 'last' | 'break' | 'redirect' | 'permanent';
}

const rewriteValue: ValueType<Rewrite> = {
  expects: 'a regular expression, a replacement, and perhaps last, break, redirect or permanent',
  parse(node, help) {
    const [pattern, replacement, flagArgument] = node.args;
    if (pattern === undefined || replacement === undefined) return null;
    if (pattern.text === '') {
      help.error(pattern.at, 'empty regex');
      return null;
    }
    const written = flagArgument?.text ?? 'none';
    switch (written) {
      case 'none':
      case 'last':
      case 'break':
        // A URL answers, whatever the flag says.
        return { pattern, replacement, flag: isUrl(replacement.text) ? 'redirect' : written };
      case 'redirect':
      case 'permanent':
        return { pattern, replacement, flag: written };
      default:
        help.error(
          flagArgument?.at ?? node.at,
          `invalid parameter "${written}"`,
          'the flags are last, break, redirect and permanent',
        );
        return null;
    }
  },
};

function isUrl(text: string): boolean {
  return /^(https?:\/\/|\$scheme)/.test(text);
}

export const rewrite = listDirective<Rewrite>({
  name: 'rewrite',
  contexts: inRewrite,
  args: { min: 2, max: 3 },
  value: rewriteValue,
  inherits: false,
  help:
    'Where the path matches the regular expression it becomes the replacement. "last" looks for a ' +
    'location anew, "break" goes on in this one, "redirect" (302) and "permanent" (301) answer. ' +
    'The query is added unless the replacement ends with "?".',
  example: 'rewrite ^/old/(.*)$ /new/$1 last;',
});

/** `set $NAME VALUE` */
export interface Assignment {
  /** Without its `$`. */
  readonly name: string;
  readonly value: Argument;
  readonly target: Argument;
}

const setValue: ValueType<Assignment> = {
  expects: 'a variable and its value',
  parse(node, help) {
    const [target, value] = node.args;
    if (target === undefined || value === undefined) return null;
    const name = variableName(target.text);
    if (name === null) {
      help.error(target.at, `invalid variable name "${target.text}"`, 'it begins with "$"');
      return null;
    }
    return { name, value, target };
  },
};

/** The name of a variable as directives write it, `$` removed; null where it is none. */
export function variableName(text: string): string | null {
  return /^\$[A-Za-z0-9_]+$/.test(text) ? text.slice(1) : null;
}

export const set = listDirective<Assignment>({
  name: 'set',
  contexts: inRewrite,
  args: 2,
  value: setValue,
  inherits: false,
  help: 'Gives a variable a value, which may hold other variables.',
  example: 'set $backend blue;',
});

export const breakDirective = listDirective<true>({
  name: 'break',
  contexts: inRewrite,
  args: 0,
  value: { expects: 'nothing', parse: () => true },
  inherits: false,
  help: 'Ends the directives of this kind (set, rewrite, if, return) for the request.',
  example: 'break;',
});

/** What an `if` asks. */
export type Condition =
  | { readonly kind: 'value'; readonly variable: Argument; readonly negated: false }
  | {
      readonly kind: 'equal';
      readonly variable: Argument;
      readonly other: Argument;
      readonly negated: boolean;
    }
  | {
      readonly kind: 'match';
      readonly variable: Argument;
      readonly pattern: Argument;
      readonly caseless: boolean;
      readonly negated: boolean;
    }
  | {
      readonly kind: 'file';
      readonly test: 'f' | 'd' | 'e' | 'x';
      readonly path: Argument;
      readonly negated: boolean;
    };

/** Reads the arguments of an `if`; null after a reported error. */
export function readCondition(node: DirectiveNode, report: ParseHelp['error']): Condition | null {
  const args = withoutBrackets(node.args);
  if (args === null) {
    const [first] = node.args;
    report(first?.at ?? node.at, `invalid condition "${first?.text ?? ''}"`, bracketHint);
    return null;
  }
  const condition = conditionOf(args);
  if (condition !== null) return condition;
  const last = args.at(-1);
  report(args[0]?.at ?? node.at, `invalid condition "${last?.text ?? ''}"`, conditionHint);
  return null;
}

const bracketHint = 'write: if (CONDITION) { … }';
const conditionHint =
  'one of: $variable; $variable = text; $variable ~ regex (also !=, ~*, !~, !~*); -f path (-d, -e, -x)';

// "(" and ")" may stand alone or stick to the first and last argument.
function withoutBrackets(args: readonly Argument[]): Argument[] | null {
  const list = [...args];
  const first = list[0];
  if (first?.text.startsWith('(') !== true) return null;
  if (first.text === '(') list.shift();
  else list[0] = { ...first, text: first.text.slice(1) };
  const last = list.at(-1);
  if (last?.text.endsWith(')') !== true) return null;
  if (last.text === ')') list.pop();
  else list[list.length - 1] = { ...last, text: last.text.slice(0, -1) };
  return list.length === 0 ? null : list;
}

function conditionOf([first, second, third, ...rest]: readonly Argument[]): Condition | null {
  if (first === undefined || rest.length > 0) return null;
  const file = /^(!?)-([fdex])$/.exec(first.text);
  if (file !== null) {
    if (second === undefined || third !== undefined) return null;
    const test = file[2] as 'f' | 'd' | 'e' | 'x';
    return { kind: 'file', test, path: second, negated: file[1] === '!' };
  }
  if (variableName(first.text) === null) return null;
  if (second === undefined) return { kind: 'value', variable: first, negated: false };
  if (third === undefined) return null;
  switch (second.text) {
    case '=':
    case '!=':
      return { kind: 'equal', variable: first, other: third, negated: second.text === '!=' };
    case '~':
    case '~*':
    case '!~':
    case '!~*':
      return {
        kind: 'match',
        variable: first,
        pattern: third,
        caseless: second.text.endsWith('*'),
        negated: second.text.startsWith('!'),
      };
    default:
      return null;
  }
}

const ifHelp =
  'Where the condition holds, what stands in the block applies: a variable that is not empty and ' +
  'not "0"; a comparison with =, !=, ~, ~*, !~, !~*; a file that exists with -f, -d, -e, -x.';

export const ifInServer = blockDirective({
  name: 'if',
  contexts: inServer,
  args: { min: 1, max: Infinity },
  opens: 'if-in-server',
  help: ifHelp,
  example:
    'if ($host = old.example.org) {\n' + '  return 301 https://example.org$request_uri;\n' + '}',
});

export const ifInLocation = blockDirective({
  name: 'if',
  contexts: inLocation,
  args: { min: 1, max: Infinity },
  opens: 'if-in-location',
  help: ifHelp,
  example: 'if ($request_method = POST) {\n' + '  return 405;\n' + '}',
});

const inRewriteHttp = ['http', ...inRewrite] as const;

export const rewriteLog = directive({
  name: 'rewrite_log',
  contexts: inRewriteHttp,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help: 'Whether each step of rewrite is written to the error log at level notice.',
  example: 'rewrite_log on;',
});

export const uninitializedVariableWarn = directive({
  name: 'uninitialized_variable_warn',
  contexts: inRewriteHttp,
  args: 1,
  value: flag,
  default: true,
  defaultText: 'on',
  help: 'Whether the use of a variable that was never set is logged as a warning.',
  example: 'uninitialized_variable_warn off;',
});
