// Which certificate a client gets: of several key types, from `data:`, encrypted, and chosen in the
// handshake by variables.

import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type ConnectionOptions } from 'node:tls';
import { makeAuthority, makeCertificate } from '../src/tls/certificates.test-kit.ts';
import { eventually } from './kit/eventually.ts';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { freePort } from './kit/ports.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const root = makeAuthority('Root of the servers');

interface Pair {
  readonly pem: string;
  readonly keyPem: string;
}

function leaf(commonName: string, keyType: 'ec' | 'rsa' = 'ec'): Pair {
  return makeCertificate({ commonName, dns: [`${commonName}.test`], issuer: root, keyType });
}

function writePair(folder: string, name: string, { pem, keyPem }: Pair): string {
  writeIn(folder, `${name}.crt`, pem);
  writeIn(folder, `${name}.key`, keyPem);
  return `ssl_certificate ${name}.crt; ssl_certificate_key ${name}.key;`;
}

/** The subject of the server's certificate, or why there is none. */
function subject(port: number, options: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername: 'a.test',
      ca: root.pem,
      checkServerIdentity: () => undefined,
      ...options,
    });
    socket.on('error', (error: Error & { code?: string }) => resolve(error.code ?? error.message));
    socket.on('secureConnect', () => {
      resolve(socket.getPeerX509Certificate()?.subject ?? 'none');
      socket.destroy();
    });
  });
}

const ec = leaf('ec');
const rsa = leaf('rsa', 'rsa');

test(
  'of two key types the client gets the one that it can use',
  {
    skip: !opensslAvailable,
  },
  async (t) => {
    const folder = tempFolder(t);
    const both = writePair(folder, 'rsa', rsa) + writePair(folder, 'ec', ec);
    const port = await freePort();
    await startProxy(`http { ${both} server { listen 127.0.0.1:${port} ssl; return 200; } }`, {
      scope: t,
      folder,
    });
    const seen = async (...args: string[]): Promise<string> => {
      const { output } = await opensslConnection(port, args);
      return /^subject=.*CN = (\w+)/m.exec(output)?.[1] ?? output;
    };
    for (const [expected, ...args] of [
      ['ec'],
      ['ec', '-tls1_2'],
      // Whichever the client likes better: OpenSSL alone would follow it.
      ['ec', '-tls1_3', '-sigalgs', 'rsa_pss_rsae_sha256:ecdsa_secp256r1_sha256'],
      ['rsa', '-tls1_3', '-sigalgs', 'rsa_pss_rsae_sha256:ecdsa_secp384r1_sha384'],
      ['rsa', '-tls1_2', '-sigalgs', 'RSA+SHA256'],
      ['rsa', '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'],
      ['rsa', '-tls1_2', '-cipher', 'AES128-SHA256'],
      ['rsa', '-tls1_2', '-curves', 'P-384'],
      ['ec', '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384'],
    ] as const) {
      assert.equal(await seen(...args), expected, args.join(' '));
    }
  },
);

test('a cipher list for RSA alone leaves TLS 1.2 to the RSA certificate', async (t) => {
  const folder = tempFolder(t);
  const both = writePair(folder, 'rsa', rsa) + writePair(folder, 'ec', ec);
  const port = await freePort();
  await startProxy(
    `http { ${both} ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256;
      server { listen 127.0.0.1:${port} ssl; return 200; } }`,
    { scope: t, folder },
  );
  assert.equal(await subject(port, { maxVersion: 'TLSv1.2' }), 'CN=rsa');
  assert.equal(await subject(port), 'CN=ec');
});

test('certificate and key may stand in the configuration', async (t) => {
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; return 200;
      ssl_certificate "data:${ec.pem}"; ssl_certificate_key "data:${ec.keyPem}"; } }`,
    { scope: t },
  );
  assert.equal(await subject(port), 'CN=ec');
});

test('an encrypted key is opened by one of the passwords', async (t) => {
  const folder = tempFolder(t);
  const passphrase = 'the right one';
  const key = createPrivateKey(ec.keyPem).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase,
  });
  writePair(folder, 'ec', { pem: ec.pem, keyPem: key });
  writeFileSync(join(folder, 'passwords'), `wrong\n${passphrase}\n`);
  const port = await freePort();
  const text = (more: string): string =>
    `http { server { listen 127.0.0.1:${port} ssl; return 200; ${more}
      ssl_certificate ec.crt; ssl_certificate_key ec.key; } }`;
  await assert.rejects(startProxy(text(''), { folder }), /ec\.key": .*no passphrase is known/);
  await startProxy(text('ssl_password_file passwords;'), { scope: t, folder });
  assert.equal(await subject(port), 'CN=ec');
});

test('the server name chooses the certificate, also of a name that came later', async (t) => {
  const folder = tempFolder(t);
  writePair(folder, 'a.test', leaf('a'));
  const port = await freePort();
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; return 200;
      ssl_certificate $ssl_server_name.crt; ssl_certificate_key \${ssl_server_name}.key; } }`,
    { scope: t, folder },
  );
  assert.equal(await subject(port), 'CN=a');
  assert.equal(await subject(port, { servername: 'A.Test' }), 'CN=a');
  assert.equal(await subject(port, { servername: 'b.test' }), 'ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR');
  await eventually('the missing file is logged', () =>
    /\[error\].*b\.test\.crt": .*[Nn]o such file/.test(proxy.errorLog()),
  );
  writePair(folder, 'b.test', leaf('b'));
  await eventually('the new file is seen', async () => {
    return (await subject(port, { servername: 'b.test' })) === 'CN=b';
  });
  // None of them is the first one's by accident, and both versions work.
  const old = await subject(port, { servername: 'b.test', maxVersion: 'TLSv1.2' });
  assert.equal(old, 'CN=b');
});

test('a name that is no host name never becomes a path', async (t) => {
  const folder = tempFolder(t);
  writePair(folder, 'secret', leaf('secret'));
  const port = await freePort();
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; return 200;
      ssl_certificate certs/$ssl_server_name.crt; ssl_certificate_key certs/$ssl_server_name.key; } }`,
    { scope: t, folder },
  );
  for (const servername of ['../secret', `a/../../secret`, '..', 'a..b', '']) {
    assert.match(await subject(port, { servername }), /^ERR_SSL_.*ALERT_INTERNAL_ERROR$/);
  }
  await eventually('the name is logged', () =>
    proxy.errorLog().includes('the server name "../secret" is no host name'),
  );
});

test('a changed file is seen, and a broken one is not taken', async (t) => {
  const folder = tempFolder(t);
  writePair(folder, 'a.test', leaf('first'));
  const port = await freePort();
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; return 200;
      ssl_certificate_cache max=10 inactive=1m valid=1s;
      ssl_certificate $ssl_server_name.crt; ssl_certificate_key $ssl_server_name.key; } }`,
    { scope: t, folder },
  );
  assert.equal(await subject(port), 'CN=first');
  writePair(folder, 'a.test', leaf('second'));
  await eventually('the change is seen', async () => (await subject(port)) === 'CN=second');
  copyFileSync(join(folder, 'a.test.crt'), join(folder, 'a.test.key'));
  await eventually('the broken file is named', async () => {
    assert.equal(await subject(port), 'CN=second');
    return /a\.test\.key": .*no private key/.test(proxy.errorLog());
  });
});

test('sessions of one name are strangers to the others', async (t) => {
  const folder = tempFolder(t);
  for (const name of ['a', 'b']) writePair(folder, `${name}.test`, leaf(name));
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port} ssl; return 200;
      ssl_certificate $ssl_server_name.crt; ssl_certificate_key $ssl_server_name.key; } }`,
    { scope: t, folder },
  );
  const open = (servername: string, session: Buffer | null) =>
    new Promise<{ reused: boolean; session: Buffer | null }>((resolve, reject) => {
      let ticket: Buffer | null = null;
      const socket = connect({
        host: '127.0.0.1',
        port,
        servername,
        ca: root.pem,
        maxVersion: 'TLSv1.2',
        checkServerIdentity: () => undefined,
        ...(session === null ? {} : { session }),
      });
      socket.on('session', (made) => (ticket = made));
      socket.on('error', reject);
      socket.on('secureConnect', () => {
        const reused = socket.isSessionReused();
        setImmediate(() => {
          socket.destroy();
          resolve({ reused, session: ticket });
        });
      });
    });
  const first = await open('a.test', null);
  assert.notEqual(first.session, null);
  assert.equal((await open('a.test', first.session)).reused, true);
  assert.equal((await open('b.test', first.session)).reused, false);
});

test('a map chooses among certificates, and an RSA one is always the same', async (t) => {
  const folder = tempFolder(t);
  for (const name of ['one', 'two']) writePair(folder, name, leaf(name));
  const fixed = writePair(folder, 'rsa', rsa);
  const port = await freePort();
  await startProxy(
    `http { map $ssl_server_name $chosen { hostnames; *.one.test one; default two; }
      server { listen 127.0.0.1:${port} ssl; return 200; ${fixed}
        ssl_certificate $chosen.crt; ssl_certificate_key $chosen.key; } }`,
    { scope: t, folder },
  );
  assert.equal(await subject(port, { servername: 'a.one.test' }), 'CN=one');
  assert.equal(await subject(port, { servername: 'other.test' }), 'CN=two');
  const onlyRsa = { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES128-GCM-SHA256' } as const;
  assert.equal(await subject(port, { ...onlyRsa, servername: 'a.one.test' }), 'CN=rsa');
});

test('what is not known in a handshake, or not at all, is empty and the handshake ends', async (t) => {
  const folder = tempFolder(t);
  writePair(folder, 'one', leaf('one'));
  const port = await freePort();
  const proxy = await startProxy(
    `http { map $http_host $chosen { default ""; a.test one; }
      server { listen 127.0.0.1:${port} ssl; return 200;
        ssl_certificate $chosen; ssl_certificate_key $chosen; } }`,
    { scope: t, folder },
  );
  assert.match(await subject(port), /ALERT_INTERNAL_ERROR$/);
  await eventually('the reason is logged', () =>
    proxy.errorLog().includes('"$chosen": its variables come to nothing'),
  );
});

test('with signature schemes for RSA alone, nobody gets the ECDSA certificate', async (t) => {
  const folder = tempFolder(t);
  const both = writePair(folder, 'rsa', rsa) + writePair(folder, 'ec', ec);
  const port = await freePort();
  await startProxy(
    `http { ${both} ssl_conf_command SignatureAlgorithms RSA-PSS+SHA256;
      server { listen 127.0.0.1:${port} ssl; return 200; } }`,
    { scope: t, folder },
  );
  assert.equal(await subject(port), 'CN=rsa');
  assert.equal(await subject(port, { maxVersion: 'TLSv1.2' }), 'CN=rsa');
});
