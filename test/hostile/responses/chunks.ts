// The chunked coding (RFC 9112, 7.1): where a chunk can't be read, nobody knows where the body ends.
// What came before has gone to the client by then, so that it sees a cut.

import { cut, fin, flood, passed, refused, seen, type Form } from '../kit/response-form.ts';

const rfc = 'RFC 9112, 7.1';
const begun = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';

function bad(name: string, bytes: string, paragraph = rfc): Form {
  return cut(name, paragraph, [begun, seen, bytes]);
}

function good(name: string, bytes: string, body = 'hello', paragraph = rfc): Form {
  return passed(name, paragraph, [begun + bytes], { body });
}

const last = '0\r\n\r\n';
const extension = 'RFC 9112, 7.1.1';

export const chunks: readonly Form[] = [
  bad('a chunk size of letters', `xyz\r\nevil\r\n${last}`),
  bad('an empty chunk size', `\r\nevil\r\n${last}`),
  bad('a negative chunk size', `-4\r\nevil\r\n${last}`),
  bad('a chunk size with a plus', `+4\r\nevil\r\n${last}`),
  bad('a chunk size with 0x', `0x4\r\nevil\r\n${last}`),
  bad('a chunk size with a fraction', `4.0\r\nevil\r\n${last}`),
  bad('a chunk size with underscores', `0_4\r\nevil\r\n${last}`),
  bad('a space before a chunk size', ` 4\r\nevil\r\n${last}`),
  bad('a tab before a chunk size', `\t4\r\nevil\r\n${last}`),
  bad('a space behind a chunk size', `4 \r\nevil\r\n${last}`),
  bad('a chunk size in quotes', `"4"\r\nevil\r\n${last}`),
  bad('a comma behind a chunk size', `4,4\r\nevil\r\n${last}`),
  bad('NUL behind a chunk size', `4\0\r\nevil\r\n${last}`),
  bad('NUL before a chunk size', `\x004\r\nevil\r\n${last}`),
  bad('a chunk size beyond 2^53', 'fffffffffffffff\r\nevil'),
  bad('a chunk size beyond 64 bits', '10000000000000004\r\nevil'),
  bad('a chunk size that is 0 in 32 bits', `100000000000000000000000\r\n${last}`),
  bad('a chunk size of 2000 zeros', `${'0'.repeat(2000)}4\r\nevil\r\n${last}`),
  bad('a bare LF behind a chunk size', `4\nevil\r\n${last}`, 'RFC 9112, 2.2'),
  bad('a bare CR behind a chunk size', `4\revil\r\n${last}`, 'RFC 9112, 2.2'),
  cut('a chunk longer than its size', rfc, [begun, seen, `2\r\nabcd\r\n${last}`]),
  cut('a chunk shorter than its size', rfc, [begun, seen, `9\r\nabc\r\n${last}0000`]),
  bad('a bare LF behind the data', `1\r\na\n${last}`, 'RFC 9112, 2.2'),
  bad('a bare CR behind the data', `1\r\na\r${last}`, 'RFC 9112, 2.2'),
  bad('two CR behind the data', `1\r\na\r\r\n${last}`, 'RFC 9112, 2.2'),
  bad('no line end behind the data', `1\r\na${last}`),
  bad('a bare LF behind the last chunk', '0\n\n', 'RFC 9112, 2.2'),
  bad('bare LF as the end of the body', '0\r\n\n', 'RFC 9112, 2.2'),
  bad('a bare CR as the end of the body', '0\r\n\rX', 'RFC 9112, 2.2'),
  bad('a new status line where a chunk should be', 'HTTP/1.1 200 OK\r\n\r\nevil'),
  refused(
    'a bad chunk size in one segment with the head',
    rfc,
    [`${begun}xyz\r\nevil\r\n${last}`],
    {
      note: 'nothing has been sent yet',
    },
  ),
  cut('a bare LF in a chunk extension', extension, [begun, seen, `1;a\nb\r\na\r\n${last}`]),
  cut('a bare CR in a chunk extension', extension, [begun, seen, `1;a\rb\r\na\r\n${last}`]),
  cut('NUL in a chunk extension', extension, [begun, seen, `1;a\0\r\na\r\n${last}`]),
  cut('a space before a chunk extension', extension, [begun, seen, `1 ;a\r\na\r\n${last}`]),
  cut('a chunk extension of 2000 bytes', extension, [
    begun,
    seen,
    `1;${'e'.repeat(2000)}\r\na\r\n${last}`,
  ]),
  cut('a chunk extension without an end', extension, [begun, seen, '1;', flood('e'.repeat(400))]),
  cut('chunk extensions without an end', extension, [
    begun,
    seen,
    flood(`1;${'e'.repeat(500)}\r\na\r\n`),
  ]),
  good('a chunk extension', `1;a=b\r\n!\r\n0;c\r\n\r\n`, 'hello!', extension),
  good('a quoted chunk extension', `1;a="b;c"\r\n!\r\n${last}`, 'hello!', extension),
  good('zeros before a chunk size', `0001\r\n!\r\n000\r\n\r\n`, 'hello!'),
  good('a chunk size in capitals', `A\r\n0123456789\r\n${last}`, 'hello0123456789'),
  passed('chunks that look like chunks', rfc, [`${begun}5\r\n0\r\n\r\n\r\n${last}`], {
    body: 'hello0\r\n\r\n',
  }),
  passed('one byte in each of 500 chunks', rfc, [begun, '1\r\na\r\n'.repeat(500), last], {
    body: `hello${'a'.repeat(500)}`,
  }),
];

const trailer = 'RFC 9112, 7.1.2';

function badTrailer(name: string, lines: string): Form {
  return cut(name, trailer, [begun, seen, `0\r\n${lines}\r\n\r\n`]);
}

export const trailers: readonly Form[] = [
  badTrailer('a space before the colon of a trailer', 'X : evil'),
  badTrailer('a trailer without a colon', 'evil'),
  badTrailer('a trailer without a name', ': evil'),
  badTrailer('a folded trailer', 'X: a\r\n evil'),
  badTrailer('NUL in a trailer', 'X: a\0evil'),
  badTrailer('a bare LF in a trailer', 'X: a\nSet-Cookie: evil=1'),
  badTrailer('a bare CR in a trailer', 'X: a\rSet-Cookie: evil=1'),
  badTrailer('a status line among the trailers', 'HTTP/1.1 200 evil'),
  badTrailer('a trailer of 10000 bytes', `X: ${'x'.repeat(10_000)}`),
  badTrailer('1000 trailers', `${'X: y\r\n'.repeat(999)}X: y`),
  cut('trailers without an end', trailer, [begun, seen, '0\r\n', flood('X: evil\r\n'.repeat(50))]),
  cut('a trailer without an end', trailer, [begun, seen, '0\r\nX: ', flood('evil'.repeat(100))]),
  cut('the close within the trailers', trailer, [begun, seen, '0\r\nX: a\r\n', fin], {
    code: 'UPSTREAM_CLOSED_EARLY',
  }),
  passed(
    'trailers that frame, route or set cookies',
    'RFC 9110, 6.5.1',
    [
      `${begun}0\r\nContent-Length: 9\r\nTransfer-Encoding: evil\r\nSet-Cookie: evil=1\r\n` +
        'Location: /evil\r\nHost: evil\r\nConnection: close\r\n\r\n',
    ],
    { body: 'hello', trailers: [], note: 'without them' },
  ),
  passed('a trailer that nobody asked for', trailer, [`${begun}0\r\nX-Inside: evil\r\n\r\n`], {
    body: 'hello',
    trailers: [],
    note: 'without it, unless `proxy_pass_trailers` is on',
  }),
];
