// Strings with variables ("$scheme://${host}/x"): read once at load into an array of parts, then
// into a function. All text at run time is one character per byte, so literals are turned into
// that form here and nowhere else.

import type { Exchange } from './exchange.ts';
import type { Getter, VariableTable } from './variable.ts';

type Part = string | { readonly name: string };

/** Splits at `$name` and `${name}`. Throws a `TemplateError` on a lone `$` or an open brace. */
export function splitTemplate(text: string): Part[] {
  const parts: Part[] = [];
  let literalFrom = 0;
  let at = text.indexOf('$');
  while (at !== -1) {
    const found = readName(text, at);
    if (at > literalFrom) parts.push(text.slice(literalFrom, at));
    parts.push({ name: found.name });
    literalFrom = found.end;
    at = text.indexOf('$', literalFrom);
  }
  if (literalFrom < text.length) parts.push(text.slice(literalFrom));
  return parts;
}

function readName(text: string, at: number): { name: string; end: number } {
  if (text[at + 1] === '{') {
    const match = /^[A-Za-z0-9_]+/.exec(text.slice(at + 2));
    const end = at + 2 + (match?.[0].length ?? 0);
    if (match === null || text[end] !== '}') {
      throw new TemplateError(`the closing bracket in "${match?.[0] ?? ''}" variable is missing`);
    }
    return { name: match[0], end: end + 1 };
  }
  const digit = /^[0-9]/.exec(text.slice(at + 1));
  const match = digit ?? /^[A-Za-z0-9_]+/.exec(text.slice(at + 1));
  if (match === null) throw new TemplateError('invalid variable name');
  return { name: match[0], end: at + 1 + match[0].length };
}

/** What is wrong with a string with variables, in nginx's words. */
export class TemplateError extends Error {}

/** A compiled string with variables. */
export interface Template {
  /** As written. */
  readonly source: string;
  /** The value where there is no variable in it, else null. */
  readonly constant: string | null;
  evaluate(x: Exchange): string;
}

/** One character per byte, as all strings of the data path are. */
export function toByteString(text: string): string {
  return /^[\x00-\x7f]*$/.test(text) ? text : Buffer.from(text, 'utf8').toString('latin1');
}

/**
 * Compiles a string with variables.
 * @throws TemplateError for malformed text or an unknown variable
 */
export function compileTemplate(text: string, variables: VariableTable): Template {
  const parts = splitTemplate(text).map((part) => bindPart(part, variables));
  if (parts.every((part) => typeof part === 'string'))
    return constantTemplate(text, parts.join(''));
  return { source: text, constant: null, evaluate: joiner(parts) };
}

function bindPart(part: Part, variables: VariableTable): string | Getter {
  if (typeof part === 'string') return toByteString(part);
  const getter = variables.find(part.name);
  if (getter === null) throw new TemplateError(`unknown "${part.name}" variable`);
  return getter;
}

/** A template that is always the same. */
export function constantTemplate(source: string, value: string): Template {
  return { source, constant: value, evaluate: () => value };
}

// One and two parts are what nearly every directive has; they get functions without a loop.
function joiner(parts: readonly (string | Getter)[]): (x: Exchange) => string {
  const [first, second] = parts;
  if (parts.length === 1 && typeof first === 'function') return (x) => first(x) ?? '';
  if (parts.length === 2 && typeof first === 'string' && typeof second === 'function') {
    return (x) => first + (second(x) ?? '');
  }
  return (x) => {
    let text = '';
    for (const part of parts) text += typeof part === 'string' ? part : (part(x) ?? '');
    return text;
  };
}
