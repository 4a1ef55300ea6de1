// Content-Length and Transfer-Encoding (RFC 9112, 6): a body that two readers could end at two places
// is nobody's.

import { passed, refused, type Form } from '../kit/response-form.ts';

const length = 'RFC 9112, 6.3 (5)';
const coding = 'RFC 9112, 6.1';

function head(lines: string, version = '1.1'): string {
  return `HTTP/${version} 200 OK\r\n${lines}\r\n\r\n`;
}

function badLength(name: string, lines: string): Form {
  return refused(name, length, [`${head(lines)}inside`]);
}

function badCoding(name: string, lines: string, paragraph = coding): Form {
  return refused(name, paragraph, [`${head(lines)}6\r\ninside\r\n0\r\n\r\n`]);
}

export const framingFields: readonly Form[] = [
  badLength('two equal Content-Length', 'Content-Length: 6\r\nContent-Length: 6'),
  badLength('two differing Content-Length', 'Content-Length: 6\r\nContent-Length: 60'),
  badLength('two Content-Length far apart', 'Content-Length: 6\r\nX: a\r\ncontent-length: 60'),
  badLength('a list of equal lengths', 'Content-Length: 6, 6'),
  badLength('a list of differing lengths', 'Content-Length: 6,60'),
  badLength('a length with a plus', 'Content-Length: +6'),
  badLength('a negative length', 'Content-Length: -6'),
  badLength('a hexadecimal length', 'Content-Length: 0x6'),
  badLength('a length with a fraction', 'Content-Length: 6.0'),
  badLength('a length with an exponent', 'Content-Length: 6e0'),
  badLength('a length with a space in it', 'Content-Length: 6 0'),
  badLength('a length in quotes', 'Content-Length: "6"'),
  badLength('a length with a semicolon', 'Content-Length: 6;a'),
  badLength('a length in other digits', 'Content-Length: \xb2'),
  badLength('an empty length', 'Content-Length:'),
  badLength('a length of 2^53', 'Content-Length: 9007199254740992'),
  badLength('a length beyond 64 bits', 'Content-Length: 18446744073709551622'),
  badLength('a length of letters', 'Content-Length: six'),
  passed('leading zeros', length, [`${head('Content-Length: 0000002')}ok`]),
  passed('a length with white space around', length, [`${head('Content-Length: \t2 ')}ok`]),
  badCoding(
    'Content-Length and Transfer-Encoding',
    'Content-Length: 6\r\nTransfer-Encoding: chunked',
    'RFC 9112, 6.3 (3)',
  ),
  badCoding(
    'Transfer-Encoding and Content-Length',
    'Transfer-Encoding: chunked\r\nContent-Length: 6',
    'RFC 9112, 6.3 (3)',
  ),
  badCoding(
    'Transfer-Encoding and a length of 0',
    'Transfer-Encoding: chunked\r\nContent-Length: 0',
    'RFC 9112, 6.3 (3)',
  ),
  badCoding('two Transfer-Encoding', 'Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked'),
  badCoding(
    'Transfer-Encoding: identity beside chunked',
    'Transfer-Encoding: identity\r\nTransfer-Encoding: chunked',
  ),
  badCoding('chunked twice', 'Transfer-Encoding: chunked, chunked'),
  badCoding('gzip, chunked', 'Transfer-Encoding: gzip, chunked', 'RFC 9112, 6.3 (4)'),
  badCoding('gzip alone', 'Transfer-Encoding: gzip', 'RFC 9112, 6.3 (4)'),
  badCoding('chunked before gzip', 'Transfer-Encoding: chunked, gzip', 'RFC 9112, 6.3 (4)'),
  badCoding('identity', 'Transfer-Encoding: identity'),
  badCoding('a coding that nobody knows', 'Transfer-Encoding: xchunked'),
  badCoding('chunked with a parameter', 'Transfer-Encoding: chunked;a=b'),
  badCoding('chunked in quotes', 'Transfer-Encoding: "chunked"'),
  badCoding('chunked with a comma', 'Transfer-Encoding: chunked,'),
  badCoding('a comma before chunked', 'Transfer-Encoding: ,chunked'),
  badCoding('an empty Transfer-Encoding', 'Transfer-Encoding:'),
  badCoding('chunked with a vertical tab', 'Transfer-Encoding: \x0bchunked', 'RFC 9110, 5.5'),
  refused('Transfer-Encoding in HTTP/1.0', coding, [
    `${head('Transfer-Encoding: chunked', '1.0')}6\r\ninside\r\n0\r\n\r\n`,
  ]),
  passed('CHUNKED in capitals', coding, [
    `${head('Transfer-Encoding: CHUNKED')}2\r\nok\r\n0\r\n\r\n`,
  ]),
  passed('chunked with white space around', coding, [
    `${head('Transfer-Encoding: \t chunked \t')}2\r\nok\r\n0\r\n\r\n`,
  ]),
  passed(
    'neither length nor coding',
    'RFC 9112, 6.3 (8)',
    [head('X: a'), 'o', 'k', { kind: 'fin' }],
    {
      connection: 'closed',
      note: 'up to the close; in chunks to HTTP/1.1 clients',
    },
  ),
  passed(
    'Connection: close',
    'RFC 9112, 9.6',
    [`${head('Content-Length: 2\r\nConnection: close')}ok`],
    {
      connection: 'closed',
    },
  ),
  passed(
    'HTTP/1.0 and no word of keepalive',
    'RFC 9112, 9.3',
    [`${head('Content-Length: 2', '1.0')}ok`],
    {
      connection: 'closed',
    },
  ),
  passed(
    'a malformed Connection',
    'RFC 9110, 7.6.1',
    [`${head('Content-Length: 2\r\nConnection: keep alive')}ok`],
    { connection: 'closed', note: 'may have meant close' },
  ),
  passed(
    'Connection names Content-Length',
    'RFC 9110, 7.6.1',
    [`${head('Content-Length: 2\r\nConnection: content-length')}ok`],
    { fields: [['Content-Length', '2']], note: 'framing is not taken away' },
  ),
  passed(
    'Connection names fields of its own',
    'RFC 9110, 7.6.1',
    [`${head('Content-Length: 2\r\nConnection: X\r\nX: a\r\nY: b')}ok`],
    {
      fields: [
        ['X', ''],
        ['Y', 'b'],
      ],
      note: 'without what it names',
    },
  ),
];
