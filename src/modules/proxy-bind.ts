// `proxy_bind`, `proxy_socket_keepalive`: with what the sockets to upstream servers are opened.

import { isIP } from 'node:net';
import { parseHostPort, type HostPort } from '../base/address.ts';
import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import type { Scope } from '../config/scope.ts';
import type { Exchange } from '../exchange/exchange.ts';
import type { Template } from '../exchange/template.ts';
import type { SocketRule } from '../forward/proxy-settings.ts';
import { logError } from '../server/request-log.ts';
import type { ConnectTarget, SocketSettings } from '../upstream/connect-target.ts';
import type { BuildContext } from './build-context.ts';
import { inHttpServerLocation } from './contexts.ts';
import { flagRow } from './row-shapes.ts';

/** For `proxy_bind` and its like. */
export const bindValue: ValueType<Argument | 'off'> = {
  expects: 'an address, perhaps with a port, or "off"',
  parse(node, help) {
    const [address, second] = node.args;
    if (address === undefined) return null;
    if (address.text === 'off' && second === undefined) return 'off';
    if (second !== undefined && second.text !== 'transparent') {
      help.error(second.at, `invalid parameter "${second.text}"`);
      return null;
    }
    if (!address.text.includes('$') && localAddress(address.text) === null) {
      help.error(address.at, `invalid address "${address.text}"`);
      return null;
    }
    if (second === undefined) return address;
    help.error(
      second.at,
      `"${node.name}" cannot be "transparent" here: Node.js cannot set IP_TRANSPARENT on a socket`,
      'bind to an address of this machine, and pass the address of the client in a field',
    );
    return null;
  },
};

export const proxyBind = directive<Argument | 'off' | null>({
  name: 'proxy_bind',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: bindValue,
  default: null,
  help:
    'Local address, and perhaps port, from which connections to upstream servers are made. "off" ' +
    'leaves it to the system, which is also what an empty value does.',
  differs:
    '"transparent" is refused: Node.js has no way to use an address that is not of this machine; ' +
    'connections from different addresses are never shared; an address that is not of this machine ' +
    'is answered 502 (nginx: 500)',
  example: 'proxy_bind 127.0.0.1;',
});

export const proxySocketKeepalive = flagRow({
  name: 'proxy_socket_keepalive',
  default: false,
  help: 'Whether connections to upstream servers are opened with SO_KEEPALIVE.',
  example: 'proxy_socket_keepalive on;',
});

/** Null: sockets have no settings. */
export function compileSocket(scope: Scope, context: BuildContext): SocketRule | null {
  return socketRule(scope.get(proxyBind), scope.get(proxySocketKeepalive), context);
}

/** The same for any module's rows of this kind. */
export function socketRule(
  given: Argument | 'off' | null,
  keepAlive: boolean,
  context: BuildContext,
): SocketRule | null {
  const bind = given === null || given === 'off' ? null : context.template(given);
  if (bind === null && !keepAlive) return null;
  const made = new WeakMap<ConnectTarget, ConnectTarget>();
  if (bind === null || bind.constant !== null) {
    const local = bind === null ? null : localAddress(bind.constant ?? '');
    return (_, target) => {
      let bound = made.get(target);
      if (bound === undefined) {
        bound = boundTarget(target, local, keepAlive);
        made.set(target, bound);
      }
      return bound;
    };
  }
  return (x, target) => boundTarget(target, chosenAddress(x, bind), keepAlive);
}

function chosenAddress(x: Exchange, bind: Template): HostPort | null {
  const text = bind.evaluate(x);
  const local = localAddress(text);
  if (local === null && text !== '') logError(x, 'error', `invalid local address "${text}"`);
  return local;
}

function boundTarget(
  target: ConnectTarget,
  local: HostPort | null,
  keepAlive: boolean,
): ConnectTarget {
  const socket: SocketSettings = {
    keepAlive,
    localAddress: local?.host ?? null,
    localPort: local?.port ?? 0,
  };
  // Where a connection comes from is part of what it is: the server may go by it.
  const from = local === null ? '' : `\0from ${local.host} ${local.port ?? 0}`;
  return { ...target, key: target.key + from, socket };
}

function localAddress(text: string): HostPort | null {
  if (isIP(text) === 6) return { host: text, port: null };
  const parsed = parseHostPort(text);
  return parsed !== null && isIP(parsed.host) !== 0 ? parsed : null;
}
