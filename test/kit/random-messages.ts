// Requests and responses for comparisons: made by the grammar, then spoilt by some operators: in the
// start line, in fields, in framing, in line ends, in bytes. The same seed gives the same again.

import type { Random } from './random.ts';

/** A message, part by part, so that operators can change one of them. */
export interface Parts {
  /** Three words and what is between them. */
  start: string[];
  lines: string[];
  /** The end of each line. */
  eol: string;
  body: string;
}

export interface RandomMessage {
  readonly bytes: Buffer;
  /** Names of the operators that were applied. */
  readonly spoilt: readonly string[];
}

export interface RandomResponse extends RandomMessage {
  /** Of the request that it answers. */
  readonly method: 'GET' | 'HEAD';
}

type Operator = (parts: Parts, random: Random) => void;

function at<T>(list: readonly T[], random: Random): number {
  return random.below(Math.max(1, list.length));
}

function insertLine(parts: Parts, line: string, random: Random): void {
  parts.lines.splice(random.below(parts.lines.length + 1), 0, line);
}

function changeLine(parts: Parts, random: Random, change: (line: string) => string): void {
  const index = at(parts.lines, random);
  const line = parts.lines[index];
  if (line !== undefined) parts.lines[index] = change(line);
}

const byteChoices = [
  '\0',
  '\x01',
  '\t',
  '\n',
  '\r',
  ' ',
  '"',
  '\x7f',
  '\x80',
  '\xff',
  ',',
  ';',
  ':',
];

function insertInto(text: string, inserted: string, random: Random): string {
  const place = random.below(text.length + 1);
  return text.slice(0, place) + inserted + text.slice(place);
}

/** Wherever they may stand in a message. */
const common: Readonly<Record<string, Operator>> = {
  'bare LF': (parts) => void (parts.eol = '\n'),
  'bare CR': (parts) => void (parts.eol = '\r'),
  'space before the colon': (parts, random) =>
    changeLine(parts, random, (line) => line.replace(':', ' :')),
  'no colon': (parts, random) => changeLine(parts, random, (line) => line.replace(':', '')),
  'folded line': (parts, random) => insertLine(parts, ' folded: x', random),
  'empty name': (parts, random) => insertLine(parts, ': x', random),
  'odd name': (parts, random) =>
    insertLine(
      parts,
      random.pick(['X_y: 1', 'a.b: 1', '!#$%: 1', 'a(b): 1', 'a@b: 1', 'é: 1']),
      random,
    ),
  'odd value': (parts, random) => insertLine(parts, `X: a${random.pick(byteChoices)}b`, random),
  'white space around': (parts, random) =>
    insertLine(
      parts,
      `X:${random.pick(['', ' ', '\t', '  \t'])}y${random.pick([' ', '\t', ' \t '])}`,
      random,
    ),
  'empty value': (parts, random) => insertLine(parts, random.pick(['X:', 'X: ', 'X:\t']), random),
  'Content-Length': (parts, random) =>
    insertLine(
      parts,
      `Content-Length:${random.pick([' 3', ' 0', ' +3', ' -1', ' 0x3', ' 3, 3', ' 3 3', '', ' 03', ' 3;', ' 99999999999999999999', ' 9007199254740992', ' 3a'])}`,
      random,
    ),
  'Transfer-Encoding': (parts, random) =>
    insertLine(
      parts,
      `Transfer-Encoding:${random.pick([' chunked', ' CHUNKED', ' identity', ' gzip, chunked', ' chunked, gzip', ' chunked, chunked', ' chunked;q=1', '', ' xchunked', ' "chunked"', ' ,chunked', ' chunked,'])}`,
      random,
    ),
  Connection: (parts, random) =>
    insertLine(
      parts,
      `Connection: ${random.pick(['close', 'keep-alive', 'close, keep-alive', 'upgrade', 'Host', 'x, y', 'a b', ',', ''])}`,
      random,
    ),
  Upgrade: (parts, random) =>
    insertLine(parts, `Upgrade: ${random.pick(['websocket', 'h2c', ''])}`, random),
  'repeated line': (parts, random) =>
    insertLine(parts, parts.lines[at(parts.lines, random)] ?? '', random),
  'no line': (parts, random) => void parts.lines.splice(at(parts.lines, random), 1),
  'long value': (parts, random) => insertLine(parts, `X: ${'y'.repeat(1000)}`, random),
  version: (parts, random) =>
    void (parts.start = parts.start.map((word) =>
      word.startsWith('HTTP/')
        ? random.pick([
            'HTTP/1.0',
            'HTTP/1.2',
            'HTTP/2.0',
            'HTTP/0.9',
            'http/1.1',
            'HTTP/1',
            'HTTP/1.10',
            'HTTP/11.1',
            'HTTP/1,1',
            '',
          ])
        : word,
    )),
  'space in the start line': (parts, random) =>
    void parts.start.splice(random.below(4), 0, random.pick(['', ' ', '\t', '\x0b'])),
  'cut body': (parts, random) =>
    void (parts.body = parts.body.slice(0, at([...parts.body], random))),
  'longer body': (parts) => void (parts.body += 'more'),
  'chunk size': (parts, random) =>
    void (parts.body = parts.body.replace(
      /^[0-9a-f]+/,
      random.pick([
        '0x3',
        '+3',
        '-3',
        ' 3',
        '3 ',
        '03',
        '3;a',
        '3;a="b"',
        '3 ;a',
        '3\t',
        'g',
        '',
        '10000000000000003',
        'fffffffffffffff',
        '3;a\x01',
        '3;"\n"',
        '3;;',
        '3;a=',
      ]),
    )),
  'chunk line end': (parts, random) =>
    void (parts.body = parts.body.replace('\r\n', random.pick(['\n', '\r', '\r\r\n', '\n\r', '']))),
  'chunk data': (parts, random) =>
    void (parts.body = insertInto(parts.body, random.pick(['x', '\r\n', '0\r\n\r\n']), random)),
  trailer: (parts, random) =>
    void (parts.body = parts.body.replace(
      /0\r\n\r\n$/,
      `0\r\n${random.pick(['X: y', 'X : y', ' X: y', 'X', 'Content-Length: 3', 'Host: b', 'X: \x01', ': y', 'X:'])}\r\n\r\n`,
    )),
};

const forRequests: Readonly<Record<string, Operator>> = {
  method: (parts, random) =>
    void (parts.start[0] = random.pick([
      'get',
      'FOO',
      'PROPFIND',
      'M-SEARCH',
      'G_T',
      'G.T',
      'GE(T',
      '',
      'TRACE',
      'PRI',
      'SOURCE',
      'GET1',
    ])),
  target: (parts, random) =>
    void (parts.start[1] = random.pick([
      ...[
        '*',
        'x',
        '//a',
        '/a b',
        '/a\tb',
        '/\x01',
        '/é',
        '/%zz',
        '/a#b',
        '/a?b#c?d',
        '?',
        '',
        '/\x7f',
      ],
      ...[
        'http://a.test/x',
        'http://b.test/',
        'https://a.test',
        'http://u@a.test/',
        'ftp://a.test/',
      ],
      ...[
        'a.test:80',
        'http://',
        'http:///x',
        'http://a.test:99999/',
        'http://a.test?x',
        '/..',
        '/a/../b',
      ],
      ...['/"<>', '/\\', '/|', '/{}', '/^`', '/a;b,c', '/%2e%2e/'],
    ])),
  CONNECT: (parts, random) => {
    parts.start[0] = 'CONNECT';
    parts.start[1] = random.pick(['a.test:443', 'a.test', '/', '[::1]:80', ':80', 'a.test:']);
  },
  OPTIONS: (parts) => {
    parts.start[0] = 'OPTIONS';
    parts.start[1] = '*';
  },
  Host: (parts, random) => {
    const host = random.pick([
      '',
      'a b',
      'a,b',
      'u@a',
      'a/b',
      '[::1]',
      '[::1',
      'a:99999',
      'a:x',
      'a..b',
      'A.TEST.',
      'a%20b',
      'é',
      'a:',
    ]);
    parts.lines = parts.lines.map((line) => (line.startsWith('Host:') ? `Host: ${host}` : line));
  },
  'second Host': (parts, random) =>
    insertLine(parts, `Host: ${random.pick(['a.test', 'b.test'])}`, random),
  'no Host': (parts) =>
    void (parts.lines = parts.lines.filter((line) => !line.startsWith('Host:'))),
  Expect: (parts, random) =>
    insertLine(parts, `Expect: ${random.pick(['100-continue', 'x', '100-Continue'])}`, random),
  'empty line before': (parts, random) =>
    void (parts.start[0] =
      random.pick(['\r\n', '\n', '\r\n\r\n', '\r\n\r\n\r\n']) + (parts.start[0] ?? '')),
};

const forResponses: Readonly<Record<string, Operator>> = {
  status: (parts, random) =>
    void (parts.start[1] = random.pick([
      '20',
      '2000',
      '099',
      '999',
      '0200',
      'abc',
      '',
      '204',
      '304',
      '2 0',
      '-20',
      '205',
    ])),
  reason: (parts, random) =>
    void (parts.start[2] = random.pick(['', 'é', 'a\tb', 'a\x01b', 'a  b', ' x', 'a\rb'])),
  'no reason': (parts) => void parts.start.splice(2, 1),
  interim: (parts, random) => {
    const line = random.pick(['100 Continue', '103 Early Hints', '102 x', '199 ']);
    parts.start[0] = `HTTP/1.1 ${line}\r\n${random.pick(['', 'Link: x\r\n'])}\r\n${parts.start[0] ?? ''}`;
  },
  'switching protocols': (parts) => {
    parts.start[1] = '101';
    parts.lines.push('Connection: upgrade', 'Upgrade: websocket');
  },
  'empty line before': (parts) => void (parts.start[0] = `\r\n${parts.start[0] ?? ''}`),
};

const bytesAnywhere: Readonly<Record<string, (text: string, random: Random) => string>> = {
  'byte inserted': (text, random) => insertInto(text, random.pick(byteChoices), random),
  'byte removed': (text, random) => {
    const place = random.below(text.length);
    return text.slice(0, place) + text.slice(place + 1);
  },
  'byte changed': (text, random) => {
    const place = random.below(text.length);
    return text.slice(0, place) + String.fromCharCode(random.below(256)) + text.slice(place + 1);
  },
  'cut off': (text, random) => text.slice(0, random.below(text.length)),
  'followed by a request': (text) => `${text}GET /next HTTP/1.1\r\nHost: a.test\r\n\r\n`,
};

function framedBody(parts: Parts, random: Random): void {
  const content = random.pick([
    '',
    'abc',
    'a\r\nb',
    '0\r\n\r\n',
    'x'.repeat(40),
    'GET / HTTP/1.1\r\n\r\n',
  ]);
  if (random.oneIn(2)) {
    parts.lines.push(`Content-Length: ${content.length}`);
    parts.body = content;
    return;
  }
  const half = random.below(content.length + 1);
  const chunks = [content.slice(0, half), content.slice(half)].filter((piece) => piece !== '');
  parts.lines.push('Transfer-Encoding: chunked');
  const coded = chunks.map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`).join('');
  parts.body = `${coded}0\r\n\r\n`;
}

const usualLines = [
  ...[
    'Accept: */*',
    'User-Agent: x/1 (y; z)',
    'X-A: 1',
    'x-a: 2',
    'Cookie: a=b; c=d',
    'Accept: text/html',
  ],
  ...['Cache-Control: no-cache', 'ETag: "a"', 'Date: Sat, 03 Jan 2026 10:00:00 GMT', 'X-Empty:'],
];

function spoil(
  parts: Parts,
  operators: Readonly<Record<string, Operator>>,
  random: Random,
): RandomMessage {
  const spoilt: string[] = [];
  const all = Object.entries({ ...common, ...operators });
  for (let left = random.pick([0, 1, 1, 1, 2, 3]); left > 0; left -= 1) {
    const [name, operate] = random.pick(all);
    spoilt.push(name);
    operate(parts, random);
  }
  const start = parts.start.join(' ');
  const { eol, body } = parts;
  let text = [start, ...parts.lines].map((line) => line + eol).join('') + eol + body;
  while (random.oneIn(5)) {
    const [name, operate] = random.pick(Object.entries(bytesAnywhere));
    spoilt.push(name);
    if (text !== '') text = operate(text, random);
  }
  return { bytes: Buffer.from(text, 'latin1'), spoilt };
}

function someLines(random: Random): string[] {
  return Array.from({ length: random.below(4) }, () => random.pick(usualLines));
}

/** A request for the host `a.test`. */
export function randomRequest(random: Random): RandomMessage {
  const target = random.pick(['/', '/a/b', '/x?y=z', '/%41', '/a?b?c', 'http://a.test/abs']);
  const method = random.pick(['GET', 'GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']);
  const parts: Parts = {
    start: [method, target, random.oneIn(6) ? 'HTTP/1.0' : 'HTTP/1.1'],
    lines: ['Host: a.test', ...someLines(random)],
    eol: '\r\n',
    body: '',
  };
  if (random.oneIn(2)) framedBody(parts, random);
  return spoil(parts, forRequests, random);
}

/** A response to GET or HEAD, after which the connection may end. */
export function randomResponse(random: Random): RandomResponse {
  const status = random.pick([
    '200 OK',
    '200 OK',
    '404 Not Found',
    '302 Found',
    '204 No Content',
    '304 Not Modified',
  ]);
  const [code = '', ...words] = status.split(' ');
  const parts: Parts = {
    start: [random.oneIn(6) ? 'HTTP/1.0' : 'HTTP/1.1', code, words.join(' ')],
    lines: ['Server: x', ...someLines(random)],
    eol: '\r\n',
    body: '',
  };
  const method = random.oneIn(6) ? 'HEAD' : 'GET';
  if (code !== '204' && code !== '304') {
    if (random.oneIn(5)) parts.body = 'until the end';
    else framedBody(parts, random);
    if (method === 'HEAD') parts.body = '';
  }
  return { ...spoil(parts, forResponses, random), method };
}
