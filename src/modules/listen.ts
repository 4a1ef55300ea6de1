// `listen`: addresses, and which server is the default of each.

import { hostPortProblem, parseHostPort, type Address } from '../base/address.ts';
import { ipFamily } from '../base/ip-family.ts';
import { listDirective, type ParseHelp, type ValueType } from '../config/row.ts';
import type { Argument, DirectiveNode, Position } from '../config/node.ts';
import { inServer } from './contexts.ts';
import type { Module } from './module.ts';

/** One `listen`. A host name may stand for several addresses. */
export interface Listen {
  /** The address as written. */
  readonly text: string;
  readonly target:
    | { readonly kind: 'unix'; readonly path: string }
    | { readonly kind: 'ip'; readonly host: string; readonly port: number };
  readonly ssl: boolean;
  readonly proxyProtocol: boolean;
  readonly defaultServer: boolean;
  readonly backlog: number | null;
  readonly reusePort: boolean;
  /** null: not given; on is the default. */
  readonly ipv6Only: boolean | null;
  readonly at: Position;
}

interface Options {
  ssl: boolean;
  proxyProtocol: boolean;
  defaultServer: boolean;
  backlog: number | null;
  reusePort: boolean;
  ipv6Only: boolean | null;
}

type OptionRow = (options: Options, value: string) => string | null;

/** Each parameter; the result says what is wrong with the value. */
const parameters: Readonly<Record<string, OptionRow>> = {
  ssl: (options) => {
    options.ssl = true;
    return null;
  },
  proxy_protocol: (options) => {
    options.proxyProtocol = true;
    return null;
  },
  default_server: setDefault,
  default: setDefault,
  reuseport: (options) => {
    options.reusePort = true;
    return null;
  },
  // Every address is bound by itself here.
  bind: () => null,
  'backlog=': (options, value) => {
    if (!/^[1-9]\d{0,8}$/.test(value)) return `invalid backlog "backlog=${value}"`;
    options.backlog = Number(value);
    return null;
  },
  'ipv6only=': (options, value) => {
    if (value !== 'on' && value !== 'off') return `invalid ipv6only flags "${value}"`;
    options.ipv6Only = value === 'on';
    return null;
  },
};

function setDefault(options: Options): null {
  options.defaultServer = true;
  return null;
}

/** nginx has these too. */
const unsupported =
  /^(http2|quic|spdy|deferred|setfib=|fastopen=|rcvbuf=|sndbuf=|accept_filter=|so_keepalive=|multipath)/;

const value: ValueType<Listen> = {
  expects: 'an address, a port or unix:PATH, and parameters',
  parse(node, help) {
    const [first, ...rest] = node.args;
    if (first === undefined) return null;
    const target = readTarget(first, help);
    const options = readParameters(rest, help);
    if (target === null || options === null) return null;
    return { text: first.text, target, ...options, at: node.at };
  },
};

function readTarget(argument: Argument, help: ParseHelp): Listen['target'] | null {
  const { text } = argument;
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length);
    if (path !== '') return { kind: 'unix', path: help.resolvePath(path, 'prefix') };
  }
  const portOnly = /^\d+$/.test(text) ? Number(text) : null;
  if (portOnly !== null && portOnly <= 65_535)
    return { kind: 'ip', host: '0.0.0.0', port: portOnly };
  // Port 0 lets the system choose: of use to tests and embedders.
  const free = /^(.+):0$/.exec(text);
  const parsed = portOnly !== null ? null : parseHostPort(free === null ? text : (free[1] ?? ''));
  if (parsed === null) {
    const problem = portOnly === null ? hostPortProblem(text) : 'invalid port';
    help.error(argument.at, `${problem} in "${text}" of the "listen" directive`);
    return null;
  }
  const host = parsed.host === '*' ? '0.0.0.0' : parsed.host;
  return { kind: 'ip', host, port: free === null ? (parsed.port ?? 80) : 0 };
}

function readParameters(args: readonly Argument[], help: ParseHelp): Options | null {
  const options: Options = {
    ssl: false,
    proxyProtocol: false,
    defaultServer: false,
    backlog: null,
    reusePort: false,
    ipv6Only: null,
  };
  let valid = true;
  for (const one of args) {
    const equals = one.text.indexOf('=') + 1;
    const key = equals === 0 ? one.text : one.text.slice(0, equals);
    const row = parameters[key];
    const problem =
      row === undefined ? unknownParameter(one.text) : row(options, one.text.slice(equals));
    if (problem === null) continue;
    help.error(one.at, problem);
    valid = false;
  }
  return valid ? options : null;
}

function unknownParameter(text: string): string {
  return unsupported.test(text)
    ? `the "${text}" parameter of "listen" is not supported`
    : `invalid parameter "${text}"`;
}

export const listen = listDirective<Listen>({
  name: 'listen',
  contexts: inServer,
  args: { min: 1, max: Infinity },
  value,
  defaultText: '*:80 (as root) or *:8000',
  help:
    'Address, port or unix:PATH on which a server accepts connections. Parameters: ssl, ' +
    'proxy_protocol, default_server, backlog=N, reuseport, ipv6only=on|off, bind.',
  differs: 'each worker thread has a socket of its own (reuseport) where there are several',
  example: 'listen [::]:8080 reuseport;',
});

/** What a server listens on that has no `listen`. */
export function defaultListen(node: DirectiveNode, privileged: boolean): Listen {
  return {
    text: '*',
    target: { kind: 'ip', host: '0.0.0.0', port: privileged ? 80 : 8000 },
    ssl: false,
    proxyProtocol: false,
    defaultServer: false,
    backlog: null,
    reusePort: false,
    ipv6Only: null,
    at: node.at,
  };
}

/** The numeric addresses that a `listen` stands for; null where its host is unknown. */
export function listenAddresses(
  one: Listen,
  resolved: ReadonlyMap<string, readonly string[]>,
): Address[] | null {
  const { target } = one;
  if (target.kind === 'unix') return [{ kind: 'unix', path: target.path }];
  if (ipFamily(target.host) !== 0) return [{ kind: 'ip', host: target.host, port: target.port }];
  const found = resolved.get(target.host);
  if (found === undefined || found.length === 0) return null;
  return found.map((host) => ({ kind: 'ip', host, port: target.port }));
}

export const listenModule: Module = {
  name: 'listen',
  directives: [listen],
  hosts: (scope) =>
    (scope.own(listen) ?? []).flatMap(({ target }) =>
      target.kind === 'ip' && ipFamily(target.host) === 0 ? [target.host] : [],
    ),
};
