// `limit_rate`: bodies leave whole and unchanged, not faster than the rate, and what may not leave
// yet holds the upstream back. How much slower than the rate it is depends on the machine.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { freePorts } from './kit/ports.ts';
import { RawConnection, request, type RawResponse } from './kit/raw-client.ts';
import { startRawServer } from './kit/raw-server.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const bytes = 100_000;
const content = randomBytes(bytes);
const gigabyte = 1024 * 1024 * 1024;

interface Timed {
  readonly answer: RawResponse;
  readonly seconds: number;
}

async function timed(port: number, path: string, headers = {}): Promise<Timed> {
  const startedAt = performance.now();
  const answer = await request({ port, path, headers, limitMs: 30_000 });
  return { answer, seconds: (performance.now() - startedAt) / 1000 };
}

test(
  'bodies of files and of upstream servers leave at the rate',
  { timeout: 60_000 },
  async (t) => {
    const folder = tempFolder(t);
    fs.writeFileSync(`${folder}/file`, content);
    fs.writeFileSync(`${folder}/page.html`, content.toString('hex'));
    const [port = 0, plain = 0] = await freePorts(2);
    const common = `root ${folder};
    location / { limit_rate 100k; }
    location /after/ { alias ${folder}/; limit_rate 50k; limit_rate_after 60000; }
    location /variable/ { alias ${folder}/; set $limit_rate 100k; }
    location /mapped/ { alias ${folder}/; limit_rate $arg_rate; }
    location /if/ { alias ${folder}/; if ($arg_slow) { limit_rate 100k; } }
    location /zipped/ { alias ${folder}/; gzip on; limit_rate 100k; }`;
    await startProxy(
      `http { types { text/html html; }
      server { listen 127.0.0.1:${plain}; ${common} location /accel/ { alias ${folder}/;
        add_header X-Accel-Limit-Rate 100000; } }
      server { listen 127.0.0.1:${port}; ${common}
        location /passed/ { limit_rate 100k; proxy_pass http://127.0.0.1:${plain}/variable/; }
        location /accel/ { proxy_pass http://127.0.0.1:${plain}; }
        location /chunked/ { limit_rate 100k; proxy_set_header Accept-Encoding gzip;
          proxy_pass http://127.0.0.1:${plain}/zipped/; } } }`,
      { scope: t },
    );
    // Seconds that the rate asks for, without the eighth of a second that leaves at once.
    const least: readonly (readonly [string, number, string])[] = [
      ['/file', 0.85, 'raw'],
      ['/after/file', 0.65, 'raw'],
      ['/variable/file', 0.85, 'raw'],
      ['/mapped/file?rate=100k', 0.85, 'raw'],
      ['/if/file?slow=1', 0.85, 'raw'],
      ['/passed/file', 0.85, 'raw'],
      ['/accel/file', 0.85, 'raw'],
      ['/zipped/page.html', 0.85, 'zipped'],
      ['/chunked/page.html', 0.85, 'zipped'],
      ['/if/file', 0, 'raw'],
      ['/mapped/file', 0, 'raw'],
      ['/mapped/file?rate=0', 0, 'raw'],
      ['/mapped/file?rate=nonsense', 0, 'raw'],
    ];
    await Promise.all(
      least.map(async ([path, seconds, form]) => {
        const headers = form === 'zipped' ? { 'Accept-Encoding': 'gzip' } : {};
        const { answer, seconds: taken } = await timed(port, path, headers);
        assert.equal(answer.status, 200, path);
        const body = form === 'zipped' ? gunzipSync(answer.body) : answer.body;
        const expected = form === 'zipped' ? content.toString('hex') : content;
        assert.ok(Buffer.from(expected).equals(body), path);
        assert.ok(taken >= seconds, `${path} took ${taken} s`);
      }),
    );
  },
);

test(
  'a rate holds the upstream server back instead of filling memory',
  { timeout: 60_000 },
  async (t) => {
    let written = 0;
    const server = await startRawServer(
      (socket) => {
        const fill = (): void => {
          while (socket.writable && socket.write(content)) written += bytes;
          written += bytes;
        };
        socket.once('data', () => {
          socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${gigabyte}\r\n\r\n`);
          socket.on('drain', fill);
          fill();
        });
      },
      { scope: t },
    );
    const [port = 0] = await freePorts(1);
    await startProxy(
      `http { server { listen 127.0.0.1:${port}; location / { limit_rate 200k; proxy_max_temp_file_size 0; proxy_pass http://${server.address}; } } }`,
      { scope: t },
    );
    const connection = await RawConnection.open({ port, limitMs: 20_000 });
    await connection.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
    const startedAt = performance.now();
    const head = await connection.bytes(1);
    assert.equal(head.toString(), 'H');
    await connection.bytes(400_000);
    const seconds = (performance.now() - startedAt) / 1000;
    assert.ok(seconds >= 1.8, `${seconds} s`);
    // What the kernel holds between the two, and no more.
    assert.ok(written < 64 * 1024 * 1024, `${written} bytes were taken`);
    connection.close();
  },
);
