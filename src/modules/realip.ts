// `set_real_ip_from`, `real_ip_header`, `real_ip_recursive`: behind another proxy, whose word for the
// client's address is taken. Everything that looks at the address then sees the client's.

import { isIPv6, SocketAddress } from 'node:net';
import { forwardedAddress, isInAny, type ForwardingRules } from '../base/forwarded-address.ts';
import { parseNetwork, type Network } from '../base/network.ts';
import { directive, listDirective, type ValueType } from '../config/row.ts';
import type { Position } from '../config/node.ts';
import type { Scope } from '../config/scope.ts';
import { flag, text } from '../config/value-types.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { NEXT, type Handler } from '../exchange/handler.ts';
import { variable, type VariableRow } from '../exchange/variable.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import type { LocationBuild, Module } from './module.ts';

/** Whom to believe: a network, unix sockets, or the addresses of a host. */
interface Source {
  readonly network: Network | 'unix' | null;
  readonly host: string;
  readonly at: Position;
}

const sourceValue: ValueType<Source> = {
  expects: 'an address, a network such as 10.0.0.0/8, a host name or "unix:"',
  parse(node, help) {
    const [argument] = node.args;
    if (argument === undefined) return null;
    const { text: given, at } = argument;
    if (given === 'unix:') return { network: 'unix', host: '', at };
    const network = parseNetwork(given);
    if (network?.untidy === true) help.warn(at, `low address bits of ${given} are meaningless`);
    if (network === null && !isHostName(given)) {
      help.error(at, `host not found in set_real_ip_from "${given}"`, sourceValue.expects);
      return null;
    }
    return { network, host: given, at };
  },
};

function isHostName(given: string): boolean {
  return /^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?$/.test(given) && !/^[\d.]+$/.test(given);
}

export const setRealIpFrom = listDirective<Source>({
  name: 'set_real_ip_from',
  contexts: inHttpServerLocation,
  args: 1,
  value: sourceValue,
  help:
    'Addresses, networks or host names of proxies whose word for the address of the client is ' +
    'taken; "unix:" for connections over unix sockets. Host names are looked up at start.',
  example: 'set_real_ip_from 10.0.0.0/8;\nreal_ip_header X-Forwarded-For;',
});

export const realIpHeader = directive({
  name: 'real_ip_header',
  contexts: inHttpServerLocation,
  args: 1,
  value: text,
  default: 'X-Real-IP',
  defaultText: 'X-Real-IP',
  help:
    'Request field with the address of the client, or "proxy_protocol" for what the PROXY header ' +
    'of the connection says.',
  example: 'real_ip_header X-Forwarded-For;',
});

export const realIpRecursive = directive({
  name: 'real_ip_recursive',
  contexts: inHttpServerLocation,
  args: 1,
  value: flag,
  default: false,
  defaultText: 'off',
  help:
    'Whether of several addresses the last is taken that is not one of set_real_ip_from, or just ' +
    'the last.',
  example: 'real_ip_recursive on;',
});

/** Where the values of the field are. Null: the request says nothing. */
type Said = (x: Exchange) => readonly string[] | null;

function saidBy(header: string): Said {
  const name = header.toLowerCase();
  if (name === 'x-forwarded-for') return (x) => x.request.fields.all(name);
  // Of other fields only the first line counts.
  return (x) => {
    const value = x.request.fields.get(name);
    return value === null ? null : [value];
  };
}

function realAddress(said: Said, rules: ForwardingRules): Handler {
  return (x) => {
    const lines = said(x);
    if (lines === null || isTaken(x)) return NEXT;
    const found = forwardedAddress(x.remoteAddress, lines, rules);
    if (found !== null) {
      x.remoteAddress = canonical(found.address);
      x.remotePort = found.port;
    }
    return NEXT;
  };
}

function proxiedAddress(rules: ForwardingRules): Handler {
  return (x) => {
    const { proxied } = x.client;
    if (proxied === null || isTaken(x) || !rules.isTrusted(x.remoteAddress)) return NEXT;
    x.remoteAddress = canonical(proxied.sourceAddress);
    x.remotePort = proxied.sourcePort;
    return NEXT;
  };
}

// The server's settings go first; a location's own are for where those did not apply.
function isTaken(x: Exchange): boolean {
  return x.remoteAddress !== x.client.remoteAddress || x.remotePort !== x.client.remotePort;
}

/** As the system writes it: an IPv6 address has many forms. */
function canonical(address: string): string {
  return isIPv6(address) ? new SocketAddress({ address, family: 'ipv6' }).address : address;
}

function networksOf(sources: readonly Source[], context: BuildContext): Network[] {
  return sources.flatMap(({ network, host, at }) => {
    if (network === 'unix') return [];
    if (network !== null) return [network];
    const found = context.addresses.get(host) ?? [];
    if (found.length === 0) {
      context.reportOnce('error', at, `host not found in set_real_ip_from "${host}"`);
    }
    return found.flatMap((address) => parseNetwork(address) ?? []);
  });
}

function location(scope: Scope, build: LocationBuild, context: BuildContext): void {
  const sources = scope.get(setRealIpFrom);
  if (sources.length === 0 || !(build.isServer || differsFromServer(scope))) return;
  const networks = networksOf(sources, context);
  const unix = sources.some(({ network }) => network === 'unix');
  const rules: ForwardingRules = {
    isTrusted: (address) => (address === 'unix:' ? unix : isInAny(address, networks)),
    recursive: scope.get(realIpRecursive),
  };
  const header = scope.get(realIpHeader);
  const handler =
    header.toLowerCase() === 'proxy_protocol'
      ? proxiedAddress(rules)
      : realAddress(saidBy(header), rules);
  build.add(build.isServer ? 'rewrite' : 'preaccess', handler);
}

// What the server has already done need not be done again.
function differsFromServer(scope: Scope): boolean {
  const rows = [setRealIpFrom, realIpHeader, realIpRecursive] as const;
  for (let level: Scope | null = scope; level !== null; level = level.parent) {
    if (level.context === 'server') return false;
    const here = level;
    if (rows.some((row) => here.nodes(row).length > 0)) return true;
  }
  return false;
}

const rows: readonly VariableRow[] = [
  variable(
    'realip_remote_addr',
    'Address of the connection, whatever set_real_ip_from took for the client.',
    (x) => x.client.remoteAddress,
  ),
  variable('realip_remote_port', 'Port of the other end of the connection.', (x) =>
    x.client.remotePort === 0 ? '' : String(x.client.remotePort),
  ),
];

export const realipModule: Module = {
  name: 'realip',
  directives: [setRealIpFrom, realIpHeader, realIpRecursive],
  variables: rows,
  hosts: (scope) =>
    (scope.own(setRealIpFrom) ?? []).flatMap(({ network, host }) =>
      network === null ? [host] : [],
    ),
  location,
};
