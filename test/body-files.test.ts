// `client_body_in_file_only`: request bodies in files that servers behind the proxy read themselves.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

test('the body goes into a file, and its name upstream', async (t) => {
  const seen: { name: string; text: string; mode: number }[] = [];
  const upstream = await RecordingUpstream.start(
    {
      answer: (received) => {
        const name = received.header('x-file') ?? '';
        const text = name === '' ? '' : readFileSync(name, 'utf8');
        seen.push({ name, text, mode: name === '' ? 0 : statSync(name).mode & 0o777 });
        return {};
      },
    },
    t,
  );
  const port = await freePort();
  const running = await startProxy(
    `http { client_body_temp_path bodies 1 2; server { listen 127.0.0.1:${port};
      proxy_pass_request_body off; proxy_set_header X-File $request_body_file;
      location /off { proxy_pass http://${upstream.address}; }
      location /clean { client_body_in_file_only clean; proxy_pass http://${upstream.address}; }
      location /on { client_body_in_file_only on; proxy_pass http://${upstream.address}; } } }`,
    { scope: t },
  );
  for (const place of ['/off', '/clean', '/on']) {
    await request({ port, path: place, method: 'POST', body: `body of ${place}` });
  }
  const [off, clean, on] = seen;
  assert.equal(off?.name, '');
  assert.equal(clean?.text, 'body of /clean');
  assert.equal(on?.text, 'body of /on');
  assert.match(on.name, new RegExp(`^${path.join(running.folder, 'bodies')}/\\d/\\d\\d/\\d{10}`));
  assert.equal(on.mode & 0o007, 0, 'not for everybody');
  await eventually('the file to be removed', () => !existsSync(clean?.name ?? ''));
  assert.ok(existsSync(on.name));
  assert.equal(upstream.requests[1]?.body.length, 0);
  await request({ port, path: '/on' });
  assert.equal(seen[3]?.name, '', 'a request without a body has no file');
});

test('bodies in files are passed on as in nginx', { skip: !nginxAvailable }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    config: ({ port, upstreams }) => `events {}
http { server { listen 127.0.0.1:${port}; proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_set_header X-Body "[$request_body]";
  location /clean { client_body_in_file_only clean; proxy_pass http://${upstreams.upstream}; }
  location /on { client_body_in_file_only on; proxy_pass http://${upstreams.upstream}; }
  location /small { client_body_buffer_size 8; proxy_pass http://${upstreams.upstream}; }
} }`,
    requests: ['/clean', '/on', '/small'].flatMap((place) => [
      { path: place },
      { path: place, method: 'POST', body: 'abc' },
      { path: place, method: 'POST', body: 'x'.repeat(100_000) },
      {
        path: place,
        method: 'PUT',
        headers: { 'Transfer-Encoding': 'chunked' },
        body: 'y'.repeat(70_000),
      },
    ]),
  });
  assertSameAsNginx(pairs);
});
