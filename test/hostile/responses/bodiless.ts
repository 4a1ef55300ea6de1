// Answers that have no body whatever their fields say (RFC 9112, 6.3 (1)): 204, 304 and to HEAD. And
// 205, which has one on the wire, though it should be empty.

import { passed, seen, type Form } from '../kit/response-form.ts';

const rfc = 'RFC 9112, 6.3 (1)';

function head(status: string, lines: string): string {
  return `HTTP/1.1 ${status}\r\n${lines}\r\n\r\n`;
}

const said = 'upstream sent more data than its framing allows';
const evil = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
const none = { status: 204, body: '' } as const;
const same = { status: 304, body: '' } as const;
const toHead = { method: 'HEAD', body: '' } as const;
const dropped = { connection: 'closed', note: 'the body is thrown away' } as const;
const distrusted = { connection: 'closed', note: 'a body may follow' } as const;

export const bodiless: readonly Form[] = [
  passed('204', rfc, [head('204 No Content', 'X: y')], none),
  passed('204 with a length of 0', 'RFC 9110, 8.6', [head('204 No', 'Content-Length: 0')], {
    ...none,
    fields: [['Content-Length', '']],
    note: 'without the length',
  }),
  passed('204 with a length', 'RFC 9110, 8.6', [head('204 No', 'Content-Length: 4')], {
    ...none,
    ...distrusted,
    fields: [['Content-Length', '']],
  }),
  passed('204 in chunks', 'RFC 9112, 6.1', [head('204 No', 'Transfer-Encoding: chunked')], {
    ...none,
    ...distrusted,
    fields: [['Transfer-Encoding', '']],
  }),
  passed('204 with a body', rfc, [`${head('204 No', 'X: y')}evil`], {
    ...none,
    ...dropped,
    logged: said,
  }),
  passed('204 with a body and its length', rfc, [`${head('204 No', 'Content-Length: 4')}evil`], {
    ...none,
    ...dropped,
    logged: said,
  }),
  passed(
    '204 with a body in chunks',
    rfc,
    [`${head('204 No', 'Transfer-Encoding: chunked')}4\r\nevil\r\n0\r\n\r\n`],
    { ...none, ...dropped, logged: said },
  ),
  passed('204 whose body comes later', rfc, [head('204 No', 'X: y'), seen, evil], {
    ...none,
    ...dropped,
  }),
  passed('204 whose body is a response', rfc, [head('204 No', 'X: y') + evil], {
    ...none,
    ...dropped,
    logged: said,
  }),
  passed('304 with a length', 'RFC 9110, 8.6', [head('304 Not', 'Content-Length: 1000')], {
    ...same,
    fields: [['Content-Length', '1000']],
  }),
  passed('304 in chunks', 'RFC 9112, 6.1', [head('304 Not', 'Transfer-Encoding: chunked')], {
    ...same,
    fields: [['Transfer-Encoding', '']],
  }),
  passed('304 with a body', rfc, [`${head('304 Not', 'Content-Length: 4')}evil`], {
    ...same,
    ...dropped,
    logged: said,
  }),
  passed('304 whose body comes later', rfc, [head('304 Not', 'Content-Length: 4'), seen, 'evil'], {
    ...same,
    ...dropped,
  }),
  passed('HEAD with a length', 'RFC 9110, 9.3.2', [head('200 OK', 'Content-Length: 1000')], {
    ...toHead,
    fields: [['Content-Length', '1000']],
  }),
  passed('HEAD in chunks', 'RFC 9110, 9.3.2', [head('200 OK', 'Transfer-Encoding: chunked')], {
    ...toHead,
    fields: [['Transfer-Encoding', '']],
  }),
  passed(
    'HEAD with neither length nor coding',
    'RFC 9110, 9.3.2',
    [head('200 OK', 'X: y')],
    toHead,
  ),
  passed('HEAD with a body', 'RFC 9110, 9.3.2', [`${head('200 OK', 'Content-Length: 4')}evil`], {
    ...toHead,
    ...dropped,
    logged: said,
  }),
  passed(
    'HEAD whose body comes later',
    'RFC 9110, 9.3.2',
    [head('200 OK', 'Content-Length: 4'), seen, 'evil'],
    { ...toHead, ...dropped },
  ),
  passed('205 with a body', 'RFC 9110, 15.3.6', [`${head('205 Reset', 'Content-Length: 2')}ok`], {
    status: 205,
    note: 'its framing counts',
  }),
  passed(
    '205 with neither length nor coding',
    'RFC 9110, 15.3.6',
    [head('205 Reset', 'X: y'), { kind: 'fin' }],
    { status: 205, body: '', connection: 'closed' },
  ),
];
