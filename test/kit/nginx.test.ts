import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { checkConfig, nginxAvailable, startNginx } from './nginx.ts';
import { freePort } from './ports.ts';
import { request } from './raw-client.ts';

const skip = !nginxAvailable;

test('nginx serves as soon as it has started, and logs inside its folder', { skip }, async (t) => {
  const port = await freePort();
  const nginx = await startNginx(
    `events {}
     http { server { listen 127.0.0.1:${port}; location / { return 200 "hello\\n"; } } }`,
    { scope: t },
  );
  const response = await request({ port, path: '/here' });
  assert.equal(response.body.toString(), 'hello\n');
  await nginx.stop();
  assert.match(nginx.accessLog(), /GET \/here/);
  await assert.rejects(request({ port }), /ECONNREFUSED/);
});

test('nothing is left behind when the test that owns it is over', { skip }, async (t) => {
  let folder = '';
  let port = 0;
  await t.test('inner', async (inner) => {
    port = await freePort();
    const config = `events {}\nhttp { server { listen 127.0.0.1:${port}; } }`;
    folder = (await startNginx(config, { scope: inner })).folder;
    assert.ok(existsSync(folder));
  });
  assert.equal(existsSync(folder), false);
  await assert.rejects(request({ port }), /ECONNREFUSED/);
});

test('a configuration that nginx refuses rejects with its words', { skip }, async (t) => {
  await assert.rejects(
    startNginx('events {}\nhttp { nonsense on; }', { scope: t }),
    /unknown directive "nonsense" in .*nginx\.conf:2/,
  );
});

test('a check gives the verdict and the messages with their line', { skip }, (t) => {
  assert.equal(checkConfig('events {}\nhttp {}', { scope: t }).ok, true);
  assert.deepEqual(checkConfig('events {}\nhttp {\n  listen 80;\n}', { scope: t }), {
    ok: false,
    messages: ['[emerg] "listen" directive is not allowed here in nginx.conf:3'],
  });
});
