// Fields about this hop: Connection and what it names, expectations.

import { arrivesGet, doorFields, get, post } from '../kit/request-form.ts';
import type { Door, FormTable, RequestForm } from '../kit/request-form.ts';

const rfc = '9110 7.6.1';

/** What end-to-end fields are needed for behind this proxy. */
const needed = [
  'Host',
  'Content-Length',
  'Transfer-Encoding',
  'Content-Type',
  'Content-Encoding',
  'Authorization',
  'Proxy-Authorization',
  'Cookie',
  'Origin',
  'Forwarded',
  'Via',
  'X-Real-IP',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Proto',
  'X-Forwarded-Client-Cert',
  'X-Client-IP',
  'X-Cluster-Client-IP',
  'True-Client-IP',
  'CF-Connecting-IP',
  'Fastly-Client-IP',
  'Client-Cert',
  'Client-Cert-Chain',
];

function arrivesThrough(door: Door, ...lines: readonly string[]): string {
  return arrivesGet(...lines).replace('Host:', `${doorFields[door]}Host:`);
}

const options: readonly RequestForm[] = [
  {
    name: 'Connection names a field that frames, routes or identifies',
    bytes: needed.flatMap((name) => [
      get(`Connection: close, ${name}`),
      get(`Connection: ${name.toLowerCase()}`),
      get('Connection: keep-alive', `connection:,\t${name.toUpperCase()} ,x`, 'X: y'),
    ]),
    status: 400,
    rfc,
    note: `${needed.slice(0, -1).join(', ')} and any X-Forwarded-*`,
  },
  {
    name: 'an option that is no token',
    bytes: ['a b', '(c)', 'x=1', '"close"', 'close;x', '\xe9', 'x:'].map((option) =>
      get(`Connection: ${option}`),
    ),
    status: 400,
    rfc,
  },
  {
    name: 'more than 50 options',
    bytes: [
      get(`Connection: ${'x, '.repeat(51)}`),
      get(...Array.from({ length: 51 }, (_, i) => `Connection: x${i}`)),
    ],
    status: 400,
    rfc,
    note: 'each field of the request is looked for among them',
  },
  {
    name: 'Connection names other fields',
    bytes: [
      get('Connection: keep-alive, X-Mine', 'X-Mine: 1', 'A: b'),
      get('X-Mine: 1', 'A: b', 'x-mine: 2', 'Connection: x-MINE', 'X-Mine: 3'),
      get('Connection: ,, X-Mine ,\t', 'Connection: not-there', 'X-Mine: 1', 'A: b'),
    ],
    arrives: arrivesGet('A: b'),
    rfc,
    note: 'they are left out, as fields of this hop',
  },
  {
    name: 'Connection names what `proxy_set_header` sets',
    bytes: get('Connection: X-Verified-By', 'X-Verified-By: me', 'A: b'),
    arrives: arrivesThrough('identity', 'A: b'),
    rfc,
    door: 'identity',
    note: 'what this proxy writes is written all the same',
  },
  {
    name: 'fields that `proxy_set_header` sets',
    bytes: get(
      'X-Real-IP: 1.2.3.4',
      'x-forwarded-for: 1.2.3.4',
      'X-VERIFIED-BY: me',
      'Forwarded: for=1.2.3.4',
      'A: b',
    ),
    arrives: arrivesThrough('identity', 'A: b'),
    rfc: '9110 7.6',
    door: 'identity',
    note: 'only ours go on, whatever the case of the name',
  },
  {
    name: 'Keep-Alive, Proxy-Connection, TE, Trailer, Upgrade, HTTP2-Settings, unnamed',
    bytes: get(
      'Keep-Alive: timeout=5',
      'Proxy-Connection: keep-alive',
      'TE: trailers',
      'Trailer: X',
      'Upgrade: websocket',
      'HTTP2-Settings: AAMAAABkAAQAAP__',
      'A: b',
    ),
    arrives: arrivesGet('A: b'),
    rfc,
    note: 'never go on, named in Connection or not',
  },
  {
    name: '`Connection: close`',
    bytes: [
      get('Connection: close'),
      get('Connection: keep-alive, CLOSE'),
      get('Connection: x', 'connection: Close'),
    ],
    arrives: arrivesGet(),
    closes: true,
    rfc: '9112 9.6',
    note: 'what follows is not read',
  },
];

const expectations: readonly RequestForm[] = [
  {
    name: '`Expect: 100-continue`',
    bytes: [
      post(['Content-Length: 3', 'Expect: 100-continue'], 'abc'),
      post(['Transfer-Encoding: chunked', 'expect: 100-CONTINUE'], '3\r\nabc\r\n0\r\n\r\n'),
      post(['Content-Length: 3', 'Expect: , 100-continue,100-continue'], 'abc'),
      post(['Content-Length: 3', 'Expect:'], 'abc'),
    ],
    arrives: 'POST / HTTP/1.1\r\nHost: backend\r\nContent-Length: 3\r\n\r\nabc',
    rfc: '9110 10.1.1',
    note: 'answered by this proxy, and not passed on',
  },
  {
    name: '`Expect: 100-continue` without a body',
    bytes: get('Expect: 100-continue'),
    arrives: arrivesGet(),
    rfc: '9110 10.1.1',
  },
  {
    name: 'any other expectation',
    bytes: [
      'x',
      '100-continue, x',
      'x, 100-continue',
      '200-ok',
      '100-continue=1',
      '100 continue',
    ].map((value) => post([`Expect: ${value}`, 'Content-Length: 3'], 'abc')),
    status: 417,
    rfc: '9110 10.1.1',
  },
  {
    name: 'expectations in HTTP/1.0',
    bytes: ['100-continue', 'x'].map(
      (value) => `GET / HTTP/1.0\r\nExpect: ${value}\r\nConnection: keep-alive\r\n\r\n`,
    ),
    arrives: arrivesGet(),
    rfc: '9110 10.1.1',
    note: 'mean nothing there',
  },
];

export const connections: FormTable = {
  title: 'Connection, Expect',
  intro:
    'Fields of a hop end at the hop. A client may name fields of its own in Connection; it cannot ' +
    'have those removed that framing, routing or identity rest on, nor any that this proxy writes.',
  forms: [...options, ...expectations],
};
