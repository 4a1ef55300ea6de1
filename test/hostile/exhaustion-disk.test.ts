// A disk that is full: temporary files of requests and answers on a file system of 256 KB. Requests
// get 500; answers wait in memory and come whole, or are cut so that the client sees it.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually } from '../kit/eventually.ts';
import { floodBytes } from '../kit/kernel-buffers.ts';
import { freePort } from '../kit/ports.ts';
import { startProgram } from '../kit/program.ts';
import { RawConnection, request } from '../kit/raw-client.ts';
import { RecordingUpstream } from '../kit/recording-upstream.ts';
import { tempFolder } from '../kit/temp-folder.ts';
import { tryRequest } from './kit/busy-client.ts';
import { proved } from './kit/proved.ts';

const scope = { after };
const folder = tempFolder(scope);
const disk = join(folder, 'disk');
mkdirSync(disk);
// In a mount namespace that ends with the program: nothing of it is left behind.
const small = 'mount -t tmpfs -o size=256k none "$0" && exec "$@"';
const launcher = ['unshare', '--mount', 'sh', '-c', small, disk];
const [unshare = '', ...probe] = [...launcher, 'true'];
const skip = spawnSync(unshare, probe).status !== 0 && 'no file system can be mounted here';

const port = await freePort();
const upstream = await RecordingUpstream.start({ answer: { body: 'fine' } }, scope);
const config = `events {} http {
    client_body_temp_path ${disk}/body;
    proxy_temp_path ${disk}/proxy;
    client_body_buffer_size 8k; client_max_body_size 0;
    access_log access.log;
    server {
      listen 127.0.0.1:${port};
      location / { proxy_pass http://${upstream.address}; }
      location /own { return 200 own; }
    }
  }`;
const running = skip === false ? await startProgram(config, { scope, folder, launcher }) : null;

function errorLog(): string {
  return running?.errorLog() ?? '';
}

test(
  'a body that the disk has no room for is 500, and the server never sees it',
  { skip },
  async () => {
    const answer = await request({ port, method: 'POST', body: Buffer.alloc(1_000_000, 'x') });
    assert.equal(answer.status, 500);
    assert.match(
      errorLog(),
      /\[crit\] .*request body can't be buffered: write\(\) failed \(28: No space left on device\)/,
    );
    assert.deepEqual(upstream.requests, []);
    const next = await request({ port, method: 'POST', body: Buffer.alloc(100_000, 'x') });
    assert.equal(next.body.toString(), 'fine');
    proved(2);
  },
);

test(
  'an answer that the disk has no room for comes whole, at the pace of its client',
  { skip },
  async () => {
    const body = Buffer.alloc(floodBytes, 'abcdefghijk');
    upstream.answer = { body };
    const client = await RawConnection.open({ port, limitMs: 30_000 });
    client.socket.pause();
    await client.send('GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    await eventually(
      'the word',
      () => /can't be written to a temporary file: write\(\) failed/.test(errorLog()),
      30_000,
    );
    assert.equal((await tryRequest({ port }, '/own'))?.status, 200);
    const hash = createHash('sha1');
    let length = 0;
    let begun = false;
    const ended = new Promise((resolve) => client.socket.once('end', resolve));
    client.socket.on('data', (chunk: Buffer) => {
      const start = begun ? 0 : chunk.indexOf('\r\n\r\n') + 4;
      begun = true;
      length += chunk.length - start;
      hash.update(chunk.subarray(start));
    });
    client.socket.resume();
    await ended;
    client.close();
    assert.equal(length, body.length);
    assert.equal(hash.digest('hex'), createHash('sha1').update(body).digest('hex'));
    proved();
  },
);
