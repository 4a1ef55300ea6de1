// Interim answers (RFC 9110, 15.2) and the change of protocol (7.8).

import { cut, fin, flood, passed, refused, type Form } from '../kit/response-form.ts';

const rfc = 'RFC 9110, 15.2';
const upgrade = 'RFC 9110, 7.8';
const final = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const next = 'HTTP/1.1 100 Continue\r\n\r\n';

function head(status: string, lines: string): string {
  return `HTTP/1.1 ${status}\r\n${lines}\r\n\r\n`;
}

const ask = { place: 'upgrade', headers: { Connection: 'upgrade', Upgrade: 'chat' } } as const;
const switching = (lines: string): string => `${head('101 Switching Protocols', lines)}inside`;

export const interim: readonly Form[] = [
  passed('100 that nobody waits for', rfc, [next + final], { note: 'without it' }),
  passed(
    '100, 102 and 103',
    rfc,
    [next + head('102 Processing', 'X: y') + head('103 Early Hints', 'Link: </evil>') + final],
    { note: 'without them' },
  ),
  passed('an interim status that nobody knows', rfc, [head('199 Evil', 'X: evil') + final], {
    note: 'without it',
  }),
  passed('16 interim answers', rfc, [next.repeat(16) + final], { note: 'without them' }),
  passed(
    'fields of an interim answer',
    rfc,
    [head('103 Early Hints', 'Set-Cookie: evil=1\r\nConnection: close') + final],
    { fields: [['Set-Cookie', '']], note: 'belong to it alone' },
  ),
  refused('17 interim answers', rfc, [next.repeat(17) + final]),
  refused('interim answers without an end', rfc, [flood(next.repeat(10))]),
  refused('interim answers and then the close', rfc, [next, fin], {
    code: 'UPSTREAM_CLOSED_EARLY',
  }),
  refused('an interim answer and then silence', rfc, [next], {
    place: 'quick',
    status: 504,
    code: 'UPSTREAM_READ_TIMEOUT',
  }),
  refused('100 with a length', 'RFC 9110, 8.6', [
    `${head('100 Continue', 'Content-Length: 6')}inside${final}`,
  ]),
  refused('100 whose body is a response', 'RFC 9110, 8.6', [
    `${head('100 Continue', 'Content-Length: 44')}${final.replace('ok', 'evil')}`,
  ]),
  refused('100 in chunks', 'RFC 9112, 6.1', [
    `${head('100 Continue', 'Transfer-Encoding: chunked')}0\r\n\r\n${final}`,
  ]),
  passed('100 with a length of 0', 'RFC 9110, 8.6', [
    `${head('100 Continue', 'Content-Length: 0')}${final}`,
  ]),
  refused('100 with a body but no length', rfc, [`${next}inside${final}`]),
  refused('100 with a bad head', 'RFC 9112, 5', [`${head('100 Continue', 'X : y')}${final}`]),
  refused('100 with two lengths', 'RFC 9112, 6.3 (5)', [
    `${head('100 Continue', 'Content-Length: 0\r\nContent-Length: 0')}${final}`,
  ]),
  refused(
    '103 beyond the limit of a head',
    'RFC 9110, 5.4',
    [head('103 Early Hints', `Link: ${'x'.repeat(20_000)}`) + final],
    { code: 'UPSTREAM_HEADER_TOO_LARGE' },
  ),
  refused(
    '103 with CR in a value',
    'RFC 9112, 2.2',
    [head('103 Early Hints', 'Link: a\rSet-Cookie: evil=1') + final],
    { place: 'hints' },
  ),
];

export const upgrades: readonly Form[] = [
  refused('101 that nobody asked for', upgrade, [
    switching('Connection: upgrade\r\nUpgrade: chat'),
  ]),
  refused(
    '101 to a client whose wish was not passed on',
    upgrade,
    [switching('Connection: upgrade\r\nUpgrade: chat')],
    { headers: ask.headers },
  ),
  refused(
    '101 where the client did not ask',
    upgrade,
    [switching('Connection: upgrade\r\nUpgrade: chat')],
    { place: 'upgrade' },
  ),
  refused(
    '101 to another protocol',
    upgrade,
    [switching('Connection: upgrade\r\nUpgrade: evil')],
    ask,
  ),
  refused('101 to HTTP/2', upgrade, [switching('Connection: upgrade\r\nUpgrade: h2c')], ask),
  refused(
    '101 to two protocols, one of them asked for',
    upgrade,
    [switching('Connection: upgrade\r\nUpgrade: evil, chat')],
    ask,
  ),
  refused('101 without Upgrade', upgrade, [switching('X: y')], ask),
  refused('101 whose Connection does not name Upgrade', upgrade, [switching('Upgrade: chat')], ask),
  refused(
    '101 with a length',
    'RFC 9110, 8.6',
    [switching('Connection: upgrade\r\nUpgrade: chat\r\nContent-Length: 6')],
    ask,
  ),
  refused(
    '101 in chunks',
    'RFC 9112, 6.1',
    [switching('Connection: upgrade\r\nUpgrade: chat\r\nTransfer-Encoding: chunked')],
    ask,
  ),
  refused(
    '101 in HTTP/1.0',
    upgrade,
    ['HTTP/1.0 101 Switching\r\nConnection: upgrade\r\nUpgrade: chat\r\n\r\ninside'],
    ask,
  ),
  passed('no change of protocol where one was asked for', upgrade, [final], ask),
  cut(
    'no change of protocol, and then a cut',
    upgrade,
    ['HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok', { kind: 'seen' }, fin],
    { ...ask, code: 'UPSTREAM_CLOSED_EARLY' },
  ),
];
