// How an explanation names what stands in a configuration.

import type { DirectiveNode } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';

/** A directive as it would be written, without its block and semicolon. */
export function directiveText({ name, args }: DirectiveNode): string {
  if (name === 'if') return `if ${args.map(({ text }) => text).join(' ')}`;
  return [name, ...args.map(({ text }) => wordText(text))].join(' ');
}

function wordText(text: string): string {
  return text !== '' && !/[\s;{}"'#]/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

/** A level: "location ~ \.php$", "server", "main". */
export function scopeText(scope: Scope): string {
  return scope.node === null ? 'main' : directiveText(scope.node);
}

/** Text of the data path, one character a byte, for people. */
export function readable(text: string): string {
  return Buffer.from(text, 'latin1').toString('utf8');
}
