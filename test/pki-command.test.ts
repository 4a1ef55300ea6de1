// `sallyport pki`: what it makes is verified by OpenSSL, and by the proxy on a real hop.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createServer } from 'node:tls';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const program = path.join(import.meta.dirname, '..', 'bin', 'sallyport');

function pki(folder: string, ...args: readonly string[]) {
  return spawnSync(program, ['pki', ...args, '--dir', folder], { encoding: 'utf8' });
}

function done(folder: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = pki(folder, ...args);
  assert.equal(status, 0, stderr);
  return stdout;
}

test('certificates are issued, listed, renewed, and good for a verified hop', async (t) => {
  const folder = path.join(tempFolder(t), 'ca');
  assert.match(
    done(folder, 'init', '--name', 'Test CA'),
    /proxy_ssl_trusted_certificate \S+ca\.crt;/,
  );
  const text = done(
    folder,
    'issue',
    'app.internal',
    '--ip',
    '127.0.0.1',
    '--uri',
    'spiffe://x/app',
  );
  assert.match(text, /ssl_certificate_key \S+issued\/app\.internal\.key;/);
  done(folder, 'issue', 'proxy', '--client');
  const issued = path.join(folder, 'issued', 'app.internal');
  const verified = execFileSync('openssl', [
    'verify',
    '-CAfile',
    `${folder}/ca.crt`,
    `${issued}.crt`,
  ]);
  assert.match(verified.toString(), /: OK/);
  for (const key of ['ca.key', 'issued/app.internal.key', 'issued/proxy.key']) {
    assert.equal(fs.statSync(path.join(folder, key)).mode & 0o777, 0o600, key);
  }
  const list = done(folder, 'list');
  assert.match(
    list,
    /^app\.internal +server .*DNS:app\.internal, IP Address:127\.0\.0\.1, URI:spiffe:\/\/x\/app$/m,
  );
  assert.match(list, /^proxy +client /m);

  const before = fs.readFileSync(`${issued}.crt`, 'utf8');
  assert.match(done(folder, 'renew', 'app.internal', '--days', '30'), /29 days left|30 days left/);
  assert.notEqual(fs.readFileSync(`${issued}.crt`, 'utf8'), before);
  assert.match(done(folder, 'list'), /IP Address:127\.0\.0\.1, URI:spiffe/);
  assert.match(done(folder, 'renew', '--all', '--within', '31'), /^app\.internal: /m);

  const options = { cert: fs.readFileSync(`${issued}.crt`), key: fs.readFileSync(`${issued}.key`) };
  const server = createServer(options, (socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
  });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(
    `events {} http { server { listen 127.0.0.1:0; location / {
      proxy_pass https://127.0.0.1:${port};
      proxy_ssl_trusted_certificate ${folder}/ca.crt;
    } } }`,
    { scope: t },
  );
  const [listening] = proxy.proxy.addresses();
  assert.ok(listening?.address.kind === 'ip');
  const answer = await fetch(`http://127.0.0.1:${listening.address.port}/`);
  assert.equal(answer.status, 200, proxy.errorLog());
});

test('a second init, a strange name and a missing CA are refused in words', (t) => {
  const folder = path.join(tempFolder(t), 'ca');
  const missing = pki(folder, 'issue', 'x');
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /make an authority with "sallyport pki init"/);
  done(folder, 'init');
  const key = fs.readFileSync(`${folder}/ca.key`, 'utf8');
  const again = pki(folder, 'init');
  assert.equal(again.status, 1);
  assert.match(again.stderr, /there is an authority in .* already/);
  assert.equal(fs.readFileSync(`${folder}/ca.key`, 'utf8'), key);
  const strange = pki(folder, 'issue', '../x');
  assert.equal(strange.status, 1);
  assert.match(strange.stderr, /is no name for files/);
  fs.writeFileSync(`${folder}/ca.key`, 'garbage');
  assert.equal(pki(folder, 'issue', 'x').status, 1);
});
