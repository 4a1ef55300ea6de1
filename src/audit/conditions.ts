// The condition of an `if`, and the regular expressions that directives try, with what they try them on.

import type { DirectiveNode } from '../config/node.ts';
import {
  isAnchoredAtEnd,
  isAnchoredAtStart,
  readRegex,
  regexOfWord,
  type RegexText,
} from './regex-facts.ts';
import type { Level } from './tree.ts';

/** `if ($variable operator value)`; the operator is empty for `if ($variable)`. */
export interface Condition {
  readonly subject: string;
  readonly operator: string;
  readonly value: string;
}

/** Reads the words of an `if`. */
export function readCondition({ args }: DirectiveNode): Condition {
  const words = args.map(({ text }) => text);
  const first = words[0] ?? '';
  if (first.startsWith('(')) words[0] = first.slice(1);
  const last = words.at(-1) ?? '';
  if (last.endsWith(')')) words[words.length - 1] = last.slice(0, -1);
  const [subject = '', operator = '', ...rest] = words.filter((word) => word !== '');
  if (subject.startsWith('-') || subject.startsWith('!-')) {
    return { subject: operator, operator: subject, value: '' };
  }
  return { subject, operator, value: rest.join(' ') };
}

/** A regular expression with the text that it is tried on. */
export interface Trial extends RegexText {
  /** A `$` text: `$uri` for locations and rewrites, `$host` for names of servers. */
  readonly subject: string;
  readonly node: DirectiveNode;
}

/** What the opening directive of a level tries. */
export function trialsOfOpening({ kind, node }: Level): readonly Trial[] {
  if (node === null) return [];
  if (kind === 'if') {
    const { subject, operator, value } = readCondition(node);
    if (operator !== '~' && operator !== '~*') return [];
    return [{ subject, text: value, caseless: operator === '~*', node }];
  }
  const [modifier, text] = node.args;
  if (kind !== 'location') return [];
  if (modifier?.text === '~' || modifier?.text === '~*') {
    return [{ subject: '$uri', text: text?.text ?? '', caseless: modifier.text === '~*', node }];
  }
  const joined = regexOfWord(modifier?.text ?? '');
  return joined === null || node.args.length > 1 ? [] : [{ subject: '$uri', ...joined, node }];
}

/** What the directives of a level try themselves, `if` blocks left out. */
export function trialsOfDirectives(level: Level): readonly Trial[] {
  const rewrites = level.own('rewrite').map((node) => trialOfRewrite(node));
  const names = level.own('server_name').flatMap((node) =>
    node.args.flatMap(({ text }) => {
      const found = regexOfWord(text);
      return found === null ? [] : [{ subject: '$host', ...found, node }];
    }),
  );
  return [...rewrites, ...names];
}

/** What a `rewrite` tries. */
export function trialOfRewrite(node: DirectiveNode): Trial {
  return { subject: '$uri', text: node.args[0]?.text ?? '', caseless: false, node };
}

/**
 * Is a variable checked before it is used: `if ($x !~ ^(a|b)$) { return 403; }`, or with `!=`? Only an
 * expression that is anchored at both ends checks anything.
 */
export function isGuarded(level: Level, variable: string): boolean {
  for (const one of level.outwards()) {
    if (one.kind === 'if' && one.node !== null && admitsOnly(one.node, variable, '')) return true;
    for (const child of one.children) {
      if (child.kind !== 'if' || child.node === null) continue;
      if (child.own('return').length > 0 && admitsOnly(child.node, variable, '!')) return true;
    }
  }
  return false;
}

// `if ($x = value)` or, with "!", `if ($x != value)`.
function admitsOnly(node: DirectiveNode, variable: string, negation: string): boolean {
  const { subject, operator, value } = readCondition(node);
  if (subject.toLowerCase() !== `$${variable}`) return false;
  if (operator === `${negation}=`) return true;
  if (operator !== `${negation}~` && operator !== `${negation}~*`) return false;
  const regex = readRegex({ text: value, caseless: operator.endsWith('*') });
  return regex !== null && isAnchoredAtStart(regex) && isAnchoredAtEnd(regex);
}
