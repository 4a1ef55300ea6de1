// `valid_referers` and `$invalid_referer`: which sites may link to what is here.

import type { Argument } from '../config/node.ts';
import { listDirective, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { toByteString } from '../exchange/template.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Matcher } from '../exchange/matcher.ts';
import { ServerNames, type ServerName } from '../server/server-names.ts';
import type { BuildContext } from './build-context.ts';
import { inServerLocation } from './contexts.ts';
import { locationVariable } from './location-variable.ts';
import type { LocationBuild, Module } from './module.ts';
import { serverNames } from './server-name.ts';

const arguments_: ValueType<readonly Argument[]> = {
  expects: 'none, blocked, server_names, names of hosts with or without a path, or ~regex',
  parse: (node) => node.args,
};

export const validReferers = listDirective<readonly Argument[]>({
  name: 'valid_referers',
  contexts: inServerLocation,
  args: { min: 1, max: Infinity },
  value: arguments_,
  help:
    'Values of the request field Referer for which $invalid_referer is empty: "none" without the ' +
    'field, "blocked" for one without http:// or https://, "server_names" for the names of the ' +
    'server, names of hosts with "*" at one end and perhaps the beginning of a path, "~" and a ' +
    'regular expression for what follows the scheme. For other values it is "1".',
  example: 'valid_referers none blocked server_names *.example.com;',
});

const invalidReferer = locationVariable(
  'invalid_referer',
  'Empty if the field Referer is one of valid_referers, else "1".',
);

/** nginx's bounds. */
const shortestReferer = 'http://i.ru'.length;
const longestHost = 256;

interface Rules {
  none: boolean;
  blocked: boolean;
  /** By host: the beginning of a path, empty for all. */
  readonly hosts: ServerNames<string>;
  readonly ownHosts: ServerNames<string>;
  readonly patterns: Matcher[];
  /** Names so far, to find conflicts. */
  readonly written: Set<string>;
}

function compileRules(scope: Scope, given: readonly Argument[], context: BuildContext): Rules {
  const rules: Rules = {
    none: false,
    blocked: false,
    hosts: new ServerNames<string>(),
    ownHosts: new ServerNames<string>(),
    patterns: [],
    written: new Set<string>(),
  };
  for (const argument of given) addRule(rules, argument, scope, context);
  if (given.every(({ text }) => text === 'none' || text === 'blocked')) {
    const message =
      'the "none" or "blocked" referers are specified in the "valid_referers" directive without ' +
      'any valid referer';
    context.reportOnce('error', given[0]?.at ?? null, message);
  }
  return rules;
}

function addRule(rules: Rules, argument: Argument, scope: Scope, context: BuildContext): void {
  const { text, at } = argument;
  if (text === '') context.error(at, 'invalid referer ""');
  else if (text === 'none') rules.none = true;
  else if (text === 'blocked') rules.blocked = true;
  else if (text === 'server_names') addServerNames(rules, scope, context);
  else if (text.startsWith('~')) addPattern(rules, argument, context);
  else addHost(rules, argument, context);
}

function addServerNames(rules: Rules, scope: Scope, context: BuildContext): void {
  let server: Scope | null = scope;
  while (server !== null && server.context !== 'server') server = server.parent;
  if (server === null) return;
  // A name with a path of its own goes first.
  for (const name of serverNames(server, context).names) rules.ownHosts.add(name, '');
}

function addPattern(rules: Rules, { text, at }: Argument, context: BuildContext): void {
  if (text === '~') {
    context.error(at, 'empty regex in "~"');
    return;
  }
  const pattern = context.pattern(text.slice(1), at, 'i');
  if (pattern !== null) rules.patterns.push(pattern.regex);
}

function addHost(rules: Rules, { text, at }: Argument, context: BuildContext): void {
  const slash = text.indexOf('/');
  const host = hostPattern(slash === -1 ? text : text.slice(0, slash));
  const path = slash === -1 ? '' : toByteString(text.slice(slash));
  const written = slash === -1 ? text : text.slice(0, slash);
  if (host === null) {
    context.error(at, `invalid hostname or wildcard "${written}"`);
    return;
  }
  const taken = keysOf(host).some((key) => rules.written.has(key));
  if (taken) context.error(at, `conflicting parameter "${written}"`);
  for (const key of keysOf(host)) rules.written.add(key);
  rules.hosts.add(host, path);
}

/** What a name stands for that no other one may. */
function keysOf(host: ServerName): readonly string[] {
  if (host.kind === 'regex') return [];
  const bare = host.kind === 'leading' && host.bare ? [host.name.slice(1)] : [];
  return [host.name, ...bare];
}

function hostPattern(text: string): ServerName | null {
  const name = text.toLowerCase();
  const stars = name.split('*').length - 1;
  if (name.includes('..') || stars > 1) return null;
  if (stars === 0) {
    if (!name.startsWith('.')) return { kind: 'exact', name };
    return name.length > 1 ? { kind: 'leading', name, bare: true } : null;
  }
  if (name.startsWith('*.') && name.length > 2) {
    return { kind: 'leading', name: name.slice(1), bare: false };
  }
  if (name.endsWith('.*') && name.length > 2) return { kind: 'trailing', name: name.slice(0, -1) };
  return null;
}

function isValid(x: Exchange, rules: Rules): boolean {
  const referer = x.request.fields.get('referer');
  if (referer === null) return rules.none;
  const scheme = referer.length < shortestReferer ? null : /^https?:\/\//i.exec(referer);
  if (scheme === null) return rules.blocked;
  const rest = referer.slice(scheme[0].length);
  const host = rest.split(/[/:]/, 1)[0] ?? '';
  if (host.length > longestHost) return false;
  const name = host.toLowerCase();
  const path = rules.hosts.find(name, null);
  if (path !== null) return beginsWith(rest, path);
  return (
    rules.ownHosts.find(name, null) !== null ||
    rules.patterns.some((pattern) => pattern.exec(rest) !== null)
  );
}

function beginsWith(rest: string, path: string): boolean {
  if (path === '') return true;
  const slash = rest.indexOf('/');
  return slash !== -1 && rest.startsWith(path, slash);
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const given = scope.get(validReferers).flat();
  if (given.length === 0) return;
  const rules = compileRules(scope, given, context);
  invalidReferer.put(build, (x) => (isValid(x, rules) ? '' : '1'));
}

export const refererModule: Module = {
  name: 'referer',
  directives: [validReferers],
  variables: [invalidReferer.row],
  location,
};
