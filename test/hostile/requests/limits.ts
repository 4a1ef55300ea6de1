// Heads beyond their limits, complete or not.

import { arrivesGet, get, post } from '../kit/request-form.ts';
import type { FormTable, RequestForm } from '../kit/request-form.ts';

const long = (bytes: number): string => 'a'.repeat(bytes);
const fieldLine = `X: ${long(1000)}\r\n`;

const forms: readonly RequestForm[] = [
  {
    name: 'a request line of more than 8 KB',
    bytes: [`GET /${long(9000)} HTTP/1.1\r\nHost: x\r\n\r\n`, `GET /?${long(8192)} HTTP/1.1\r\n`],
    status: 414,
    rfc: '9112 3',
  },
  {
    name: 'a request line that is too long and does not end',
    bytes: [`GET /${long(9000)}`, 'A'.repeat(9000), `GET / ${long(9000)}`],
    status: 414,
    open: true,
    rfc: '9112 3',
  },
  {
    name: 'a field line of more than 8 KB',
    bytes: [get(`X: ${long(9000)}`), get(`${'X'.repeat(9000)}: a`), get(`X:${' '.repeat(9000)}a`)],
    status: 431,
    rfc: '6585 5',
  },
  {
    name: 'a field line that is too long and does not end',
    bytes: [
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${long(9000)}`,
      `GET / HTTP/1.1\r\nHost: x\r\n${'X'.repeat(9000)}`,
    ],
    status: 431,
    open: true,
    rfc: '6585 5',
  },
  {
    name: 'a head of more than 32 KB',
    bytes: get(...Array.from({ length: 40 }, () => `X: ${long(1000)}`)),
    status: 431,
    rfc: '6585 5',
  },
  {
    name: 'a head that is too long and does not end',
    bytes: `GET / HTTP/1.1\r\nHost: x\r\n${fieldLine.repeat(40)}`,
    status: 431,
    open: true,
    rfc: '6585 5',
  },
  {
    name: 'more than 1,000 fields',
    bytes: get(...Array.from({ length: 1001 }, () => 'X: y')),
    status: 431,
    rfc: '6585 5',
    note: '`max_headers`',
  },
  {
    name: 'a Content-Length above `client_max_body_size`',
    bytes: [
      post(['Content-Length: 2000000']),
      post(['Content-Length: 9007199254740991'], 'a'),
      get('Content-Length: 1048577'),
    ],
    status: 413,
    rfc: '9110 15.5.14',
  },
  {
    name: 'a head of 30 KB within the limits',
    bytes: get(...Array.from({ length: 4 }, () => `X: ${long(7500)}`)),
    arrives: arrivesGet(...Array.from({ length: 4 }, () => `X: ${long(7500)}`)),
    rfc: '9110 5.4',
  },
];

export const limits: FormTable = {
  title: 'Sizes',
  intro:
    'The numbers are those of the defaults: `large_client_header_buffers 4 8k`, `max_headers`, ' +
    '`client_max_body_size 1m`. They count as the bytes come: a line need not end to be too long.',
  forms,
};
