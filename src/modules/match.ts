// `match`: what the answer to a health check has to be like.

import type { Argument, DirectiveNode, Position } from '../config/node.ts';
import { rawBlockListDirective, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Matcher } from '../exchange/matcher.ts';
import { toByteString } from '../exchange/template.ts';
import type { ResponseTest } from '../forward/health-check.ts';
import type { ResponseHead } from '../http1/response-head.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp } from './contexts.ts';

/** A `match` block; regular expressions not compiled yet. */
export interface MatchBlock {
  readonly name: string;
  readonly at: Position;
  readonly lines: readonly MatchLine[];
}

type MatchLine =
  | { readonly kind: 'status'; readonly not: boolean; readonly ranges: readonly StatusRange[] }
  | {
      readonly kind: 'header';
      readonly name: string;
      readonly not: boolean;
      /** Null: that it is there is enough. */
      readonly value: Comparison | null;
    }
  | { readonly kind: 'body'; readonly not: boolean; readonly value: Comparison }
  | { readonly kind: 'require'; readonly variables: readonly Argument[] };

interface StatusRange {
  readonly from: number;
  readonly to: number;
}

interface Comparison {
  readonly kind: 'text' | 'regex' | 'caseless regex';
  readonly value: Argument;
}

type LineReader = (node: DirectiveNode, help: ParseHelp) => MatchLine | null;

const readers: ReadonlyMap<string, LineReader> = new Map<string, LineReader>([
  ['status', readStatus],
  ['header', readHeader],
  ['body', readBody],
  ['require', readRequire],
]);

const matchValue: ValueType<MatchBlock> = {
  expects: 'a name, and a block of conditions',
  parse(node, help) {
    const lines: MatchLine[] = [];
    for (const line of node.block ?? []) {
      const reader = readers.get(line.name);
      if (reader === undefined) {
        help.error(line.at, `unknown directive "${line.name}"`, 'in "match": status, header, body');
        continue;
      }
      const read = reader(line, help);
      if (read !== null) lines.push(read);
    }
    return { name: node.args[0]?.text ?? '', at: node.at, lines };
  },
};

export const match = rawBlockListDirective<MatchBlock>({
  name: 'match',
  contexts: inHttp,
  args: 1,
  value: matchValue,
  help:
    'What the answer to a health check has to be like; all lines have to hold. status 200 204 ' +
    '300-399, or ! before those that it must not have; header NAME, ! NAME, NAME = TEXT, != TEXT, ' +
    '~ REGEX, !~ REGEX; body ~ REGEX or !~ REGEX, within its first 256 KB; require $VARIABLE: not ' +
    'empty and not "0".',
  differs: 'nginx has it in its commercial edition only',
  example:
    'match ready {\n' +
    '    status 200;\n' +
    '    header Content-Type = application/json;\n' +
    '    body ~ \'"ready": *true\';\n' +
    '}',
});

function invalid(node: DirectiveNode, help: ParseHelp): null {
  const words = node.args.map((argument) => argument.text).join(' ');
  help.error(node.at, `invalid parameters "${words}" in "${node.name}"`);
  return null;
}

function readStatus(node: DirectiveNode, help: ParseHelp): MatchLine | null {
  const not = node.args[0]?.text === '!';
  const words = not ? node.args.slice(1) : node.args;
  const ranges = words.map(({ text }) => {
    const [, from = '', to = from] = /^(\d{3})(?:-(\d{3}))?$/.exec(text) ?? [];
    return { from: Number(from), to: Number(to) };
  });
  const right = ranges.every(({ from, to }) => from > 0 && from <= to);
  return ranges.length === 0 || !right ? invalid(node, help) : { kind: 'status', not, ranges };
}

function readHeader(node: DirectiveNode, help: ParseHelp): MatchLine | null {
  const [first, second, third] = node.args;
  if (first === undefined || node.args.length > 3) return invalid(node, help);
  if (second === undefined) return { kind: 'header', name: first.text, not: false, value: null };
  if (third === undefined) {
    if (first.text !== '!') return invalid(node, help);
    return { kind: 'header', name: second.text, not: true, value: null };
  }
  const value = comparison(second.text, third);
  const not = second.text.startsWith('!');
  return value === null ? invalid(node, help) : { kind: 'header', name: first.text, not, value };
}

function readBody(node: DirectiveNode, help: ParseHelp): MatchLine | null {
  const [operator, argument] = node.args;
  if (operator === undefined || argument === undefined || node.args.length > 2) {
    return invalid(node, help);
  }
  const value = comparison(operator.text, argument);
  if (value === null || value.kind === 'text') return invalid(node, help);
  return { kind: 'body', not: operator.text.startsWith('!'), value };
}

function readRequire(node: DirectiveNode, help: ParseHelp): MatchLine | null {
  const right = node.args.every(({ text }) => /^\$/.test(text));
  if (node.args.length === 0 || !right) return invalid(node, help);
  return { kind: 'require', variables: node.args };
}

const operators: Readonly<Record<string, Comparison['kind']>> = {
  '=': 'text',
  '!=': 'text',
  '~': 'regex',
  '!~': 'regex',
  '~*': 'caseless regex',
  '!~*': 'caseless regex',
};

function comparison(operator: string, value: Argument): Comparison | null {
  const kind = operators[operator];
  return kind === undefined ? null : { kind, value };
}

/** One condition: null where it holds, else what was being checked. */
type HeadCondition = (head: ResponseHead, x: Exchange) => string | null;

/** Compiles a block; null after a reported error. */
export function compileMatch(block: MatchBlock, context: BuildContext): ResponseTest | null {
  const heads: HeadCondition[] = [];
  const bodies: ((body: string) => boolean)[] = [];
  let complete = true;
  for (const line of block.lines) {
    if (line.kind === 'body') {
      const holds = compileComparison(line.value, context);
      if (holds === null) complete = false;
      else bodies.push((body) => holds(body) !== line.not);
      continue;
    }
    const condition = compileCondition(line, context);
    if (condition === null) complete = false;
    else heads.push(condition);
  }
  if (!complete) return null;
  return {
    name: block.name,
    readsBody: bodies.length > 0,
    checkHead: (head, x) => firstFailure(heads, head, x),
    checkBody: (body) => (bodies.every((holds) => holds(body)) ? null : 'checking body'),
  };
}

function firstFailure(
  conditions: readonly HeadCondition[],
  head: ResponseHead,
  x: Exchange,
): string | null {
  for (const condition of conditions) {
    const failure = condition(head, x);
    if (failure !== null) return failure;
  }
  return null;
}

function compileCondition(
  line: Exclude<MatchLine, { readonly kind: 'body' }>,
  context: BuildContext,
): HeadCondition | null {
  if (line.kind === 'status') {
    const { ranges, not } = line;
    return ({ status }) => {
      const within = ranges.some(({ from, to }) => status >= from && status <= to);
      return within === not ? `checking status code: it is ${status}` : null;
    };
  }
  if (line.kind === 'require') {
    const templates = line.variables.map((argument) => context.template(argument));
    return (_, x) => {
      const missing = templates.find((one) => ['', '0'].includes(one.evaluate(x)));
      return missing === undefined ? null : `checking ${missing.source}`;
    };
  }
  const { name, not, value } = line;
  const holds = value === null ? () => true : compileComparison(value, context);
  if (holds === null) return null;
  // "NAME != TEXT" holds where there is no such field, as "! NAME" does.
  return ({ fields }) =>
    fields.all(name.toLowerCase()).some(holds) === not ? `checking header "${name}"` : null;
}

function compileComparison(
  { kind, value }: Comparison,
  context: BuildContext,
): ((text: string) => boolean) | null {
  if (kind === 'text') {
    const wanted = toByteString(value.text);
    return (text) => text === wanted;
  }
  const pattern = context.pattern(value.text, value.at, kind === 'regex' ? '' : 'i');
  return pattern === null ? null : (text) => matches(pattern.regex, text);
}

function matches(regex: Matcher, text: string): boolean {
  return regex.exec(text) !== null;
}

/** Without `match`: any status of success or redirection. */
export const anySuccess: ResponseTest = {
  name: '',
  readsBody: false,
  checkHead: ({ status }) =>
    status >= 200 && status < 400 ? null : `checking status code: it is ${status}`,
  checkBody: () => null,
};
