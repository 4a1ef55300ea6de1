// Chunked bodies: sizes, extensions, line ends, trailers.

import { arrivesPost, chunkedPost, post, smuggled } from '../kit/request-form.ts';
import type { FormTable, RequestForm } from '../kit/request-form.ts';

/** A body with one chunk, whose line of the size is this, and the last one. */
function oneByte(sizeLine: string): string {
  return chunkedPost(`${sizeLine}\r\na\r\n0\r\n\r\n`);
}

function badSize(name: string, ...sizes: readonly string[]): RequestForm {
  return { name, bytes: sizes.map(oneByte), status: 400, rfc: '9112 7.1' };
}

function badLine(name: string, ...bodies: readonly string[]): RequestForm {
  return { name, bytes: bodies.map(chunkedPost), status: 400, rfc: '9112 7.1, 2.2' };
}

const sizes: readonly RequestForm[] = [
  badSize('a size of other letters', 'xyz', 'g', 'one', '1g', '\xb9'),
  badSize('no size', '', ';x=y'),
  badSize('a sign', '+1', '-1', '-0'),
  badSize('`0x1`, `1h`, `\\x1`', '0x1', '0X1', '1h', '\\x1'),
  badSize('white space before the size', ' 1', '\t1', '\r\n1', '\x0b1'),
  badSize('white space behind the size', '1 ', '1\t', '1 ;x=y', '1 1'),
  badSize('`1_0`, `1,0`, `1.0`, `"1"`', '1_0', '1,0', '1.0', '"1"'),
  badSize('a NUL or another control byte', '1\0', '\x001', '1\x1f', '1\x7f'),
  badSize(
    'a size beyond 2^53 or 2^64',
    'ffffffffffffff',
    '20000000000000',
    '10000000000000001',
    'fffffffffffffffffffffffffffffffff1',
  ),
  badSize('more than 1,024 digits', `${'0'.repeat(1024)}1`, `${'0'.repeat(5000)}1`),
];

const lines: readonly RequestForm[] = [
  badLine('a bare LF behind the size', '1\na\r\n0\r\n\r\n', '1\r\na\r\n0\n\r\n'),
  badLine('a bare CR behind the size', '1\ra\r\n0\r\n\r\n', '1\r\ra\r\n0\r\n\r\n'),
  badLine('a bare LF behind the data', '1\r\na\n0\r\n\r\n'),
  badLine('a bare CR behind the data', '1\r\na\r0\r\n\r\n', '1\r\na\r\r\n0\r\n\r\n'),
  badLine('data longer than its size', '1\r\nab\r\n0\r\n\r\n', `1\r\na${smuggled}0\r\n\r\n`),
  badLine('data shorter than its size', '3\r\na\r\n0\r\n\r\n', 'a\r\nabc\r\n0\r\n\r\n'),
  badLine('no line end behind the data', '1\r\na0\r\n\r\n'),
  badLine('an empty line between chunks', '1\r\na\r\n\r\n0\r\n\r\n'),
  badLine('a bare LF at the end', '1\r\na\r\n0\r\n\n', '0\r\n\n'),
  badLine('a bare CR at the end', '1\r\na\r\n0\r\n\r\r\n', '0\r\n\rX: y\r\n\r\n'),
];

/** Extensions of a kilobyte, on one chunk after the other. */
function extensions(count: number): string {
  return `${`1;${'a'.repeat(1000)}\r\na\r\n`.repeat(count)}0\r\n\r\n`;
}

const extensionForms: readonly RequestForm[] = [
  {
    name: 'chunk extensions',
    bytes: [
      '3;a\r\nabc\r\n0\r\n\r\n',
      '3;a=b;c="d e"\r\nabc\r\n0;e\r\n\r\n',
      '3; a = b\r\nabc\r\n0 ; x\r\n\r\n'.replace('0 ;', '0;'),
      '3;\r\nabc\r\n00;\r\n\r\n',
      '3;a="\r\nabc\r\n0\r\n\r\n',
      `3;${'a'.repeat(1000)}\r\nabc\r\n0\r\n\r\n`,
    ].map(chunkedPost),
    arrives: arrivesPost('abc'),
    rfc: '9112 7.1.1',
    note: 'read over, never passed on, not even within quotes',
  },
  {
    name: 'chunk extensions of 15 KB in all',
    bytes: chunkedPost(extensions(15)),
    arrives: arrivesPost('a'.repeat(15)),
    rfc: '9112 7.1.1',
  },
  badLine('a line end or control byte in an extension', '1;a\nb\r\na\r\n0\r\n\r\n', '1;a\0b\r\na'),
  badLine(
    'a bare CR in an extension',
    '1;a\rb\r\na\r\n0\r\n\r\n',
    '1;a="\r\r\n"\r\na\r\n0\r\n\r\n',
  ),
  {
    name: 'an extension of more than 1,024 bytes',
    bytes: [
      chunkedPost(`1;${'a'.repeat(1100)}\r\na\r\n0\r\n\r\n`),
      chunkedPost(`1;${'a'.repeat(9000)}`),
    ],
    status: 400,
    rfc: '9112 7.1.1',
  },
  {
    name: 'extensions of more than 16 KB in all',
    bytes: chunkedPost(extensions(17)),
    status: 400,
    rfc: '9112 7.1.1',
  },
];

const trailerForms: readonly RequestForm[] = [
  {
    name: 'trailer fields, such as Content-Length, Host, Authorization, Cookie, X-Forwarded-For',
    bytes: [
      'X: y',
      'Content-Length: 38',
      'Transfer-Encoding: chunked',
      'Host: other',
      'Authorization: Basic eDp5',
      'Cookie: a=b\r\nX-Forwarded-For: 127.0.0.1',
      'X_Y: z\r\nA: b\r\nA: c',
    ].map((trailers) =>
      post(['Transfer-Encoding: chunked', 'Trailer: X'], `3\r\nabc\r\n0\r\n${trailers}\r\n\r\n`),
    ),
    arrives: arrivesPost('abc'),
    rfc: '9112 7.1.2, 9110 6.5.1',
    note: 'read and left out, all of them, and the field Trailer with them',
  },
  {
    name: 'a malformed trailer field',
    bytes: [
      'X : y',
      ' X: y',
      'X: y\r\n z',
      ': y',
      'X',
      'X: \0',
      'X: y\nZ: a',
      'X: y\rZ: a',
      'X\0: y',
    ].map((line) => chunkedPost(`1\r\na\r\n0\r\n${line}\r\n\r\n`)),
    status: 400,
    rfc: '9112 7.1.2, 5',
  },
  {
    name: 'trailers of more than 8 KB, or more than 100 of them',
    bytes: [
      chunkedPost(`0\r\n${'X: y\r\n'.repeat(3000)}\r\n`),
      chunkedPost(`0\r\n${'X: y\r\n'.repeat(101)}\r\n`),
      chunkedPost(`0\r\nX: ${'y'.repeat(9000)}`),
    ],
    status: 400,
    rfc: '9112 7.1.2',
  },
];

const accepted: readonly RequestForm[] = [
  {
    name: 'sizes in small and capital letters, with zeros before',
    bytes: ['a', 'A', '0a', `${'0'.repeat(1000)}A`].map((size) =>
      chunkedPost(`${size}\r\n0123456789\r\n0\r\n\r\n`),
    ),
    arrives: arrivesPost('0123456789'),
    rfc: '9112 7.1',
  },
  {
    name: 'many chunks; a last one of several zeros',
    bytes: chunkedPost(`${'1\r\na\r\n'.repeat(20)}000\r\n\r\n`),
    arrives: arrivesPost('a'.repeat(20)),
    rfc: '9112 7.1',
  },
  {
    name: 'no chunk but the last',
    bytes: chunkedPost('0\r\n\r\n'),
    arrives: arrivesPost(''),
    rfc: '9112 7.1',
  },
  {
    name: 'line ends, chunks and requests within the data',
    bytes: chunkedPost(`26\r\n${smuggled}\r\n9\r\n\r\n0\r\n\r\n\r\n\r\n0\r\n\r\n`),
    arrives: arrivesPost(`${smuggled}\r\n0\r\n\r\n\r\n`),
    rfc: '9112 7.1',
  },
  {
    name: 'a chunked body with GET, HEAD or DELETE',
    bytes: ['GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n'],
    arrives: 'GET / HTTP/1.1\r\nHost: backend\r\nContent-Length: 1\r\n\r\na',
    rfc: '9110 9.3.1',
  },
  {
    name: 'a chunked body above `client_max_body_size`',
    bytes: chunkedPost('8\r\n12345678\r\n8\r\n12345678\r\n0\r\n\r\n'),
    status: 413,
    rfc: '9110 15.5.14',
    door: 'small',
  },
];

export const chunks: FormTable = {
  title: 'Chunked bodies',
  intro:
    'Sizes are hexadecimal digits and nothing else; every line ends in CRLF. A body that is kept ' +
    'until it is complete (`proxy_request_buffering on`, the default) is refused before anything ' +
    'goes upstream; one that is passed on as it comes is cut off there, without a last chunk.',
  forms: [...sizes, ...lines, ...extensionForms, ...trailerForms, ...accepted],
};
