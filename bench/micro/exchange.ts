// An exchange without a connection, for functions that only look at its fields; and the variables
// that a configuration can name.

import type { Downstream } from '../../src/exchange/downstream.ts';
import { Exchange } from '../../src/exchange/exchange.ts';
import { VariableTable } from '../../src/exchange/variable.ts';
import { Fields } from '../../src/http1/fields.ts';
import { parseRequestHead, RequestHead } from '../../src/http1/request-head.ts';
import { variableRows } from '../../src/modules/index.ts';

export const variables = new VariableTable(variableRows);

const limits = {
  lineBytes: 8192,
  totalBytes: 32768,
  maxFields: 100,
  underscores: false,
  ignoreInvalid: true,
};

/** The exchange of a request with this head, answered with 200 and 100 bytes. */
export function exchangeOf(lines: readonly string[]): Exchange {
  const bytes = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const request = new RequestHead();
  parseRequestHead(bytes, 0, bytes.length, request, limits);
  const client = { remoteAddress: '192.0.2.17', remotePort: 40_000, requests: 1, tls: null };
  const start = {
    request,
    server: { name: 'www.example.com' },
    startedAt: Date.now(),
    fields: new Fields(),
  };
  const x = new Exchange(client as unknown as Downstream, start);
  x.host = 'www.example.com';
  x.uri = '/a/b.html';
  x.status = 200;
  x.bodyBytesSent = 100;
  x.proxyHost = 'backend';
  return x;
}

export const browserRequest = [
  'GET /a/b.html?x=1&y=2 HTTP/1.1',
  'Host: www.example.com',
  'Connection: keep-alive',
  'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140',
  'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8',
  'Accept-Encoding: gzip, deflate, br, zstd',
  'Accept-Language: en-US,en;q=0.9',
  'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark',
  'Referer: https://www.example.com/start',
] as const;

export const shortRequest = ['GET /small HTTP/1.1', 'Host: localhost:8080'] as const;
