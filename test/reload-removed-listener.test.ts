// Connections on an address that a reload has taken out of the configuration: what is under way is
// finished and logged, and no further request is served by a configuration that is no longer there.

import assert from 'node:assert/strict';
import { writeFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { freePorts } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';
import { RawConnection } from './kit/raw-client.ts';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`;

test('a request that was half sent is answered, logged, and the last on its connection', async (t) => {
  const [port = 0, removed = 0] = await freePorts(2);
  const text = (listen: string, answer: string): string =>
    `events { } http {
      log_format path '$uri'; access_log access.log path;
      server { listen 127.0.0.1:${port}; ${listen} location / { return 200 ${answer}; } } }`;
  const running = await startProgram(text(`listen 127.0.0.1:${removed};`, 'old'), { scope: t });
  const { folder } = running;
  const half = await RawConnection.open({ port: removed });
  t.after(() => half.close());
  await half.send(get('/first'));
  assert.equal((await half.response()).body.toString(), 'old');
  const idle = await RawConnection.open({ port: removed });
  t.after(() => idle.close());
  await idle.send(get('/idle'));
  await idle.response();
  await half.send('GET /second HTTP/1.1\r\nHo');
  // Only when this has been answered has the half request arrived, too.
  const other = await RawConnection.open({ port });
  t.after(() => other.close());
  await other.request({ path: '/other' });

  const main = 'daemon off; pid sallyport.pid; error_log error.log info;';
  writeFileSync(join(folder, 'sallyport.conf'), main + text('', 'new'));
  running.reload();
  await eventually('the new configuration', async () => {
    return (await other.request({ path: '/poll' })).body.toString() === 'new';
  });
  await idle.closed();
  await half.send('st: x\r\n\r\n');
  const last = await half.response();
  assert.equal(last.body.toString(), 'old');
  assert.ok(last.headers.some(([name, value]) => `${name}: ${value}` === 'Connection: close'));
  await half.closed();
  const logged = (): string => readFileSync(join(folder, 'access.log'), 'utf8');
  await eventually('the line', () => logged().includes('/second\n'));
  assert.doesNotMatch(running.errorLog(), /closed already/);
});
