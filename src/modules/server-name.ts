// `server_name`: exact names, wildcards and regular expressions.

import type { Argument } from '../config/node.ts';
import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { ServerName } from '../server/server-names.ts';
import type { BuildContext } from './build-context.ts';
import { inServer } from './contexts.ts';
import type { Module } from './module.ts';

const value: ValueType<readonly Argument[]> = {
  expects: 'names, wildcards such as *.example.com, or ~regular expressions',
  parse: (node) => node.args,
};

export const serverName = listDirective<readonly Argument[]>({
  name: 'server_name',
  contexts: inServer,
  args: { min: 1, max: Infinity },
  value,
  defaultText: '""',
  help: 'Names of a server: exact, "*.name", "name.*", ".name", "~regex", or "" for no Host.',
  example: 'server_name example.org *.example.org ~^www\\d+\\.example\\.org$;',
});

/** The name shown as `$server_name`, and all names for the match. */
export function serverNames(
  scope: Scope,
  context: BuildContext,
): { first: string; names: ServerName[] } {
  const given = (scope.own(serverName) ?? []).flat();
  const names: ServerName[] = [];
  for (const argument of given) {
    const name = readName(argument, context);
    if (name !== null) names.push(name);
  }
  if (given.length === 0) names.push({ kind: 'exact', name: '' });
  return { first: (given[0]?.text ?? '').replace(/^\./, ''), names };
}

function readName(argument: Argument, context: BuildContext): ServerName | null {
  const { text, at } = argument;
  if (text.startsWith('~')) {
    const pattern = context.pattern(text.slice(1), at, 'i');
    return pattern === null ? null : { kind: 'regex', pattern };
  }
  const name = text.toLowerCase();
  if (text === '$hostname') {
    context.error(at, '"$hostname" in "server_name" is not supported');
    return null;
  }
  if (/[/\s$]/.test(name) || name === '.') {
    context.error(at, `server name "${text}" is invalid`);
    return null;
  }
  if (name.startsWith('*.') && !name.slice(1).includes('*')) {
    return { kind: 'leading', name: name.slice(1), bare: false };
  }
  if (name.startsWith('.') && !name.includes('*')) return { kind: 'leading', name, bare: true };
  if (name.endsWith('.*') && !name.slice(0, -1).includes('*')) {
    return { kind: 'trailing', name: name.slice(0, -1) };
  }
  if (name.includes('*')) {
    context.error(
      at,
      `server name "${text}" is invalid`,
      'a "*" stands for whole labels at the very beginning or end only',
    );
    return null;
  }
  return { kind: 'exact', name };
}

export const serverNameModule: Module = { name: 'server_name', directives: [serverName] };
