// The two ways to make a value type: whatever a function makes of a directive, and what a function
// makes of its one argument.

import type { DirectiveNode } from './node.ts';
import type { ParseHelp, ValueType } from './row.ts';

/** A type of its own: `parse` reports an error with `help.error` and then returns null. */
export function custom<V>(
  expects: string,
  parse: (node: DirectiveNode, help: ParseHelp) => V | null,
): ValueType<V> {
  return { expects, parse };
}

/** A type of one argument, whose `parse` gives null where nginx says "invalid value". */
export function singleValue<V>(
  expects: string,
  parse: (text: string) => V | null,
  message: (name: string, text: string) => string = invalidValue,
): ValueType<V> {
  return custom(expects, (node, help) => {
    const argument = node.args[0];
    const text = argument?.text ?? '';
    const value = parse(text);
    if (value === null) {
      help.error(argument?.at ?? node.at, message(node.name, text), `expected ${expects}`);
    }
    return value;
  });
}

function invalidValue(name: string): string {
  return `"${name}" directive invalid value`;
}
