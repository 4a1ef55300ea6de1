// client_body_early_read: a request is routed by its body.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';

const config = (port: number, upstream: string): string => `
http {
  access_log off;
  map $request_body $place { default none; ~pay pay; }
  server {
    listen 127.0.0.1:${port};
    client_body_early_read $arg_early $http_x_early;
    client_max_body_size 20;
    client_body_buffer_size 10;
    client_body_timeout 200ms;
    if ($request_body = "move") { rewrite ^ /moved; }
    location / { return 200 "[$request_body] $place"; }
    location /moved { return 200 "moved"; }
    location /up { proxy_pass http://${upstream}; proxy_set_header X-Place $place; }
  }
}`;

test('the body is known before a location is chosen, where a value asks for it', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({}, t);
  await startProxy(config(port, upstream.address), { scope: t });
  const send = async (path: string, body: string, headers = {}): Promise<string> => {
    const answer = await request({ port, method: 'POST', path, body, headers });
    return answer.status === 200 ? answer.body.toString() : String(answer.status);
  };
  assert.equal(await send('/?early=1', 'pay me'), '[pay me] pay');
  assert.equal(await send('/', 'pay me', { 'X-Early': 'yes' }), '[pay me] pay');
  assert.equal(await send('/', 'pay me'), '[] none');
  assert.equal(await send('/?early=0', 'pay me'), '[] none');
  assert.equal(await send('/?early=1', 'move'), 'moved');
  assert.equal(await send('/?early=1', 'pay', { 'Transfer-Encoding': 'chunked' }), '[pay] pay');
  // Beyond the buffer it is in a file, beyond the limit it is refused.
  assert.equal(await send('/?early=1', 'pay'.repeat(5)), '[] none');
  assert.equal(await send('/?early=1', 'pay'.repeat(9)), '413');
  const long = { 'Transfer-Encoding': 'chunked' };
  assert.equal(await send('/?early=1', 'pay'.repeat(9), long), '413');
  for (const body of ['pay', 'pay'.repeat(5)]) {
    await send('/up?early=1', body);
    const received = upstream.requests.at(-1);
    assert.equal(received?.body.toString(), body);
    const place = received.headers.find(([name]) => name === 'X-Place')?.[1];
    assert.equal(place, body === 'pay' ? 'pay' : 'none');
  }
});

test('a body in pieces is waited for, and one that does not come is not', async (t) => {
  const port = await freePort();
  await startProxy(config(port, '127.0.0.1:1'), { scope: t });
  const head = 'POST /?early=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n';
  const whole = await RawConnection.open({ port });
  await whole.sendInPieces(`${head}pay me`, 7);
  assert.equal((await whole.response()).body.toString(), '[pay me] pay');
  const part = await RawConnection.open({ port });
  await part.send(`${head}pay`);
  assert.equal((await part.response()).status, 408);
});
