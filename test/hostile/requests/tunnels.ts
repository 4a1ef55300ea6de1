// Requests that ask for a connection of their own: CONNECT, and Upgrade in all its forms. What becomes
// of the bytes once there is a tunnel is in ../tunnels.test.ts.

import { arrivesGet, arrivesPost, doorFields, get, post, smuggled } from '../kit/request-form.ts';
import type { FormTable, RequestForm } from '../kit/request-form.ts';

const target = 'x:443';

/** CONNECT with Host and these field lines, and then `rest` as it is. */
function connect(lines: readonly string[] = [], rest = ''): string {
  return [`CONNECT ${target} HTTP/1.1`, `Host: ${target}`, ...lines, '', ''].join('\r\n') + rest;
}

const bodies = [
  connect(['Content-Length: 3'], 'abc'),
  connect(['Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'),
  connect(['Transfer-Encoding: chunked'], '0\r\n\r\n'),
  connect(['Content-Length: 3', 'Expect: 100-continue'], 'abc'),
];

const broken = [
  connect(['Content-Length: 3', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
  connect(['Content-Length: 0', 'Content-Length: 0']),
  connect(['Content-Length: +0']),
  connect(['Transfer-Encoding: identity']),
  connect(['Transfer-Encoding : chunked'], '0\r\n\r\n'),
];

const connects: readonly RequestForm[] = [
  {
    name: 'CONNECT with other fields, where no tunnel is configured',
    bytes: [
      connect(['Connection: keep-alive', 'Proxy-Connection: keep-alive']),
      connect(['Connection: Upgrade', 'Upgrade: websocket']),
      connect(['Proxy-Authorization: Basic YTpi']),
      `CONNECT [::1]:443 HTTP/1.1\r\nHost: [::1]:443\r\n\r\n`,
      `CONNECT ${target} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
      ...bodies.slice(1),
    ],
    status: 405,
    rfc: '9110 9.3.6',
    note: 'what the client sends behind it is no request',
  },
  {
    name: 'CONNECT with malformed framing, where no tunnel is configured',
    bytes: broken,
    status: 400,
    rfc: '9112 6.1, 6.3',
  },
  {
    name: 'CONNECT with a body, where `tunnel_pass` stands',
    bytes: bodies,
    status: 400,
    rfc: '9110 9.3.6',
    door: 'tunnels',
    note: 'to some a body, to others the first bytes of the tunnel',
  },
  {
    name: 'CONNECT with malformed framing, where `tunnel_pass` stands',
    bytes: broken,
    status: 400,
    rfc: '9112 6.1, 6.3',
    door: 'tunnels',
  },
  {
    name: 'CONNECT to no host and port, or with another Host, where `tunnel_pass` stands',
    bytes: [
      ...['/', '*', 'x', 'x:', ':443', 'u@x:443', 'x:443/', 'x:99999', 'http://x/', 'x:443 y'].map(
        (place) => `CONNECT ${place} HTTP/1.1\r\nHost: ${place}\r\n\r\n`,
      ),
      ...['y:443', 'x:80', 'x:443, y:443'].map(
        (host) => `CONNECT ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
      ),
      `CONNECT ${target} HTTP/1.1\r\n\r\n`,
      `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nHost: ${target}\r\n\r\n`,
      `connect ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`,
    ],
    status: 400,
    rfc: '9112 3.2.3, 3.2',
    door: 'tunnels',
  },
  {
    name: 'CONNECT of HTTP/2.0, where `tunnel_pass` stands',
    bytes: `CONNECT ${target} HTTP/2.0\r\nHost: ${target}\r\n\r\n`,
    status: 505,
    rfc: '9110 15.6.6',
    door: 'tunnels',
  },
];

const websocket = ['Connection: Upgrade', 'Upgrade: websocket'];

/** What arrives through the door that passes Upgrade on, without one. */
function declined(request: string): string {
  return request.replace('Host:', `${doorFields.upgrades}Host:`);
}

/** What arrives through it with this Upgrade. */
function asked(request: string, upgrade = 'websocket'): string {
  return request.replace('Host:', `Upgrade: ${upgrade}\r\n${doorFields.upgrades}Host:`);
}

const frame = '\x81\x85\x00\x00\x00\x00hello';

const upgrades: readonly RequestForm[] = [
  {
    name: 'Upgrade where the configuration passes none on',
    bytes: [
      get(...websocket),
      get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
    ],
    arrives: arrivesGet(),
    rfc: '9110 7.8',
  },
  {
    name: 'Upgrade with a body where the configuration passes none on',
    bytes: [
      post([...websocket, 'Content-Length: 3'], 'abc'),
      post([...websocket, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'),
    ],
    arrives: arrivesPost('abc'),
    rfc: '9110 7.8',
  },
  {
    name: '`Upgrade: websocket` where the configuration passes Upgrade on',
    bytes: [
      get(...websocket),
      get('Upgrade: websocket', 'connection: keep-alive,UPGRADE'),
      get('Connection: x', 'Upgrade: websocket', 'Connection: upgrade'),
    ],
    arrives: asked(arrivesGet()),
    rfc: '9110 7.8',
    door: 'upgrades',
  },
  {
    name: 'Upgrade with a body where the configuration passes Upgrade on',
    bytes: [
      post([...websocket, 'Content-Length: 3'], 'abc'),
      post([...websocket, 'Transfer-Encoding: chunked'], '3\r\nabc\r\n0\r\n\r\n'),
      post([...websocket, 'Content-Length: 3', 'Expect: 100-continue'], 'abc'),
    ],
    arrives: asked(arrivesPost('abc')),
    rfc: '9110 7.8',
    door: 'upgrades',
    note: 'the body goes first, and what follows it is not part of it',
  },
  {
    name: 'Upgrade with a body that is a frame or a request',
    bytes: post([...websocket, 'Content-Length: 49'], frame + smuggled),
    arrives: asked(arrivesPost(frame + smuggled)),
    rfc: '9110 7.8, 9112 6.3',
    door: 'upgrades',
  },
  {
    name: 'Upgrade with malformed framing',
    bytes: [
      post([...websocket, 'Content-Length: 3', 'Transfer-Encoding: chunked'], '0\r\n\r\n'),
      post([...websocket, 'Content-Length: 3', 'Content-Length: 3'], 'abc'),
      post([...websocket, 'Content-Length: x'], 'abc'),
      post([...websocket, 'Transfer-Encoding: chunked'], 'x\r\n'),
      post([...websocket, 'Transfer-Encoding: identity'], 'abc'),
      post(['Connection: Upgrade, Content-Length', 'Upgrade: x', 'Content-Length: 3'], 'abc'),
      get('Connection: Upgrade, Host', 'Upgrade: websocket'),
      get('Connection: "Upgrade"', 'Upgrade: websocket'),
    ],
    status: 400,
    rfc: '9112 6.1, 6.3, 9110 7.6.1',
    door: 'upgrades',
  },
  {
    name: 'a frame where the next request should be',
    bytes: [frame, '\x00\x00\x00\x00', '\x88\x80abcd'],
    status: 400,
    rfc: '9112 3',
    door: 'upgrades',
    note: 'the client believes in a tunnel that there is not',
  },
  {
    name: 'several protocols',
    bytes: [
      get('Connection: Upgrade', 'Upgrade: websocket, chat/2'),
      get('Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: chat/2'),
    ],
    arrives: asked(arrivesGet(), 'websocket, chat/2'),
    rfc: '9110 7.8',
    door: 'upgrades',
  },
  {
    name: 'Upgrade that Connection does not name, or without a value',
    bytes: [
      get('Upgrade: websocket'),
      get('Connection: keep-alive', 'Upgrade: websocket'),
      get('Connection: upgraded, x-upgrade', 'Upgrade: websocket'),
      get('Connection: Upgrade'),
      get('Connection: Upgrade', 'Upgrade:'),
    ],
    arrives: declined(arrivesGet()),
    rfc: '9110 7.8',
    door: 'upgrades',
    note: 'goes on without it',
  },
  {
    name: 'Upgrade in HTTP/1.0',
    bytes: `GET / HTTP/1.0\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n`,
    arrives: declined(arrivesGet()),
    rfc: '9110 7.8',
    door: 'upgrades',
    note: 'means nothing there',
  },
  {
    name: 'Upgrade with `Connection: close`',
    bytes: [
      get('Connection: close, Upgrade', 'Upgrade: websocket'),
      get('Connection: Upgrade', 'Upgrade: websocket', 'Connection: close'),
    ],
    arrives: asked(arrivesGet()),
    closes: true,
    rfc: '9110 7.8, 9112 9.6',
    door: 'upgrades',
  },
  {
    name: '`Upgrade: h2c` where the configuration passes Upgrade on',
    bytes: [
      get('Connection: Upgrade', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
      get('Connection: Upgrade', 'Upgrade: websocket, H2C', 'HTTP2-Settings: AAMAAABk'),
      get('Connection: Upgrade', 'Upgrade: websocket', 'Upgrade: h2c'),
      get('Connection: Upgrade', 'Upgrade: h2'),
      get('Connection: Upgrade', 'Upgrade: h2c-14'),
      get('Connection: Upgrade', 'Upgrade:\th2c '),
      get('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk'),
    ],
    arrives: declined(arrivesGet()),
    rfc: '9110 7.8, 9113 3.1',
    door: 'upgrades',
    note: 'would carry requests past the proxy; HTTP2-Settings stays behind as well',
  },
  {
    name: '`Upgrade: TLS/1.0`, `HTTP/2.0` where the configuration passes Upgrade on',
    bytes: ['TLS/1.0', 'TLS/1.2, HTTP/1.1', 'http/1.1', 'HTTP/2.0', 'websocket, tls/1.3'].map(
      (upgrade) => get('Connection: Upgrade', `Upgrade: ${upgrade}`),
    ),
    arrives: declined(arrivesGet()),
    rfc: '9110 7.8, 2817 3',
    door: 'upgrades',
    note: 'as h2c',
  },
];

export const tunnels: FormTable = {
  title: 'Tunnels: CONNECT, Upgrade',
  intro:
    'What follows such a request is read as a request, or goes to the other side as it is: this ' +
    'proxy, the client and the server must agree which. Upgrade goes on where the configuration ' +
    'says so; here the server declines it, and what follows is the next request.',
  forms: [...connects, ...upgrades],
};
