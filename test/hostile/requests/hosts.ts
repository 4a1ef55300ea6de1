// Host in all its forms.

import { arrivesGet } from '../kit/request-form.ts';
import type { FormTable, RequestForm } from '../kit/request-form.ts';

const rfc = '9112 3.2, 9110 7.2';

function withHost(...lines: readonly string[]): string {
  return ['GET / HTTP/1.1', ...lines, '', ''].join('\r\n');
}

function refused(name: string, ...values: readonly string[]): RequestForm {
  return { name, bytes: values.map((value) => withHost(`Host: ${value}`)), status: 400, rfc };
}

const forms: readonly RequestForm[] = [
  {
    name: 'no Host in HTTP/1.1',
    bytes: [withHost(), withHost('X: y'), withHost('X-Host: x', 'Hos: x', 'Host-: x')],
    status: 400,
    rfc,
  },
  {
    name: 'no Host beside an absolute target',
    bytes: 'GET http://x/ HTTP/1.1\r\n\r\n',
    status: 400,
    rfc,
  },
  {
    name: 'several Hosts, equal or not',
    bytes: [
      withHost('Host: x', 'Host: y'),
      withHost('Host: x', 'Host: x'),
      withHost('Host: x', 'X: y', 'hOST:x'),
      withHost('Host: x', 'Host:'),
      withHost('Host:', 'Host: x'),
      'GET / HTTP/1.0\r\nHost: x\r\nHost: y\r\n\r\n',
    ],
    status: 400,
    rfc,
  },
  {
    name: 'an empty Host',
    bytes: [withHost('Host:'), withHost('Host: \t')],
    status: 400,
    rfc: '9110 4.2.1',
    note: 'an http URI has a host',
  },
  refused('a list', 'a, b', 'a,b', 'a b', 'a;b, c', 'a\tb'),
  refused('a user', 'u@x', 'u:p@x', '@x'),
  refused(
    'a path, query, fragment or scheme',
    'x/y',
    'x?y',
    'x#y',
    'http://x',
    'x\\y',
    '/x',
    'x:80/',
  ),
  refused(
    'a port that is none',
    'x:y',
    'x:99999',
    'x:-1',
    'x:80:80',
    'x:0x50',
    'x: 80',

    ':80',
  ),
  refused(
    'bytes that no host has',
    '"x"',
    '<x>',
    'x|y',
    'x^y',
    'x`y',
    '{x}',
    'x\xe9',
    '\xa0x',
    'x%',
  ),
  refused('an escape that is none', 'x%zz', 'x%4', '%'),
  refused('empty labels', '.', '..', '.x', 'x..y', 'x.y..'),
  refused(
    'a malformed IPv6 address',
    '[::1',
    '::1',
    '[::1]x',
    '[x]',
    '[]',
    '[::1%25eth0]',
    '[v1.x]',
  ),
  {
    name: 'a control byte or folding in Host',
    bytes: ['x\0y', 'x\x01', 'x\x7f', 'x\r\n y', 'x\ry', 'x\ny', '\x0bx'].map((value) =>
      withHost(`Host: ${value}`),
    ),
    status: 400,
    rfc: '9110 5.5, 9112 5.2',
  },
  {
    name: 'white space before the colon of Host',
    bytes: [withHost('Host : x'), withHost('Host\t: x'), withHost(' Host: x')],
    status: 400,
    rfc: '9112 5.1',
  },
  {
    name: 'a name, an address, with or without a port',
    bytes: [
      'x',
      'X.Y-Z_0~!',
      'x.',
      'x:8080',
      'x:',
      '127.0.0.1:80',
      '[::1]',
      '[2001:db8::1]:443',
      'x%41',
      "a$&'()*+;=b",
    ].map((value) => withHost(`Host: ${value}`)),
    arrives: arrivesGet(),
    rfc,
    note: 'chooses the server; goes on only where `proxy_set_header` says so',
  },
  {
    name: '`X-Forwarded-Host`, `X-Host`, `Forwarded`',
    bytes: withHost('Host: x', 'X-Forwarded-Host: y', 'X-Host: y', 'Forwarded: host=y'),
    arrives: arrivesGet('X-Forwarded-Host: y', 'X-Host: y', 'Forwarded: host=y'),
    rfc: '9110 7.2',
    note: 'mean nothing here; pass unless `proxy_set_header` sets them',
  },
];

export const hosts: FormTable = {
  title: 'Host',
  intro:
    'Exactly one in HTTP/1.1, at most one in HTTP/1.0: a host with an optional port. The Host that ' +
    'goes upstream is that of `proxy_pass` or of `proxy_set_header`.',
  forms,
};
