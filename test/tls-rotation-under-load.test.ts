// Twenty changes of the server's certificate, of the upstream's CA and of its revocation list while
// ten thousand requests pass through TLS on both sides: none may be lost.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { CertificateAuthority } from '../src/pki/authority.ts';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { atEnd } from './kit/scope.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const swaps = 20;
const requests = 10_000;
const clients = 16;
/** After so many requests a client makes a new connection. */
const requestsEach = 25;

/** An upstream that closes its connections now and then, as real ones do. */
async function startUpstream(t: TestContext): Promise<number> {
  const server = createServer({ ...pki.a.tls, keepAliveTimeout: 60_000 }, (_request, response) => {
    response.end('ok');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Load {
  readonly port: number;
  sent: number;
  /** Status or error of every request that was not answered 200. */
  readonly lost: string[];
  connections: number;
}

/** One client: asks until all requests are made, over one connection after the other. */
async function askOn(load: Load): Promise<void> {
  while (load.sent < requests) {
    load.connections += 1;
    const tls = { ca: pki.ca, servername: 'a.test' };
    const connection = await RawConnection.open({ port: load.port, tls, limitMs: 15_000 });
    for (let i = 0; i < requestsEach && load.sent < requests; i += 1) {
      load.sent += 1;
      try {
        const { status } = await connection.request();
        if (status !== 200) load.lost.push(String(status));
      } catch (error) {
        load.lost.push(String(error));
        break;
      }
    }
    connection.close();
  }
}

/** What can change, each with its contents; all of them are good. */
async function rotation(): Promise<readonly Readonly<Record<string, string>>[]> {
  const states: Record<string, string>[] = [];
  for (let i = 0; i < swaps; i += 1) {
    const pair = await pki.root.issue({ commonName: 'a.test', purpose: 'server' });
    const extra = await CertificateAuthority.create({ commonName: `Root ${i}` });
    const crl = await pki.root.crl({ revoked: [pki.revoked.certificatePem, pair.certificatePem] });
    const kinds = [
      { 'a.crt': pair.chainPem, 'a.key': pair.keyPem },
      { 'ca.crt': pki.ca + extra.certificatePem },
      { 'root.crl': crl },
    ];
    states.push(kinds[i % kinds.length] ?? {});
  }
  return states;
}

async function rotate(proxy: RunningProxy, load: Load): Promise<number> {
  let done = 0;
  for (const files of await rotation()) {
    // Spread over the whole run, however fast the machine is.
    const due = (done + 1) * (requests / (swaps + 2));
    await eventually('the next swap', () => load.sent >= due, 60_000);
    const before = countOf(proxy);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(proxy.folder, name), text);
    const wanted = before + Object.keys(files).length;
    await eventually('the files in use', () => countOf(proxy) >= wanted, 20_000);
    done += 1;
  }
  return done;
}

function countOf(proxy: RunningProxy): number {
  return proxy.errorLog().split('has changed and is in use').length - 1;
}

test('no request is lost while certificate, CA and revocation list change 20 times', async (t) => {
  const folder = tempFolder(t);
  const port = await freePort();
  const upstream = await startUpstream(t);
  writeIn(folder, 'a.crt', pki.a.chainPem);
  writeIn(folder, 'a.key', pki.a.keyPem);
  writeIn(folder, 'ca.crt', pki.ca);
  writeIn(folder, 'root.crl', await pki.root.crl({ revoked: [] }));
  const proxy = await startProxy(
    `worker_processes 2; master_process on;
    http { upstream g { server 127.0.0.1:${upstream}; }
      server { listen 127.0.0.1:${port} ssl; ssl_certificate a.crt; ssl_certificate_key a.key;
        keepalive_requests 1000;
        location / { proxy_pass https://g; proxy_ssl_name a.test;
          proxy_ssl_trusted_certificate ca.crt; proxy_ssl_crl root.crl; } } }`,
    { scope: t, folder },
  );
  const load: Load = { port, sent: 0, lost: [], connections: 0 };
  const running = Promise.all(Array.from({ length: clients }, () => askOn(load)));
  const [done] = await Promise.all([rotate(proxy, load), running]);
  assert.deepEqual(load.lost, []);
  assert.deepEqual([done, load.sent], [swaps, requests]);
  assert.ok(load.connections > clients, 'there were new connections all the time');
  assert.doesNotMatch(proxy.errorLog(), /\[(error|crit|alert|emerg)\]/);
});
