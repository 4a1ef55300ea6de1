// Line ends, control bytes, names and values of field lines.

import { arrivesGet, get, smuggled } from '../kit/request-form.ts';
import type { FormTable, RequestForm } from '../kit/request-form.ts';

function refusedLines(name: string, rfc: string, ...lines: readonly string[]): RequestForm {
  return { name, bytes: lines.map((line) => get(line)), status: 400, rfc };
}

function refusedHeads(name: string, rfc: string, ...heads: readonly string[]): RequestForm {
  return { name, bytes: heads, status: 400, rfc };
}

/** All control bytes but tab, CR and LF. */
const controls = Array.from({ length: 0x20 }, (_, code) => String.fromCharCode(code))
  .filter((char) => !'\t\r\n'.includes(char))
  .concat('\x7f');

const ends: readonly RequestForm[] = [
  refusedHeads('a bare LF at every line end', '9112 2.2', 'GET / HTTP/1.1\nHost: x\n\n'),
  refusedHeads('a bare LF behind the request line', '9112 2.2', 'GET / HTTP/1.1\nHost: x\r\n\r\n'),
  refusedHeads(
    'a bare LF behind a field, at the end, or within a value',
    '9112 2.2',
    'GET / HTTP/1.1\r\nHost: x\nX: y\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\n\n\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\n\n',
    'GET / HTTP/1.1\r\nHost: x\n\r\n\r\n',
    get('X: a\nContent-Length: 38'),
    get('X: a\n\nGET /smuggled HTTP/1.1\nHost: x'),
  ),
  refusedHeads(
    'a bare CR behind the request line, behind a field, or within a value',
    '9112 2.2',
    'GET / HTTP/1.1\rHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\r\nHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\r\n\r\n',
    'GET / HTTP/1.1\r\nHost: x\r\n\rX: y\r\n\r\n',
    get('X: a\rContent-Length: 38'),
    get('X: a\r'),
    get('X:\ra'),
  ),
  refusedHeads(
    'LF before CR',
    '9112 2.2',
    'GET / HTTP/1.1\n\rHost: x\n\r\n\r',
    get('X: a\n\rY: b'),
  ),
  refusedHeads('more than two empty lines before a request', '9112 2.2', `\r\n\r\n\r\n${get()}`),
  refusedHeads('a bare LF or CR before a request', '9112 2.2', `\n${get()}`, `\r${get()}`),
  refusedHeads('white space before a request', '9112 2.2, 3', ` ${get()}`, `\t${get()}`),
];

const folds: readonly RequestForm[] = [
  refusedLines(
    'a folded value',
    '9112 5.2',
    'X: a\r\n b',
    'X: a\r\n\tb',
    'X:\r\n b',
    'X: a\r\n \r\nY: b',
  ),
  refusedHeads(
    'white space before the first field',
    '9112 2.2',
    'GET / HTTP/1.1\r\n Host: x\r\n\r\n',
    'GET / HTTP/1.1\r\n\tHost: x\r\n\r\n',
    'GET / HTTP/1.1\r\n \r\nHost: x\r\n\r\n',
  ),
  refusedHeads(
    'an empty line that holds white space',
    '9112 2.2, 5.2',
    `GET / HTTP/1.1\r\nHost: x\r\n \r\n${smuggled}`,
    `GET / HTTP/1.1\r\nHost: x\r\n\t\r\n\r\n`,
  ),
];

const names: readonly RequestForm[] = [
  refusedLines('white space before the colon', '9112 5.1', 'X : a', 'X\t: a', 'X  \t : a'),
  refusedLines('a line without a colon', '9112 5', 'nonsense', 'X', 'GET / HTTP/1.1'),
  refusedLines('a field without a name', '9112 5, 9110 5.1', ': a', ':', '::'),
  refusedLines(
    'a control byte in a name',
    '9110 5.1',
    ...controls.map((control) => `X${control}Y: a`),
  ),
  refusedLines('a byte beyond ASCII in a name', '9110 5.1', 'X\xe9: a', '\xa0X: a', 'X\x85: a'),
  refusedLines(
    'a separator in a name',
    '9110 5.1, 5.6.2',
    ...[...'()<>@,;\\"/[]?={}'].map((char) => `X${char}Y: a`),
    'X Y: a',
  ),
  refusedLines(
    'a control byte in a value',
    '9110 5.5',
    ...controls.flatMap((control) => [`X: a${control}b`, `X:${control}`]),
  ),
  {
    name: '`X_Y`, `X.Y`, `X!`: tokens that are no usual names',
    bytes: get('X_Y: 1', 'X.Y: 2', 'X!: 3', '_: 4', 'A: b'),
    arrives: arrivesGet('A: b'),
    rfc: '9110 5.1',
    note: 'left out, as by nginx',
  },
  {
    name: '`X_Y` with `underscores_in_headers on`',
    bytes: get('X_Y: 1', 'X.Y: 2', 'A: b'),
    arrives: arrivesGet('X_Y: 1', 'A: b'),
    rfc: '9110 5.1',
    door: 'underscores',
  },
  {
    name: '`X_Y`, `X.Y`, `X!` with `ignore_invalid_headers off`',
    bytes: get('X_Y: 1', 'X.Y: 2', 'X!: 3'),
    arrives: arrivesGet('X_Y: 1', 'X.Y: 2', 'X!: 3'),
    rfc: '9110 5.1',
    door: 'all names',
  },
  {
    name: 'names that are no tokens with `ignore_invalid_headers off`',
    bytes: ['X : a', 'X(Y: a', 'X\0: a', ': a', 'X'].map((line) => get(line)),
    status: 400,
    rfc: '9112 5.1',
    door: 'all names',
  },
];

const accepted: readonly RequestForm[] = [
  {
    name: 'one or two empty lines before a request',
    bytes: [`\r\n${get('X: y')}`, `\r\n\r\n${get('X: y')}`],
    arrives: arrivesGet('X: y'),
    rfc: '9112 2.2',
    note: 'left over from a body by old clients; dropped',
  },
  {
    name: 'white space around a value',
    bytes: ['X:a b', 'X: a b', 'X:\t \ta b\t \t'].map((line) => get(line)),
    arrives: arrivesGet('X: a b'),
    rfc: '9112 5.1',
    note: 'written anew with one space before',
  },
  {
    name: 'an empty value, tabs and bytes beyond ASCII within one',
    bytes: get('X:', 'Y: a\tb', 'Z: \xe9\xff\x80', 'W: a:b'),
    arrives: arrivesGet('X: ', 'Y: a\tb', 'Z: \xe9\xff\x80', 'W: a:b'),
    rfc: '9110 5.5',
  },
  {
    name: 'the same field several times',
    bytes: get('X: a', 'Y: b', 'x: c'),
    arrives: arrivesGet('X: a', 'Y: b', 'x: c'),
    rfc: '9110 5.3',
    note: 'order, case and number stay',
  },
];

export const lines: FormTable = {
  title: 'Lines and fields',
  intro:
    'Lines end in CRLF and in nothing else. Names are tokens, values hold no control byte but tab. ' +
    'There is no lenient mode.',
  forms: [...ends, ...folds, ...names, ...accepted],
};
