// Fields by which a server tries to put something into the answer, or to direct the proxy.

import { passed, refused, type Form } from '../kit/response-form.ts';

const value = 'RFC 9110, 5.5';
const hop = 'RFC 9110, 7.6.1';
const own = 'nginx: X-Accel';

function head(lines: string, status = '200 OK'): string {
  return `HTTP/1.1 ${status}\r\nContent-Length: 2\r\n${lines}\r\n\r\nok`;
}

function bad(name: string, lines: string): Form {
  return refused(name, value, [head(lines)]);
}

function accel(name: string, lines: string, seen: Parameters<typeof passed>[3] = {}): Form {
  return passed(name, own, [head(lines)], { fields: [['X-Accel-Redirect', '']], ...seen });
}

const notFound = { status: 404, body: null, note: 'answered 404', logged: 'unsafe URI' } as const;

export const injection: readonly Form[] = [
  bad('CR LF space in Location', 'Location: /a\r\n Set-Cookie: evil=1'),
  bad('a bare LF in Location', 'Location: /a\nSet-Cookie: evil=1'),
  bad('a bare CR in Set-Cookie', 'Set-Cookie: a=b\rLocation: /evil'),
  bad('NUL in Set-Cookie', 'Set-Cookie: a=b\0evil'),
  bad('a bare LF in Refresh', 'Refresh: 0; url=/a\nSet-Cookie: evil=1'),
  bad('a bare LF in Content-Type', 'Content-Type: text/html\nSet-Cookie: evil=1'),
  bad('a bare LF in X-Accel-Redirect', 'X-Accel-Redirect: /elsewhere/\nSet-Cookie: evil=1'),
  bad('a bare LF in Content-Disposition', 'Content-Disposition: a\nSet-Cookie: evil=1'),
  passed('encoded CR LF in Location', value, [head('Location: /a%0d%0aX: y', '302 Found')], {
    status: 302,
    fields: [['Location', '/a%0d%0aX: y']],
    note: 'stays encoded',
  }),
  passed('a second status line in a value', value, [head('X: HTTP/1.1 200 OK')], {
    fields: [['X', 'HTTP/1.1 200 OK']],
  }),
  passed(
    'fields of the hop',
    hop,
    [
      head(
        'Keep-Alive: timeout=9\r\nProxy-Connection: evil\r\nTE: evil\r\nUpgrade: evil\r\n' +
          'Trailer: evil',
      ),
    ],
    {
      fields: [
        ['Proxy-Connection', ''],
        ['TE', ''],
        ['Upgrade', ''],
        ['Trailer', ''],
      ],
      note: 'without them',
    },
  ),
  passed('Server and Date of the inside', 'nginx', [head('Server: inside\r\nDate: inside')], {
    note: 'our own in their place',
  }),
  accel('X-Accel-Redirect', 'X-Accel-Redirect: /elsewhere/a', {
    body: 'elsewhere /elsewhere/a\n',
    note: 'the other location answers',
  }),
  accel('X-Accel-Redirect out of the tree', 'X-Accel-Redirect: /elsewhere/../../evil', notFound),
  accel('X-Accel-Redirect, dots encoded', 'X-Accel-Redirect: /elsewhere/%2e%2e/evil', notFound),
  accel('X-Accel-Redirect with NUL encoded', 'X-Accel-Redirect: /elsewhere/%00evil', notFound),
  accel('an empty X-Accel-Redirect', 'X-Accel-Redirect:', notFound),
  accel('X-Accel-Redirect to a URL', 'X-Accel-Redirect: http://evil.test/a', notFound),
  accel('X-Accel-Redirect to no location', 'X-Accel-Redirect: @evil', {
    status: 500,
    body: null,
    note: 'answered 500',
    logged: 'could not find named location',
  }),
  accel('X-Accel-Redirect that is not obeyed', 'X-Accel-Redirect: /evil', {
    place: 'deaf',
    note: 'and not shown',
  }),
  accel('X-Accel-Buffering with nonsense', 'X-Accel-Buffering: evil'),
  accel('X-Accel-Limit-Rate with nonsense', 'X-Accel-Limit-Rate: -1evil'),
  accel('X-Accel-Limit-Rate beyond all bounds', `X-Accel-Limit-Rate: ${'9'.repeat(40)}`),
  accel('X-Accel-Charset with nonsense', 'Content-Type: text/html\r\nX-Accel-Charset: x;evil', {
    fields: [['Content-Type', 'text/html']],
    logged: 'unknown charset',
  }),
  accel('X-Accel-Expires with nonsense', 'X-Accel-Expires: evil'),
];
