// `types` and `default_type`: from the ending of a path to a media type.

import type { DirectiveNode } from '../config/node.ts';
import { directive, rawBlockDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { text } from '../config/value-types.ts';
import { toByteString } from '../exchange/template.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { Module } from './module.ts';

type Types = ReadonlyMap<string, string>;

const nginxDefault: Types = new Map([
  ['html', 'text/html'],
  ['gif', 'image/gif'],
  ['jpg', 'image/jpeg'],
]);

const typesValue: ValueType<Types> = {
  expects: 'a block of media types, each with its endings',
  parse(node) {
    const types = new Map<string, string>();
    for (const line of node.block ?? []) addTypes(types, line);
    return types;
  },
};

function addTypes(types: Map<string, string>, line: DirectiveNode): void {
  for (const ending of line.args) types.set(ending.text.toLowerCase(), line.name);
}

export const types = rawBlockDirective<Types>({
  name: 'types',
  contexts: inHttpServerLocation,
  args: 0,
  value: typesValue,
  default: nginxDefault,
  help: 'Maps file name endings to media types.',
});

export const defaultType = directive({
  name: 'default_type',
  contexts: inHttpServerLocation,
  args: 1,
  value: text,
  default: 'text/plain',
  defaultText: 'text/plain',
  help: 'Media type of responses whose ending is not in `types`.',
});

/** The media type for a path, as configured in a scope. */
export function mimeTypeOf(scope: Scope): (path: string) => string {
  const known = scope.get(types);
  const fallback = toByteString(scope.get(defaultType));
  return (path) => {
    const dot = path.lastIndexOf('.');
    if (dot === -1 || dot < path.lastIndexOf('/')) return fallback;
    return known.get(path.slice(dot + 1).toLowerCase()) ?? fallback;
  };
}

export const mimeTypesModule: Module = { name: 'types', directives: [types, defaultType] };
