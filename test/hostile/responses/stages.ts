// Servers that leave, fall silent or are slow at every stage of an answer.

import { cut, drip, fin, passed, refused, reset, seen, type Form } from '../kit/response-form.ts';

const rfc = 'RFC 9110, 15.6.3';
const late = 'RFC 9110, 15.6.5';
const closed = { code: 'UPSTREAM_CLOSED_EARLY' };
const wasReset = { code: 'UPSTREAM_RESET' };
const silent = { place: 'quick', code: 'UPSTREAM_READ_TIMEOUT' } as const;
const timedOut = { ...silent, status: 504 } as const;
const counted = 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhello';
const begun = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n';
const whole = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const incomplete = 'RFC 9112, 8';

export const stages: readonly Form[] = [
  refused('the close at once', rfc, [fin], closed),
  refused('the close within the status line', rfc, ['HTTP/1.1 2', fin], closed),
  refused('the close within the fields', rfc, ['HTTP/1.1 200 OK\r\nContent-Le', fin], closed),
  refused('the close before the empty line', rfc, ['HTTP/1.1 200 OK\r\nX: y\r\n', fin], closed),
  refused('the close within the empty line', rfc, ['HTTP/1.1 200 OK\r\nX: y\r\n\r', fin], closed),
  refused('a reset at once', rfc, [reset], wasReset),
  refused('a reset within the fields', rfc, ['HTTP/1.1 200 OK\r\nX: y\r\n', reset], wasReset),
  refused('silence', late, [], timedOut),
  refused('silence within the status line', late, ['HTTP/1.1 2'], timedOut),
  refused('silence within the fields', late, ['HTTP/1.1 200 OK\r\nX'], timedOut),
  refused('silence within the empty line', late, ['HTTP/1.1 200 OK\r\nX: y\r\n\r'], timedOut),
  cut('silence within a counted body', incomplete, [counted], silent),
  cut('silence between chunks', incomplete, [begun], silent),
  cut('silence within a chunk', incomplete, [`${begun}ff\r\nx`], silent),
  cut('silence within a chunk size', incomplete, [`${begun}f`], silent),
  cut('silence before the last CRLF', incomplete, [`${begun}0\r\n`], silent),
  cut('silence in a body up to the close', incomplete, ['HTTP/1.1 200 OK\r\n\r\nhello'], silent),
  cut(
    'a reset in a body up to the close',
    incomplete,
    ['HTTP/1.1 200 OK\r\n\r\nhello', seen, reset],
    wasReset,
  ),
  passed('a half-close behind the whole answer', 'RFC 9112, 9.6', [whole, fin], {
    connection: 'closed',
  }),
  passed(
    'everything byte by byte',
    'RFC 9112, 2.2',
    [
      drip(
        'HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nX: y\r\n' +
          'Transfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n1\r\n!\r\n0\r\nT: t\r\n\r\n',
      ),
    ],
    { body: 'hello!', fields: [['X', 'y']] },
  ),
  passed('a counted body byte by byte', 'RFC 9112, 2.2', [drip(whole)]),
  passed(
    'a body up to the close, byte by byte',
    'RFC 9112, 6.3 (8)',
    [drip('HTTP/1.0 200 OK\r\n\r\nhello'), fin],
    { body: 'hello', connection: 'closed' },
  ),
];
