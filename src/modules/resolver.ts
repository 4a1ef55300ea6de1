// `resolver` and `resolver_timeout`: who is asked for names that are only known while requests are
// served, or that change: hosts in variables, and servers with `resolve`.

import { formatHost, hostPortProblem, parseHostPort } from '../base/address.ts';
import { parseSeconds } from '../base/duration.ts';
import { ipFamily } from '../base/ip-family.ts';
import type { Argument, Position } from '../config/node.ts';
import { directive, type Context, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import { time } from '../config/value-types.ts';
import type { NameResolver, ResolverSettings } from '../upstream/resolver.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { Module } from './module.ts';

/** A `resolver` line; names of servers not looked up yet. */
interface ResolverLine extends Omit<ResolverSettings, 'servers'> {
  readonly servers: readonly Argument[];
}

interface Draft {
  validMs: number | null;
  ipv4: boolean;
  ipv6: boolean;
  statusZone: string | null;
}

const onOff: ReadonlyMap<string, boolean> = new Map([
  ['on', true],
  ['off', false],
]);

/** False: the value is invalid. */
type ParameterRow = (draft: Draft, value: string) => boolean;

const parameters: Readonly<Record<string, ParameterRow>> = {
  valid: (draft, value) => {
    const seconds = parseSeconds(value);
    // As in nginx, 0 is the same as nothing.
    draft.validMs = seconds === null || seconds === 0 ? null : seconds * 1000;
    return seconds !== null;
  },
  ipv4: (draft, value) => {
    draft.ipv4 = onOff.get(value) ?? true;
    return onOff.has(value);
  },
  ipv6: (draft, value) => {
    draft.ipv6 = onOff.get(value) ?? true;
    return onOff.has(value);
  },
  status_zone: (draft, value) => {
    draft.statusZone = value;
    return value !== '';
  },
};

const resolverValue: ValueType<ResolverLine | null> = {
  expects: 'addresses of name servers, and parameters',
  parse(node, help) {
    const draft: Draft = { validMs: null, ipv4: true, ipv6: true, statusZone: null };
    const servers: Argument[] = [];
    for (const argument of node.args) {
      const row = parameters[argument.text.split('=', 1)[0] ?? ''];
      if (row === undefined || !argument.text.includes('=')) servers.push(argument);
      else if (!row(draft, argument.text.slice(argument.text.indexOf('=') + 1))) {
        help.error(argument.at, `invalid parameter: ${argument.text}`);
        return null;
      }
    }
    return isComplete(draft, servers, { at: node.at, help }) ? { ...draft, servers } : null;
  },
};

function isComplete(
  { ipv4, ipv6 }: Draft,
  servers: readonly Argument[],
  { at, help }: { readonly at: Position; readonly help: ParseHelp },
): boolean {
  if (!ipv4 && !ipv6) {
    help.error(at, '"ipv4" and "ipv6" cannot both be "off"');
    return false;
  }
  if (servers.length === 0) {
    help.error(at, 'no name servers defined');
    return false;
  }
  const wrong = servers.filter(({ text }) => parseHostPort(text) === null);
  for (const one of wrong) {
    help.error(one.at, `${hostPortProblem(one.text)} in resolver "${one.text}"`);
  }
  return wrong.length === 0;
}

const inResolving: readonly Context[] = [...inHttpServerLocation, 'upstream'];

export const resolver = directive<ResolverLine | null>({
  name: 'resolver',
  contexts: inResolving,
  args: { min: 1, max: Infinity },
  value: resolverValue,
  default: null,
  help:
    'Name servers to be asked for hosts in variables, and for servers with "resolve": ADDRESS or ' +
    'ADDRESS:PORT, several for turns. Answers count for their TTL, or for valid=TIME; ipv4=off and ' +
    'ipv6=off leave addresses of that kind out; status_zone=NAME counts what is asked.',
  differs:
    'while the servers do not answer, addresses that were known before go on to be used; an answer ' +
    'that the name does not exist counts for a second',
  example: 'resolver 192.0.2.53 [2001:db8::53]:5353 valid=30s ipv6=off;',
});

export const resolverTimeout = directive({
  name: 'resolver_timeout',
  contexts: inResolving,
  args: 1,
  value: time,
  default: 30_000,
  defaultText: '30s',
  help: 'How long a request waits for the address of a host.',
  example: 'resolver_timeout 5s;',
});

/** What the `resolver` of a scope says; null where there is none, or after a reported error. */
export function resolverSettings(scope: Scope, context: BuildContext): ResolverSettings | null {
  const line = scope.get(resolver);
  if (line === null) return null;
  const servers: string[] = [];
  for (const argument of line.servers) {
    const { host, port } = parseHostPort(argument.text) ?? { host: '', port: null };
    const found = ipFamily(host) === 0 ? (context.addresses.get(host) ?? []) : [host];
    if (found.length === 0) {
      const message = `host not found in resolver "${argument.text}"`;
      context.reportOnce('error', argument.at, message);
      return null;
    }
    servers.push(...found.map((address) => `${formatHost(address)}:${port ?? 53}`));
  }
  const { validMs, ipv4, ipv6, statusZone } = line;
  return { servers, validMs, ipv4, ipv6, statusZone };
}

/** The resolver of a scope, shared by all with the same settings; null where there is none. */
export function resolverOf(scope: Scope, context: BuildContext): NameResolver | null {
  const settings = resolverSettings(scope, context);
  if (settings === null) return null;
  const { resolvers } = context.liveGroups;
  const found = resolvers.acquire(settings);
  context.disposers.push(() => resolvers.release(found));
  return found;
}

export const resolverModule: Module = {
  name: 'resolver',
  directives: [resolver, resolverTimeout],
  hosts: (scope) =>
    (scope.own(resolver)?.servers ?? []).flatMap(({ text }) => {
      const host = parseHostPort(text)?.host ?? '';
      return ipFamily(host) === 0 && host !== '' ? [host] : [];
    }),
  // A resolver that cannot be found is refused also where nothing asks it.
  location: (scope, _build, context) => {
    resolverSettings(scope, context);
  },
};
