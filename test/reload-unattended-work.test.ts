// What goes on after a request without its client: copies of it (`mirror`) and what follows it
// (`post_action`). A reload leaves it its logs, and a shutdown waits for it.

import assert from 'node:assert/strict';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { freePorts } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { startProxy } from './kit/sallyport.ts';

/** A server that answers requests for "/held" when it is told to. */
async function startHolding(t: TestContext) {
  const held: ServerResponse[] = [];
  const server = createServer(({ url }, answer) => {
    if (url === '/held') held.push(answer);
    else answer.end('done');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { held, address: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function setup(t: TestContext) {
  const [port = 0] = await freePorts(1);
  const { held, address } = await startHolding(t);
  const proxy = await startProxy(
    `http {
       log_format of "$uri $upstream_status";
       access_log access.log of;
       server {
         listen 127.0.0.1:${port};
         location /copied { mirror /copy; proxy_pass http://${address}; }
         location /copy { log_subrequest on; proxy_pass http://${address}/held; }
         location /followed { post_action /action; proxy_pass http://${address}; }
         location /action { proxy_pass http://${address}/held; }
       }
     }`,
    { scope: t },
  );
  const begin = async (path: string): Promise<void> => {
    const { body } = await request({ port, path, headers: { Connection: 'close' } });
    assert.equal(body.toString(), 'done');
    await eventually(`what goes on after ${path}`, () => held.length > 0);
  };
  return { ...proxy, begin, held };
}

const work = [
  ['a mirrored request', '/copied', '/copy 200'],
  ['what follows a request', '/followed', '/action 200'],
] as const;

for (const [name, path, line] of work) {
  test(`${name} keeps its logs over a reload`, async (t) => {
    const { proxy, begin, held, accessLog } = await setup(t);
    await begin(path);
    await proxy.reload();
    await proxy.reload();
    assert.ok(!accessLog().includes(line));
    for (const answer of held) answer.end('late');
    await eventually('the line', () => accessLog().includes(line));
  });

  test(`a shutdown waits for ${name}, also for one of the configuration before`, async (t) => {
    const { proxy, begin, held, accessLog } = await setup(t);
    await begin(path);
    await proxy.reload();
    let ended = false;
    const end = proxy.quit().then(() => (ended = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(ended, false);
    for (const answer of held) answer.end('late');
    await end;
    assert.ok(accessLog().includes(line));
  });

  test(`${name} that is cut short is logged all the same`, async (t) => {
    const { proxy, begin, accessLog } = await setup(t);
    await begin(path);
    await proxy.close();
    assert.match(accessLog(), new RegExp(`^${line.replace('200', '')}`, 'm'));
  });
}
