import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { OwnSockets } from './own-sockets.ts';

function listen(host: string, port: number) {
  const address = { kind: 'ip', host, port } as const;
  return { key: `${host}:${port}`, address, ipv6Only: true };
}

test('all addresses that cannot be bound are named', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { readonly port: number };
  const sockets = new OwnSockets({ reusePort: false });
  const listens = [listen('127.0.0.1', port), listen('203.0.113.77', 8080)];
  assert.throws(() => sockets.probe(listens), {
    message:
      `bind() to 127.0.0.1:${port} failed (98: Address already in use)\n` +
      'bind() to 203.0.113.77:8080 failed (99: Cannot assign requested address)',
  });
  server.close();
});

test('after a failure none of the addresses stays bound', () => {
  const sockets = new OwnSockets({ reusePort: false });
  const listens = [listen('127.0.0.1', 0), listen('203.0.113.77', 8080)];
  assert.throws(() => sockets.forWorker(0, listens), { code: 'LISTEN_FAILED' });
  assert.deepEqual(
    sockets.addresses().filter(({ key }) => key.startsWith('203')),
    [],
  );
});

for (const reusePort of [false, true]) {
  test(`a socket in reserve takes the place of one that is gone (reusePort ${reusePort})`, async () => {
    const sockets = new OwnSockets({ reusePort });
    const listens = [listen('127.0.0.1', 0)];
    const [first] = sockets.forWorker(0, listens);
    sockets.reserve(listens, 1);
    const before = createServer().listen(first?.handle);
    await once(before, 'listening');
    before.close();
    await once(before, 'close');
    const [second] = sockets.forWorker(0, listens);
    const after = createServer().listen(second?.handle);
    await once(after, 'listening');
    assert.deepEqual(after.address(), {
      address: '127.0.0.1',
      family: 'IPv4',
      port: (sockets.addresses()[0]?.address as { readonly port: number }).port,
    });
    after.close();
    sockets.close();
  });
}

test('only the first worker gets a unix socket', () => {
  const sockets = new OwnSockets({ reusePort: true });
  const address = { kind: 'unix', path: '/nonexistent/s' } as const;
  const key = 'unix:/nonexistent/s';
  const listens = [{ key, address, ipv6Only: false }];
  assert.deepEqual(sockets.forWorker(0, listens), [
    { key, id: key, handle: null, descriptor: null, path: '/nonexistent/s' },
  ]);
  assert.deepEqual(sockets.forWorker(1, listens), [
    { key, id: key, handle: null, descriptor: null, path: null },
  ]);
});
