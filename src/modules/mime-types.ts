// `types` and `default_type`: from the ending of a path to a media type.

import type { DirectiveNode } from '../config/node.ts';
import { directive, rawBlockListDirective, type ParseHelp, type ValueType } from '../config/row.ts';
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
  parse(node, help) {
    const types = new Map<string, string>();
    for (const line of node.block ?? []) addTypes(types, line, help);
    return types;
  },
};

function addTypes(types: Map<string, string>, line: DirectiveNode, help: ParseHelp): void {
  for (const { text: ending, at } of line.args) {
    const key = ending.toLowerCase();
    const previous = types.get(key);
    if (previous !== undefined) {
      const both = `content type: "${line.name}", previous content type: "${previous}"`;
      help.warn(at, `duplicate extension "${ending}", ${both}`);
    }
    types.set(key, line.name);
  }
}

export const types = rawBlockListDirective<Types>({
  name: 'types',
  contexts: inHttpServerLocation,
  args: 0,
  value: typesValue,
  help: 'Maps file name endings to media types. Several blocks of one level add up.',
  example: 'types {\n' + '  text/html html htm;\n' + '  application/json json;\n' + '}',
});

export const defaultType = directive({
  name: 'default_type',
  contexts: inHttpServerLocation,
  args: 1,
  value: text,
  default: 'text/plain',
  defaultText: 'text/plain',
  help: 'Media type of responses whose ending is not in `types`.',
  example: 'default_type application/octet-stream;',
});

/** The media type for a path, as configured in a scope. */
export function mimeTypeOf(scope: Scope): (path: string) => string {
  const known = typesOf(scope);
  const fallback = toByteString(scope.get(defaultType));
  return (path) => {
    const dot = path.lastIndexOf('.');
    if (dot === -1 || dot < path.lastIndexOf('/')) return fallback;
    return known.get(path.slice(dot + 1).toLowerCase()) ?? fallback;
  };
}

// "include mime.types;" and a block with a few more is what nearly every configuration has.
function typesOf(scope: Scope): Types {
  const [first = nginxDefault, ...more] = scope.get(types);
  if (more.length === 0) return first;
  return new Map([first, ...more].flatMap((block) => [...block]));
}

export const mimeTypesModule: Module = { name: 'types', directives: [types, defaultType] };
