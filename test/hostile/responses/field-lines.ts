// Field lines (RFC 9112, 5): one bad line spoils the head, since what the server meant by the lines
// around it is not known.

import { passed, refused, type Form } from '../kit/response-form.ts';

const rfc = 'RFC 9112, 5';
const value = 'RFC 9110, 5.5';

function head(lines: string): string {
  return `HTTP/1.1 200 OK\r\n${lines}\r\n\r\n`;
}

function bad(name: string, lines: string, paragraph = rfc): Form {
  return refused(name, paragraph, [`${head(`Content-Length: 6\r\n${lines}`)}inside`]);
}

function good(name: string, lines: string, fields: (readonly [string, string])[]): Form {
  return passed(name, rfc, [`${head(`Content-Length: 2\r\n${lines}`)}ok`], { fields });
}

export const fieldLines: readonly Form[] = [
  bad('a space before the colon', 'X : a', 'RFC 9112, 5.1'),
  bad('a tab before the colon', 'X\t: a', 'RFC 9112, 5.1'),
  bad('a space before the colon of Content-Length', 'Content-Length : 20', 'RFC 9112, 5.1'),
  bad(
    'a space before the colon of Transfer-Encoding',
    'Transfer-Encoding : chunked',
    'RFC 9112, 5.1',
  ),
  bad('a folded line', 'X: a\r\n b', 'RFC 9112, 5.2'),
  bad('a line folded with a tab', 'X: a\r\n\tSet-Cookie: evil=1', 'RFC 9112, 5.2'),
  bad('a folded length', 'X: a\r\n Content-Length: 20', 'RFC 9112, 5.2'),
  bad('a line of nothing but a space', 'X: a\r\n \r\nY: b', 'RFC 9112, 5.2'),
  refused('white space before the first field', 'RFC 9112, 2.2', [
    'HTTP/1.1 200 OK\r\n Content-Length: 6\r\n\r\ninside',
  ]),
  bad('a line without a colon', 'inside'),
  bad('an empty name', ': a'),
  bad('an empty name and value', ':'),
  bad('a space within a name', 'X Y: a'),
  bad('a name beyond ASCII', 'X\xe4: a', 'RFC 9110, 5.1'),
  bad('a name with a slash', 'X/Y: a', 'RFC 9110, 5.1'),
  bad('a name with brackets', 'X(Y): a', 'RFC 9110, 5.1'),
  bad('a name in quotes', '"X": a', 'RFC 9110, 5.1'),
  bad('NUL in a name', 'X\0: a', 'RFC 9110, 5.1'),
  bad('NUL in a value', 'X: a\0b', value),
  bad('NUL at the end of a value', 'X: a\0', value),
  bad('a bare CR in a value', 'X: a\rSet-Cookie: evil=1', 'RFC 9112, 2.2'),
  bad('a bare LF in a value', 'X: a\nSet-Cookie: evil=1', 'RFC 9112, 2.2'),
  bad('two CR before the LF', 'X: a\r\r\nSet-Cookie: evil=1', 'RFC 9112, 2.2'),
  bad('LF CR in place of CR LF', 'X: a\n\rSet-Cookie: evil=1', 'RFC 9112, 2.2'),
  bad('a backspace in a value', 'X: a\x08b', value),
  bad('an escape character in a value', 'X: \x1b[2Jevil', value),
  bad('DEL in a value', 'X: a\x7fb', value),
  bad('a vertical tab in a value', 'X: a\x0bb', value),
  bad('a form feed before a value', 'X:\x0ca', value),
  good(
    'an empty value',
    'X:',
    [['X', '']].map(() => ['X-None', ''] as const),
  ),
  good('white space around a value', 'X: \t a b \t ', [['X', 'a b']]),
  good('no space behind the colon', 'X:a', [['X', 'a']]),
  good('a value beyond ASCII', 'X: \xe4\xff', [['X', '\xe4\xff']]),
  good('a name of every other character', "!#$%&'*+-.^_`|~0aZ: a", [["!#$%&'*+-.^_`|~0aZ", 'a']]),
  good('names that look like framing', 'Content_Length: 20\r\nTransfer_Encoding: chunked', [
    ['Content_Length', '20'],
  ]),
];
