// A TLS session that is withdrawn, by a reload, while a connection to an upstream is being resumed on
// it: the connection must not be used, and the request must not be lost.

import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { eventually, lines } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { atEnd } from './kit/scope.ts';

const pki = await testPki();

interface Relay {
  readonly port: number;
  connections: number;
  /** What the server sends waits until it is called; null: it passes. */
  hold: Promise<void> | null;
}

/** Stands before the server and can hold its answers back. */
async function startRelay(t: TestContext, to: number): Promise<Relay> {
  const server = createServer((socket) => {
    const upstream = connect(to, '127.0.0.1');
    const held = relay.hold;
    for (const one of [socket, upstream]) one.on('error', () => undefined);
    socket.on('close', () => upstream.destroy());
    upstream.on('close', () => socket.destroySoon());
    socket.pipe(upstream);
    // The hello of the proxy is out: what it offers is decided.
    upstream.once('readable', () => {
      relay.connections += 1;
      void (held ?? Promise.resolve()).then(() => upstream.pipe(socket));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => void server.close());
  const relay: Relay = { port: (server.address() as AddressInfo).port, connections: 0, hold: null };
  return relay;
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a ${version} session withdrawn while it is resumed costs no request`, async (t) => {
    const upstream = await RecordingUpstream.start(
      { tls: { ...pki.a.tls, maxVersion: version }, answer: { close: true } },
      t,
    );
    const relay = await startRelay(t, upstream.port);
    const port = await freePort();
    const text = (depth: number): string =>
      `master_process off; error_log error.log info; events { }
      http { log_format f "$status|$upstream_addr|$upstream_ssl_reused|$upstream_ssl_verify";
        access_log access.log f;
        server { listen 127.0.0.1:${port}; location / {
          proxy_pass https://127.0.0.1:${relay.port}; proxy_ssl_name a.test;
          proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_verify_depth ${depth};
          proxy_next_upstream off; } } }`;
    const { proxy, folder, accessLog, errorLog } = await startProxy(text(4), { scope: t });
    assert.equal((await request({ port })).status, 200);
    const { promise, resolve } = Promise.withResolvers<void>();
    relay.hold = promise;
    const late = request({ port, method: 'POST', body: 'once' });
    await eventually('the second connection', () => relay.connections === 2);
    relay.hold = null;
    await proxy.reload({ file: `${folder}/sallyport.conf`, text: text(3), prefix: folder });
    resolve();
    assert.equal((await late).status, 200);
    assert.deepEqual(
      upstream.requests.map(({ method }) => method),
      ['GET', 'POST'],
    );
    const address = `127.0.0.1:${relay.port}`;
    assert.deepEqual(await lines(accessLog, 2), [
      `200|${address}|.|SUCCESS`,
      `200|${address}, ${address}|r, .|FAILED:UPSTREAM_TLS_SESSION_STALE, SUCCESS`,
    ]);
    assert.match(errorLog(), /\[info\].*UPSTREAM_TLS_SESSION_STALE: .*no longer counts/);
    assert.doesNotMatch(errorLog(), /\[(error|crit|alert|emerg)\]/);
  });
}
