// What works but is likely not meant: old protocol versions, certificates near their end, variables
// of the environment that switch verification off. Warned of, or refused, before anything happens.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { makeAuthority, makeCertificate } from '../src/tls/certificates.test-kit.ts';
import { opensslAvailable, opensslConnection, opensslServer } from './kit/openssl.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { runProgram, startProgram } from './kit/program.ts';
import { request } from './kit/raw-client.ts';
import { startProxy } from './kit/sallyport.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

const pair = `ssl_certificate ${pki.a.certificate}; ssl_certificate_key ${pki.a.key};`;
const skip = { skip: !opensslAvailable };

async function warningsOf(http: string): Promise<string[]> {
  const text = `events { } http {\n${http}\n}`;
  const file = `${folder}/sallyport.conf`;
  const { ok, diagnostics } = await loadConfig({ file, text, prefix: folder });
  assert.equal(ok, true, JSON.stringify(diagnostics));
  return diagnostics.map(({ at, message }) => `${at?.line}:${at?.column} ${message}`);
}

function notSpoken(name: string, ciphers: string): string {
  return (
    `${name} will not be spoken: OpenSSL allows it at security level 0 only; ` +
    `leave ${name} out, or, for a peer that has nothing newer, write ` +
    `ciphers "${ciphers}:@SECLEVEL=0"`
  );
}

test('TLS 1.0 and 1.1 are warned of on both doors, once for what is inherited', async () => {
  const servers = [1, 2]
    .map(
      (i) => `server { listen 127.0.0.1:1844${i} ssl; ${pair}
        location / { proxy_pass https://127.0.0.1:9; } }`,
    )
    .join('\n');
  const found = await warningsOf(
    `ssl_protocols TLSv1 TLSv1.2;\nproxy_ssl_protocols TLSv1.1 TLSv1.3;\n${servers}`,
  );
  assert.deepEqual(found, [
    `2:1 ${notSpoken('TLSv1', 'HIGH:!aNULL:!MD5')}`,
    `3:1 ${notSpoken('TLSv1.1', 'DEFAULT')}`,
  ]);
});

test('at security level 0 there is no warning', async () => {
  const found = await warningsOf(
    `ssl_protocols TLSv1.1 TLSv1.2; ssl_ciphers DEFAULT:@SECLEVEL=0;
     proxy_ssl_protocols TLSv1.1 TLSv1.2; proxy_ssl_ciphers DEFAULT:@SECLEVEL=0;
     server { listen 127.0.0.1:18443 ssl; ${pair}
       location / { proxy_pass https://127.0.0.1:9; } }`,
  );
  assert.deepEqual(found, []);
});

for (const [version, option] of [
  ['TLSv1', '-tls1'],
  ['TLSv1.1', '-tls1_1'],
] as const) {
  test(
    `${version} from clients: refused at the usual level, spoken at level 0`,
    skip,
    async (t) => {
      const [usual, low] = [await freePort(), await freePort()];
      await startProxy(
        `http { ssl_protocols ${version} TLSv1.2;
        server { listen 127.0.0.1:${usual} ssl; ${pair} return 200; }
        server { listen 127.0.0.1:${low} ssl; ${pair} return 200;
          ssl_ciphers DEFAULT:@SECLEVEL=0; } }`,
        { scope: t },
      );
      const args = [option, '-cipher', 'DEFAULT:@SECLEVEL=0'];
      assert.equal((await opensslConnection(usual, args)).ok, false);
      assert.equal((await opensslConnection(low, args)).protocol, version);
      assert.equal((await opensslConnection(usual, [])).protocol, 'TLSv1.2');
    },
  );

  test(
    `${version} to upstreams: refused at the usual level, spoken at level 0`,
    skip,
    async (t) => {
      const port = await freePort();
      const files = ['-cert', pki.a.certificate, '-key', pki.a.key];
      const server = await opensslServer([...files, option, '-cipher', 'DEFAULT:@SECLEVEL=0'], t);
      const proxy = await startProxy(
        `http { proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_name a.test;
        proxy_ssl_protocols ${version} TLSv1.2;
        server { listen 127.0.0.1:${port};
          location /usual { proxy_pass https://${server}; }
          location /low { proxy_pass https://${server}; proxy_ssl_ciphers DEFAULT:@SECLEVEL=0; }
        } }`,
        { scope: t },
      );
      assert.equal((await request({ port, path: '/usual' })).status, 502);
      assert.match(proxy.errorLog(), /UPSTREAM_TLS_PROTOCOL_MISMATCH: .*proxy_ssl_protocols/);
      const low = await request({ port, path: '/low' });
      assert.equal(low.status, 200, proxy.errorLog());
      assert.match(low.body.toString(), new RegExp(`${version}\\b`));
    },
  );
}

const dayMs = 86_400_000;

function certificateOf(name: string, fromDays: number, toDays: number): string {
  const root = makeAuthority('Root');
  const at = (days: number): Date => new Date(Date.now() + days * dayMs);
  const options = { notBefore: at(fromDays), notAfter: at(toDays), dns: ['a.test'] };
  const leaf = makeCertificate({ commonName: name, issuer: root, ...options });
  writeIn(folder, `${name}.key`, leaf.keyPem);
  return writeIn(folder, `${name}.crt`, leaf.pem);
}

test('certificates that are over, not yet begun or nearly over are warned of', async () => {
  const over = certificateOf('over', -90, -1);
  const next = certificateOf('next', 1, 90);
  const soon = certificateOf('soon', -80, 9.5);
  const today = certificateOf('today', -80, 0.5);
  const brief = certificateOf('brief', -1, 5);
  const fine = certificateOf('fine', -10, 80);
  const server = (path: string, i: number): string =>
    `server { listen 127.0.0.1:1844${i} ssl; ssl_certificate_key ${path.replace('.crt', '.key')};\n` +
    `ssl_certificate ${path}; }`;
  const found = await warningsOf([over, next, soon, today, brief, fine].map(server).join('\n'));
  assert.equal(found.length, 4, found.join('\n'));
  const [first = '', second = '', third = '', fourth = ''] = found;
  assert.match(first, /^3:17 "\S+over\.crt": the certificate expired on \w{3} .* GMT$/);
  assert.match(second, /^5:17 "\S+next\.crt": the certificate is not valid before \w{3} .* GMT$/);
  assert.match(third, /^7:17 "\S+soon\.crt": the certificate expires in 9 days, on \w{3} .* GMT$/);
  assert.match(fourth, /^9:17 "\S+today\.crt": the certificate expires in less than a day, on /);
});

test('so are CAs for clients and upstreams, and the certificate shown to upstreams', async () => {
  const found = await warningsOf(
    `server { listen 127.0.0.1:18443 ssl; ${pair}
ssl_client_certificate ${pki.expired.certificate};
location / { proxy_pass https://127.0.0.1:9;
proxy_ssl_trusted_certificate ${pki.expired.certificate};
proxy_ssl_certificate ${pki.expiredClient.certificate};
proxy_ssl_certificate_key ${pki.expiredClient.key}; } }`,
  );
  assert.deepEqual(
    found.map((one) => one.replace(/ on \w{3} .*/, '')),
    [
      `3:24 "${pki.expired.certificate}": the certificate expired`,
      `6:23 "${pki.expiredClient.certificate}": the certificate expired`,
      `5:31 "${pki.expired.certificate}": the certificate expired`,
    ],
  );
});

const plain = (port: number): string =>
  `events { } http { server { listen 127.0.0.1:${port}; return 200; } }`;

test('NODE_TLS_REJECT_UNAUTHORIZED=0 refuses to start', async (t) => {
  const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0' };
  const { code, stderr } = runProgram(`daemon off; ${plain(await freePort())}`, [], {
    env,
    scope: t,
  });
  assert.equal(code, 1);
  assert.match(stderr, /NODE_TLS_REJECT_UNAUTHORIZED=0 switches certificate verification off/);
});

test('variables that change what Node trusts are named in the log', async (t) => {
  const env = { NODE_EXTRA_CA_CERTS: pki.otherCaFile };
  const program = await startProgram(plain(await freePort()), { env, scope: t });
  assert.match(
    program.errorLog(),
    /\[warn\].*NODE_EXTRA_CA_CERTS=\S+ adds CAs to the default list/,
  );
});
