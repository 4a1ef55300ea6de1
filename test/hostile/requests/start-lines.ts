// The request line: methods, targets, versions, and what is no HTTP/1.1 at all.

import { arrivesGet, withLine } from '../kit/request-form.ts';
import type { FormTable, RequestForm } from '../kit/request-form.ts';

function refused(name: string, rfc: string, ...requestLines: readonly string[]): RequestForm {
  return { name, bytes: requestLines.map(withLine), status: 400, rfc };
}

/** A target that goes upstream as another, or as itself. */
function passed(name: string, target: string, arrives: string, note?: string): RequestForm {
  return {
    name,
    bytes: withLine(`GET ${target} HTTP/1.1`),
    arrives: arrivesGet().replace('GET /', `GET ${arrives}`),
    rfc: '9112 3.2',
    ...(note === undefined ? {} : { note }),
  };
}

const controls = [...'\0\x01\x08\t\n\x0b\x0c\r\x1b\x1f\x7f'];

const methods: readonly RequestForm[] = [
  refused('no method, or one in quotes', '9112 3.1', ' / HTTP/1.1', '"GET" / HTTP/1.1'),
  refused(
    'a method with other bytes than `A`-`Z`, `-`, `_`',
    '9112 3.1, 9110 9.1',
    'get / HTTP/1.1',
    'Get / HTTP/1.1',
    'G(T / HTTP/1.1',
    'GET: / HTTP/1.1',
    'G\xcbT / HTTP/1.1',
    'GET2 / HTTP/1.1',
    'GE\0T / HTTP/1.1',
    '\xef\xbb\xbfGET / HTTP/1.1',
  ),
  {
    name: 'TRACE, with and without a body',
    bytes: [
      withLine('TRACE / HTTP/1.1'),
      'TRACE / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nCookie: a=b\r\n\r\nabc',
    ],
    status: 405,
    rfc: '9110 9.3.8',
    note: 'would show secrets of the client to scripts',
  },
  {
    name: 'CONNECT where no tunnel is configured, with and without a body',
    bytes: [
      'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n',
      'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\nContent-Length: 3\r\n\r\nabc',
    ],
    status: 405,
    rfc: '9110 9.3.6',
  },
  {
    name: 'a method that is not known',
    bytes: withLine('M-SEARCH / HTTP/1.1'),
    arrives: arrivesGet().replace('GET', 'M-SEARCH'),
    rfc: '9110 9.1',
    note: 'for the upstream to judge',
  },
];

const spaces: readonly RequestForm[] = [
  refused(
    'more or other white space than one space between the parts',
    '9112 3',
    'GET  / HTTP/1.1',
    'GET /  HTTP/1.1',
    'GET / HTTP/1.1 ',
    'GET\t/ HTTP/1.1',
    'GET /\tHTTP/1.1',
    'GET\x0b/ HTTP/1.1',
    'GET /\x0cHTTP/1.1',
    'GET\xa0/ HTTP/1.1',
    'GET / HTTP/1.1\t',
    'GET / HTTP/1.1\0',
  ),
  refused('a space in the target', '9112 3.2', 'GET /a b HTTP/1.1', 'GET /a HTTP/1.1 HTTP/1.1'),
  refused(
    'a control byte in the target',
    '9112 3.2',
    ...controls.flatMap((control) => [`GET /a${control}b HTTP/1.1`, `GET /?a${control} HTTP/1.1`]),
    'GET /#\0 HTTP/1.1',
  ),
];

const targets: readonly RequestForm[] = [
  refused('an empty target', '9112 3.2', 'GET HTTP/1.1', 'GET  HTTP/1.1'),
  refused(
    'a target that does not begin with `/`',
    '9112 3.2',
    'GET x HTTP/1.1',
    'GET ?x HTTP/1.1',
    'GET #x HTTP/1.1',
    'GET \\x HTTP/1.1',
    'GET x:80 HTTP/1.1',
    'GET @x/ HTTP/1.1',
  ),
  refused(
    'another scheme than http and https',
    '9112 3.2.2, 9110 4.2',
    'GET ftp://x/ HTTP/1.1',
    'GET ws://x/ HTTP/1.1',
    'GET file:///etc/passwd HTTP/1.1',
    'GET http:/x HTTP/1.1',
    'GET http:x HTTP/1.1',
    'GET //:// HTTP/1.1'.replace('//://', '://x'),
  ),
  refused(
    'an absolute target with user, without host, or with a malformed one',
    '9112 3.2.2, 9110 4.2.1, 4.2.4',
    'GET http://u@x/ HTTP/1.1',
    'GET http://u:p@x/ HTTP/1.1',
    'GET http:/// HTTP/1.1',
    'GET http://:80/ HTTP/1.1',
    'GET http://x:y/ HTTP/1.1',
    'GET http://x:99999/ HTTP/1.1',
    'GET http://x,y/ HTTP/1.1',
    'GET http://x\\y/ HTTP/1.1',
    'GET http://[x]/ HTTP/1.1',
    'GET http://x#y HTTP/1.1',
  ),
  {
    name: 'an absolute target whose host is not that of Host',
    bytes: ['y', 'x:81', 'x.x', 'x.', 'y, x'].map(
      (host) => `GET http://x/ HTTP/1.1\r\nHost: ${host}\r\n\r\n`,
    ),
    status: 400,
    rfc: '9112 3.2, 3.2.2',
    note: 'RFC 9112 lets Host be overruled; no client may send it, so it is refused',
  },
  {
    name: 'an absolute target',
    bytes: [
      'GET http://x/a?b HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET HTTP://X:80/a?b HTTP/1.1\r\nHost: x\r\n\r\n',
      'GET https://x/a?b HTTP/1.1\r\nHost: x:443\r\n\r\n',
      'GET http://x/a?b HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    ],
    arrives: arrivesGet().replace('GET /', 'GET /a?b'),
    rfc: '9112 3.2.2',
    note: 'goes on in origin form',
  },
  {
    name: 'an absolute target without a path',
    bytes: 'GET http://x?b HTTP/1.1\r\nHost: x\r\n\r\n',
    arrives: arrivesGet().replace('GET /', 'GET /?b'),
    rfc: '9112 3.2.1',
  },
  refused(
    'authority form with another method, other forms with CONNECT',
    '9112 3.2.3',
    'GET x:443 HTTP/1.1',
    'OPTIONS x:443 HTTP/1.1',
    'CONNECT / HTTP/1.1',
    'CONNECT http://x/ HTTP/1.1',
    'CONNECT * HTTP/1.1',
    'CONNECT x HTTP/1.1',
    'CONNECT x: HTTP/1.1',
    'CONNECT :443 HTTP/1.1',
    'CONNECT u@x:443 HTTP/1.1',
    'CONNECT x:443/ HTTP/1.1',
  ),
  refused(
    '`*` with another method than OPTIONS, or with more behind it',
    '9112 3.2.4',
    'GET * HTTP/1.1',
    'POST * HTTP/1.1',
    'OPTIONS */a HTTP/1.1',
    'OPTIONS *?a HTTP/1.1',
    'OPTIONS ** HTTP/1.1',
  ),
  {
    ...refused('`OPTIONS *`', '9112 3.2.4', 'OPTIONS * HTTP/1.1'),
    note: 'no path, so no location that could say where it should go',
  },
  refused(
    'an encoded NUL, a malformed escape, a path above the root',
    '9112 3.2, 3986 3.3',
    'GET /a%00b HTTP/1.1',
    'GET /%zz HTTP/1.1',
    'GET /% HTTP/1.1',
    'GET /%4 HTTP/1.1',
    'GET /a/../../b HTTP/1.1',
    'GET /.. HTTP/1.1',
    'GET /%2e%2e/x HTTP/1.1',
    'GET /a/..%2f..%2fb HTTP/1.1',
  ),
  passed(
    'bytes beyond ASCII in the target',
    '/\xe9\xff?\x80\xa0',
    '/\xe9\xff?\x80\xa0',
    'as nginx: they end nothing',
  ),
  passed(
    '`"`, `<`, `>`, `\\`, `^`, `{`, `}`, a backquote in the target',
    '/"<>\\^`{}?"<>\\^`{}',
    '/"<>\\^`{}?"<>\\^`{}',
    'as nginx: they end nothing',
  ),
  passed('a fragment', '/a?b#c?d', '/a?b', 'is left out'),
  passed('`//x/`, `/http://x/`', '//y/?http://z', '//y/?http://z', 'a path, never an authority'),
  passed('encoded line ends', '/%0d%0aX:%20y?%0d%0a', '/%0d%0aX:%20y?%0d%0a', 'stay encoded'),
];

const versions: readonly RequestForm[] = [
  refused(
    'anything but `HTTP/` and two digits with a point between',
    '9112 2.3',
    'GET / http/1.1',
    'GET / Http/1.1',
    'GET / HTTP/1.10',
    'GET / HTTP/1.01',
    'GET / HTTP/01.1',
    'GET / HTTP/11',
    'GET / HTTP/1',
    'GET / HTTP/1.',
    'GET / HTTP/.1',
    'GET / HTTP/1,1',
    'GET / HTTP/+1.1',
    'GET / HTTP/-1.1',
    'GET / HTTP/x.y',
    'GET / HTTP/1.x',
    'GET / HTTP 1.1',
    'GET / HTTP//1.1',
    'GET / HTTPS/1.1',
    'GET / ICY/1.1',
    'GET / HTTP/1.\xb9',
    'GET / 1.1',
    'GET / x',
  ),
  refused('HTTP/0.9, named', '9112 2.3', 'GET / HTTP/0.9', 'GET / HTTP/0.0'),
  {
    name: 'HTTP/0.9: no version',
    bytes: ['GET /\r\n\r\n', 'GET / \r\n\r\n', 'GET /\r\nHost: x\r\n\r\n', 'GET /\n\n'],
    status: 400,
    rfc: '9112 2.3',
  },
  {
    name: 'HTTP/2.0, HTTP/3.0, HTTP/9.9',
    bytes: ['2.0', '2.1', '3.0', '9.9'].map((version) => withLine(`GET / HTTP/${version}`)),
    status: 505,
    rfc: '9110 15.6.6',
  },
  {
    name: 'the preface of HTTP/2',
    bytes: 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    status: 505,
    rfc: '9113 3.4, 9110 15.6.6',
  },
  {
    name: '`PRI *` of HTTP/1.1',
    bytes: withLine('PRI * HTTP/1.1'),
    status: 400,
    rfc: '9112 3.2.4',
  },
  {
    name: 'HTTP/1.2 to HTTP/1.9',
    bytes: ['1.2', '1.9'].map((version) => withLine(`GET / HTTP/${version}`)),
    arrives: arrivesGet(),
    rfc: '9112 2.3, 9110 2.5',
    note: 'counts as 1.1, and goes on as 1.1',
  },
  {
    name: 'HTTP/1.0',
    bytes: ['GET / HTTP/1.0\r\n\r\n', 'GET / HTTP/1.0\r\nHost: x\r\nConnection: close\r\n\r\n'],
    arrives: arrivesGet(),
    closes: true,
    rfc: '9112 9.3, 3.2',
  },
  {
    name: 'HTTP/1.0 with `Connection: keep-alive`',
    bytes: 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    arrives: arrivesGet(),
    rfc: '9112 9.3',
  },
  {
    name: 'TLS, SSH, SMTP, a PROXY header, binary',
    bytes: [
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
      'SSH-2.0-client\r\n',
      'EHLO x\r\nMAIL FROM:<a@b>\r\n\r\n',
      'PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n',
      '\r\n\r\n\0\r\nQUIT\n',
      '\0\0\0\0',
      '\xff\xfe\xfd\r\n\r\n',
    ],
    status: 400,
    rfc: '9112 3',
  },
];

export const startLines: FormTable = {
  title: 'The request line',
  intro:
    'Method, target and version with one space between and CRLF behind. The line that goes ' +
    'upstream is written from the method and the path that a location was found for.',
  forms: [...methods, ...spaces, ...targets, ...versions],
};
