// What parsing costs, in nanoseconds a call: typical heads through the codec, and beside it the
// ways of scanning that were weighed against each other when it was written.
//
//   npm run bench -- micro http1

import { ChunkedDecoder, ChunkEvent, chunkHeader, lastChunk } from '../../src/http1/chunked.ts';
import { fieldIdOf } from '../../src/http1/field-id.ts';
import { valueClasses } from '../../src/http1/char-class.ts';
import { parseRequestHead, RequestHead } from '../../src/http1/request-head.ts';
import { parseResponseHead, ResponseHead } from '../../src/http1/response-head.ts';
import { measure } from './measure.ts';

const requests: Record<string, string[]> = {
  curl: [
    'GET /index.html HTTP/1.1',
    'Host: 127.0.0.1:8080',
    'User-Agent: curl/8.9.1',
    'Accept: */*',
  ],
  'load generator, 5 fields': [
    'GET / HTTP/1.1',
    'Host: 127.0.0.1:8080',
    'Connection: keep-alive',
    'User-Agent: bench/1.0',
    'Accept: */*',
    'Accept-Encoding: gzip',
  ],
  'browser, 14 fields': [
    'GET /a/b.html?x=1&y=2 HTTP/1.1',
    'Host: www.example.com',
    'Connection: keep-alive',
    'sec-ch-ua: "Chromium";v="140", "Not;A=Brand";v="24"',
    'sec-ch-ua-mobile: ?0',
    'sec-ch-ua-platform: "Linux"',
    'Upgrade-Insecure-Requests: 1',
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140',
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8',
    'Sec-Fetch-Site: none',
    'Sec-Fetch-Mode: navigate',
    'Accept-Encoding: gzip, deflate, br, zstd',
    'Accept-Language: en-US,en;q=0.9',
    'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark',
    'If-None-Match: "66d1b2c3-1a2b"',
  ],
  'lower-case names, POST': [
    'POST /api/v1/items HTTP/1.1',
    'host: api.example.com',
    'connection: keep-alive',
    'content-type: application/json',
    'accept: */*',
    'user-agent: node',
    'content-length: 0',
  ],
};

const response = [
  'HTTP/1.1 200 OK',
  'Server: origin',
  'Date: Thu, 20 Nov 2025 20:00:00 GMT',
  'Content-Type: text/plain',
  'Content-Length: 100',
  'Connection: keep-alive',
];

const limits = {
  lineBytes: 8192,
  totalBytes: 32768,
  maxFields: 100,
  underscores: false,
  ignoreInvalid: true,
};

function bytesOf(lines: string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}

function measureRequests(): void {
  for (const [name, lines] of Object.entries(requests)) {
    const input = bytesOf(lines);
    const head = new RequestHead();
    measure(`request, ${name}, ${input.length} bytes`, () =>
      parseRequestHead(input, 0, input.length, head, limits),
    );
    measure('  the same into a new RequestHead', () =>
      parseRequestHead(input, 0, input.length, new RequestHead(), limits),
    );
  }
}

function measureResponse(): void {
  const input = bytesOf(response);
  const withBody = Buffer.concat([input, Buffer.alloc(100, 'x')]);
  const head = new ResponseHead();
  measure(`response, ${input.length} bytes`, () =>
    parseResponseHead(input, 0, input.length, head, 4096),
  );
  measure('response followed by its body', () =>
    parseResponseHead(withBody, 0, withBody.length, head, 4096),
  );
}

function measureChunked(): void {
  const chunk = `${chunkHeader(4096)}${'x'.repeat(4096)}\r\n`;
  const input = Buffer.from(chunk.repeat(4) + lastChunk, 'latin1');
  const decoder = new ChunkedDecoder();
  measure('chunked body, 4 chunks of 4096 bytes', () => {
    decoder.reset();
    let position = 0;
    while (decoder.next(input, position, input.length) === ChunkEvent.data) {
      position = decoder.position;
    }
    return decoder.position;
  });
}

/** The alternatives: bytes through a table, characters through a table, native searches. */
function measureScanning(): void {
  const input = bytesOf(requests['browser, 14 fields'] ?? []);
  const size = input.length;
  measure('scan: toString("latin1") alone', () => input.toString('latin1', 0, size).length);
  measure('scan: indexOf of the empty line', () => input.indexOf('\r\n\r\n', 0, 'latin1'));
  measure('scan: every byte through a table', () => {
    let bad = 0;
    for (let i = 0; i < size; i += 1) bad += valueClasses[input[i] as number] as number;
    return bad;
  });
  measure('scan: every character of a slice through a table', () => {
    const text = input.toString('latin1', 0, size);
    let bad = 0;
    for (let i = 0; i < size; i += 1) bad += valueClasses[text.charCodeAt(i)] as number;
    return bad;
  });
  measure('scan: slice, then indexOf of each CRLF and colon (checks nothing)', () => {
    const text = input.toString('latin1', 0, size);
    let lines = 0;
    for (let at = text.indexOf('\r\n'); at >= 0; at = text.indexOf('\r\n', at + 2)) {
      lines += text.indexOf(':', at + 2) >= 0 ? 1 : 2;
    }
    return lines;
  });
  measure('fieldIdOf("accept-encoding")', () => fieldIdOf('accept-encoding'));
}

measureRequests();
measureResponse();
measureChunked();
measureScanning();
