// The public API over the real data path, in the calling thread and in a worker.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createProxy, loadConfig, type ConfigurationOptions, type Proxy } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'public-api-'));
after(() => rmSync(folder, { recursive: true }));

function answering(answer: string, extra = ''): ConfigurationOptions {
  const text = `${extra}
    error_log ${join(folder, 'error.log')};
    events {}
    http {
      access_log off;
      server { listen 127.0.0.1:0; location / { return 200 "${answer}"; } }
    }`;
  return { text, prefix: folder };
}

async function ask(proxy: Proxy): Promise<string> {
  const address = proxy.addresses()[0]?.address;
  const port = address?.kind === 'ip' ? address.port : 0;
  const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
  return await response.text();
}

for (const extra of ['master_process off;', 'worker_processes 2;']) {
  test(`a proxy starts, reloads and quits: ${extra}`, async (context) => {
    const proxy = createProxy(answering('first', extra));
    context.after(() => proxy.close());
    await proxy.start();
    assert.equal(await ask(proxy), 'first');
    await proxy.reload(answering('second', extra));
    assert.equal(await ask(proxy), 'second');
    await proxy.quit();
    await assert.rejects(ask(proxy));
  });
}

test('a configuration with errors is loaded with its diagnostics and cannot be started', async () => {
  const configuration = await loadConfig(answering('none', 'no_such_directive on;'));
  assert.equal(configuration.ok, false);
  assert.match(configuration.diagnostics[0]?.message ?? '', /no_such_directive/);
  await assert.rejects(createProxy(configuration).start(), { code: 'CONFIG_INVALID' });
});

test('a loaded configuration is served as it was loaded', async (context) => {
  const configuration = await loadConfig(answering('loaded', 'master_process off;'));
  const proxy = createProxy(configuration);
  context.after(() => proxy.close());
  await proxy.start();
  assert.equal(await ask(proxy), 'loaded');
});
