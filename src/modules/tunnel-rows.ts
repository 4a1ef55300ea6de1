// The rows of `tunnel_*`: CONNECT, with which a client asks for a connection to another host.

import type { Argument } from '../config/node.ts';
import { directive, type ValueType } from '../config/row.ts';
import { number, size, time } from '../config/value-types.ts';
import { conditions } from '../upstream/retry.ts';
import { inHttpServerLocation } from './contexts.ts';
import { bindValue } from './proxy-bind.ts';
import { flagRow, timeRow } from './row-shapes.ts';

const passValue: ValueType<Argument> = {
  expects: 'an address such as $host:$request_port, or nothing',
  parse: (node) => node.args[0] ?? { text: '$host:$request_port', quoted: false, at: node.at },
};

export const tunnelPass = directive<Argument | null>({
  name: 'tunnel_pass',
  contexts: ['server', 'location', 'if-in-location'],
  args: { min: 0, max: 1 },
  value: passValue,
  default: null,
  inherits: false,
  help:
    'Answers CONNECT by a connection to ADDRESS (host:port, unix:PATH or a group; without one, where ' +
    'the client wants to go: $host:$request_port), over which bytes pass both ways until both sides ' +
    'have ended. Other methods get 405, as CONNECT does where no tunnel_pass stands. Names in ' +
    'variables are looked up by resolver. Whoever may connect here reaches what this machine ' +
    'reaches: say with allow, deny and auth_basic who may, and with tunnel_allow_upstream or an ' +
    '"if" where to.',
  differs:
    'each side may end first and still listen; CONNECT with a body is answered 400; an address out ' +
    'of variables is a unix socket only with an absolute path; where a client can choose the target ' +
    'and nothing restricts it, that is warned of',
  example: 'tunnel_pass;',
});

const allowValue: ValueType<readonly Argument[]> = {
  expects: 'texts with variables',
  parse: (node) => node.args,
};

export const tunnelAllowUpstream = directive<readonly Argument[] | null>({
  name: 'tunnel_allow_upstream',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: allowValue,
  default: null,
  help:
    'Which servers may be connected to: all texts must be neither empty nor "0". They are evaluated ' +
    'before each connection, when its address is known ($upstream_last_addr), so that a name that ' +
    'leads to an address inside does not help. Else the answer is 403.',
  differs: 'a refusal does not count as a failure of the server',
  example: 'tunnel_allow_upstream $allow;',
});

export const tunnelBind = directive<Argument | 'off' | null>({
  name: 'tunnel_bind',
  contexts: inHttpServerLocation,
  args: { min: 1, max: 2 },
  value: bindValue,
  default: null,
  help:
    'Local address, and perhaps port, from which tunnels are connected. "off" leaves it to the ' +
    'system, which is also what an empty value does.',
  differs: '"transparent" is refused: Node.js has no way to use an address not of this machine',
  example: 'tunnel_bind 127.0.0.1;',
});

export const tunnelSocketKeepalive = flagRow({
  name: 'tunnel_socket_keepalive',
  default: false,
  help: 'Whether tunnels are connected with SO_KEEPALIVE.',
  example: 'tunnel_socket_keepalive on;',
});

export const tunnelConnectTimeout = timeRow({
  name: 'tunnel_connect_timeout',
  default: '60s',
  help: 'Time for connecting.',
  example: 'tunnel_connect_timeout 5s;',
});

export const tunnelSendTimeout = timeRow({
  name: 'tunnel_send_timeout',
  default: '60s',
  help: 'Time for which a server may take nothing of what waits for it.',
  example: 'tunnel_send_timeout 30s;',
});

export const tunnelReadTimeout = timeRow({
  name: 'tunnel_read_timeout',
  default: '60s',
  help: 'Time of silence in both directions that ends a tunnel.',
  example: 'tunnel_read_timeout 10m;',
});

export const tunnelBufferSize = directive({
  name: 'tunnel_buffer_size',
  contexts: inHttpServerLocation,
  args: 1,
  value: size,
  default: 16_384,
  defaultText: '16k',
  help: 'Most bytes that are read at once from a server.',
  differs: 'what is read from the client is not limited by it; it is 64k at once at most',
  example: 'tunnel_buffer_size 32k;',
});

/** When to try the next server. */
export interface TunnelRetry {
  /** Bits of `conditions`. */
  readonly conditions: number;
  /** Also after a refusal by `tunnel_allow_upstream`. */
  readonly denied: boolean;
}

const nextUpstreamValue: ValueType<TunnelRetry> = {
  expects: 'any of error, timeout, denied, off',
  parse(node, help) {
    let bits = 0;
    let denied = false;
    let off = false;
    for (const { text, at } of node.args) {
      if (text === 'error') bits |= conditions.error.bit;
      else if (text === 'timeout') bits |= conditions.timeout.bit;
      else if (text === 'denied') denied = true;
      else if (text === 'off') off = true;
      else {
        help.error(at, `invalid value "${text}"`, nextUpstreamValue.expects);
        return null;
      }
    }
    return off ? { conditions: 0, denied: false } : { conditions: bits, denied };
  },
};

export const tunnelNextUpstream = directive<TunnelRetry>({
  name: 'tunnel_next_upstream',
  contexts: inHttpServerLocation,
  args: { min: 1, max: Infinity },
  value: nextUpstreamValue,
  default: { conditions: conditions.error.bit | conditions.timeout.bit, denied: false },
  defaultText: 'error timeout',
  help: 'What makes the next server of the group be tried, before the client has an answer.',
  example: 'tunnel_next_upstream error timeout denied;',
});

export const tunnelNextUpstreamTries = directive({
  name: 'tunnel_next_upstream_tries',
  contexts: inHttpServerLocation,
  args: 1,
  value: number(),
  default: 0,
  defaultText: '0',
  help: 'Most servers that are tried for one tunnel; 0 for all.',
  example: 'tunnel_next_upstream_tries 2;',
});

export const tunnelNextUpstreamTimeout = directive({
  name: 'tunnel_next_upstream_timeout',
  contexts: inHttpServerLocation,
  args: 1,
  value: time,
  default: 0,
  defaultText: '0',
  help: 'Time within which another server may be tried; 0 for any time.',
  example: 'tunnel_next_upstream_timeout 10s;',
});
