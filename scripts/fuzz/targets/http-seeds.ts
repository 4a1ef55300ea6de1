// Messages that are nearly all right, from which mutations go on, and the words that they insert.

const post = (fields: string, body: string): string =>
  `POST /p?q=1 HTTP/1.1\r\nHost: a.test\r\n${fields}\r\n\r\n${body}`;

export const requestSeeds: readonly string[] = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET /x?y#z HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
  '\r\nGET http://a.test:80/x HTTP/1.1\r\nHost: a.test\r\n\r\nGET / HTTP/1.1\r\nHost: b\r\n\r\n',
  'CONNECT a.test:443 HTTP/1.1\r\nHost: a.test:443\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\nConnection: close, upgrade\r\nUpgrade: websocket\r\n\r\n',
  post('Content-Length: 5\r\nExpect: 100-continue', 'hello'),
  post('Transfer-Encoding: chunked', '5;a="b"\r\nhello\r\n0\r\nX-T: 1\r\n\r\n'),
  post('Transfer-Encoding: chunked\r\nX_y: \tz \r\n!#$: \xff', '0\r\n\r\n'),
];

export const responseSeeds: readonly string[] = [
  '\x01HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi',
  '\x00HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n',
  '\x01HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 \r\nConnection: close\r\n\r\n',
  '\x01HTTP/1.0 404 Not Found\r\nServer: x\r\n\r\nto the end',
  '\x01HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nA: b\r\n\r\n',
  '\x01HTTP/1.1 101 Switching\r\nConnection: Upgrade, x\r\nUpgrade: websocket\r\n\r\n\x81',
];

export const chunkedSeeds: readonly string[] = [
  '0\r\n\r\n',
  'a;x=y;z="1;2"\r\n0123456789\r\n00F\r\n012345678901234\r\n0\r\nTrailer: v\r\nx: y\r\n\r\n',
];

export const httpWords: readonly string[] = [
  ...['\r\n', '\r\n\r\n', '\r', '\n', ' ', '\t', ':', '\0', '\x7f', '\xff', ',', ', '],
  ...['GET ', 'HEAD ', 'CONNECT ', 'OPTIONS * ', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', '/', '?', '#'],
  ...['Host: a\r\n', 'Content-Length: 1\r\n', 'Content-Length: 0\r\n', '[::1]', 'http://a', '%00'],
  ...['Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'Upgrade: h2c\r\n', '0\r\n\r\n'],
  ...[
    'Expect: 100-continue\r\n',
    '1\r\nx\r\n',
    ';a=b',
    '"',
    '\\',
    'ffffffff',
    '00',
    '+',
    '-',
    '0x',
  ],
  ...['HTTP/1.1 200 OK\r\n', 'HTTP/1.1 100 \r\n', '204', '304', '101', 'X-Forwarded-For'],
];
