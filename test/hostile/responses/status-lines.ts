// Status lines (RFC 9112, 4): whatever is not exactly one is no answer.

import { passed, refused, type Form } from '../kit/response-form.ts';

const rfc = 'RFC 9112, 4';
const end = '\r\nContent-Length: 6\r\n\r\ninside';

function bad(name: string, line: string, paragraph = rfc): Form {
  return refused(name, paragraph, [`${line}${end}`]);
}

function good(name: string, line: string, status = 200): Form {
  return passed(name, rfc, [`${line}\r\nContent-Length: 2\r\n\r\nok`], { status });
}

export const statusLines: readonly Form[] = [
  refused('another protocol that talks first', rfc, ['SSH-2.0-inside\r\n']),
  bad('another protocol with a status', 'ICY 200 OK'),
  bad('HTTP/0.9: a body without a head', '<html>inside</html>'),
  bad('an empty line before the status line', '\r\nHTTP/1.1 200 OK'),
  bad('a bare LF before the status line', '\nHTTP/1.1 200 OK'),
  bad('a space before the status line', ' HTTP/1.1 200 OK'),
  bad('the preface of HTTP/2', 'PRI * HTTP/2.0'),
  bad('frames of HTTP/2', '\0\0\x06\x04\0\0\0\0\0\0\x05\0\0\x10\0'),
  bad('a request in place of an answer', 'GET / HTTP/1.1'),
  bad('a byte order mark', '\xef\xbb\xbfHTTP/1.1 200 OK'),
  bad('the name of HTTP in small letters', 'http/1.1 200 OK', 'RFC 9112, 2.3'),
  bad('version 2.0', 'HTTP/2.0 200 OK', 'RFC 9112, 2.3'),
  bad('version 1.2', 'HTTP/1.2 200 OK', 'RFC 9112, 2.3'),
  bad('version 1.10', 'HTTP/1.10 200 OK', 'RFC 9112, 2.3'),
  bad('version 01.1', 'HTTP/01.1 200 OK', 'RFC 9112, 2.3'),
  bad('version 0.9', 'HTTP/0.9 200 OK', 'RFC 9112, 2.3'),
  bad('version without a minor number', 'HTTP/1 200 OK', 'RFC 9112, 2.3'),
  bad('version with a sign', 'HTTP/1.-1 200 OK', 'RFC 9112, 2.3'),
  bad('a version of letters', 'HTTP/1.x 200 OK', 'RFC 9112, 2.3'),
  bad('status 099', 'HTTP/1.1 099 OK'),
  bad('status 000', 'HTTP/1.1 000 OK'),
  bad('status 1000', 'HTTP/1.1 1000 OK'),
  bad('a status of two digits', 'HTTP/1.1 20 OK'),
  bad('a status of letters', 'HTTP/1.1 abc OK'),
  bad('a status with a sign', 'HTTP/1.1 +20 OK'),
  bad('a negative status', 'HTTP/1.1 -20 OK'),
  bad('a hexadecimal status', 'HTTP/1.1 0xC OK'),
  bad('a status with a fraction', 'HTTP/1.1 200.1 OK'),
  bad('no status', 'HTTP/1.1 OK'),
  bad('nothing behind the version', 'HTTP/1.1'),
  bad('no space before the status', 'HTTP/1.1200 OK'),
  bad('two spaces before the status', 'HTTP/1.1  200 OK'),
  bad('a tab before the status', 'HTTP/1.1\t200 OK'),
  bad('a tab behind the status', 'HTTP/1.1 200\tOK'),
  bad('no space behind the status', 'HTTP/1.1 200OK'),
  bad('NUL in the reason', 'HTTP/1.1 200 O\0K'),
  bad('a control character in the reason', 'HTTP/1.1 200 O\x1bK'),
  bad('a bare CR in the reason', 'HTTP/1.1 200 OK\rSet-Cookie: evil=1', 'RFC 9112, 2.2'),
  bad('a bare LF in the reason', 'HTTP/1.1 200 OK\nSet-Cookie: evil=1', 'RFC 9112, 2.2'),
  refused('a head whose lines end with LF', 'RFC 9112, 2.2', [
    'HTTP/1.1 200 OK\nContent-Length: 6\n\ninside',
  ]),
  refused('a head whose last lines end with LF', 'RFC 9112, 2.2', [
    'HTTP/1.1 200 OK\r\nContent-Length: 6\n\ninside',
  ]),
  refused('a head whose empty line is a bare LF', 'RFC 9112, 2.2', [
    'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\ninside',
  ]),
  good('HTTP/1.0 without keepalive', 'HTTP/1.0 200 OK\r\nConnection: keep-alive'),
  good('no reason and no space before it', 'HTTP/1.1 200'),
  good('no reason', 'HTTP/1.1 200 '),
  good('a reason of several words with tabs', 'HTTP/1.1 200 All\tis well '),
  good('a reason beyond ASCII', 'HTTP/1.1 200 \xfc\xa4'),
  good('a status that nobody knows', 'HTTP/1.1 299 OK', 299),
  good('status 599', 'HTTP/1.1 599 OK', 599),
  good('status 600', 'HTTP/1.1 600 OK', 600),
  good('status 999', 'HTTP/1.1 999 OK', 999),
];
