// `map`: a variable whose value is chosen by the value of others.

import type { Argument, DirectiveNode } from '../config/node.ts';
import { rawBlockListDirective, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { toByteString, type Template } from '../exchange/template.ts';
import type { BuildContext } from './build-context.ts';
import { inHttp } from './contexts.ts';
import { MapTable } from './map-table.ts';
import type { Module } from './module.ts';
import { defineOwnVariable, definedName, type OwnVariableSpec } from './own-variable.ts';

/** A line of the block. */
interface Entry {
  readonly key: string;
  readonly kind: 'exact' | 'hostname' | 'regex' | 'caseless regex';
  readonly value: Argument;
  readonly node: DirectiveNode;
}

interface MapBlock extends OwnVariableSpec {
  readonly source: Argument;
  readonly hostnames: boolean;
  readonly entries: readonly Entry[];
  readonly fallback: Argument | null;
}

/** A block while it is read. */
interface Draft {
  hostnames: boolean;
  volatile: boolean;
  fallback: Argument | null;
  readonly entries: Entry[];
}

const mapValue: ValueType<MapBlock> = {
  expects: 'what to look up, the variable to define, and a block of values',
  parse(node, help) {
    const [source] = node.args;
    const name = definedName(node, help);
    const draft: Draft = { hostnames: false, volatile: false, fallback: null, entries: [] };
    for (const line of node.block ?? []) readLine(line, draft, help);
    if (name === null || source === undefined) return null;
    return { name, node, source, ...draft };
  },
};

function readLine(line: DirectiveNode, draft: Draft, help: ParseHelp): void {
  const [value, ...others] = line.args;
  if (value === undefined && line.name === 'hostnames') {
    draft.hostnames = true;
  } else if (value === undefined && line.name === 'volatile') {
    draft.volatile = true;
  } else if (value === undefined || others.length > 0) {
    help.error(line.at, 'invalid number of the map parameters', 'each line is: text value;');
  } else if (line.name === 'default') {
    if (draft.fallback === null) draft.fallback = value;
    else help.error(line.at, 'duplicate default map parameter');
  } else {
    draft.entries.push(readEntry(line, value, draft.hostnames));
  }
}

function readEntry(node: DirectiveNode, value: Argument, hostnames: boolean): Entry {
  const text = node.name;
  if (text.startsWith('~*')) return { key: text.slice(2), kind: 'caseless regex', value, node };
  if (text.startsWith('~')) return { key: text.slice(1), kind: 'regex', value, node };
  const key = text.startsWith('\\') ? text.slice(1) : text;
  return { key, kind: hostnames ? 'hostname' : 'exact', value, node };
}

export const map = rawBlockListDirective<MapBlock>({
  name: 'map',
  contexts: inHttp,
  args: 2,
  value: mapValue,
  help:
    'Defines a variable by the value of others. Each line has a text, or a regular expression ' +
    'after "~" or "~*", and the value for it; "default" is for all else. A text is looked up ' +
    'without regard to case, before the expressions, which are tried in order. "hostnames" lets ' +
    'texts be "*.example.com", ".example.com" and "www.example.*"; "volatile" keeps no value for ' +
    'the rest of the request; "\\" stands before a text that would mean something else.',
  example:
    'map $http_upgrade $connection_upgrade {\n' +
    '    default upgrade;\n' +
    '    ""      close;\n' +
    '}\n' +
    'map $host $site {\n' +
    '    hostnames;\n' +
    '    default       main;\n' +
    '    *.example.com inner;\n' +
    '    ~^(?<shop>[a-z]+)\\.shops\\. shop-$shop;\n' +
    '}',
});

function compileTable(block: MapBlock, context: BuildContext): MapTable<Template> {
  const table = new MapTable<Template>();
  for (const { key, kind, value, node } of block.entries) {
    const template = context.template(value);
    if (kind === 'regex' || kind === 'caseless regex') {
      const pattern = context.pattern(key, node.at, kind === 'regex' ? '' : 'i');
      if (pattern !== null) table.addPattern(pattern, template);
      continue;
    }
    const text = toByteString(key);
    const added =
      kind === 'hostname' ? table.addHostname(text, template) : table.addExact(text, template);
    if (added === 'invalid') context.error(node.at, `invalid hostname or wildcard "${key}"`);
    else if (added === 'conflict') {
      context.error(node.at, `conflicting parameter "${key.toLowerCase()}"`);
    }
  }
  return table;
}

function define(http: Scope, context: BuildContext): () => void {
  const defined = http.get(map).flatMap((block) => {
    const variable = defineOwnVariable(block, context);
    return variable === null ? [] : [{ block, variable }];
  });
  return () => {
    for (const { block, variable } of defined) {
      const source = context.template(block.source);
      const table = compileTable(block, context);
      const fallback = block.fallback === null ? null : context.template(block.fallback);
      const { hostnames } = block;
      variable.compute((x) => {
        const text = source.evaluate(x);
        const chosen = table.find(hostnames ? withoutLastDot(text) : text, x) ?? fallback;
        return chosen === null ? '' : (chosen.constant ?? chosen.evaluate(x));
      });
    }
  };
}

function withoutLastDot(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

export const mapModule: Module = { name: 'map', directives: [map], define };
