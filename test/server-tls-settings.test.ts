// What a server offers its TLS clients: certificates of several key types, protocols, ciphers and
// their order, groups. Seen with Node's client and, for what that cannot ask for, with OpenSSL's.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect as connectPlain, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { makeAuthority, makeCertificate } from '../src/tls/certificates.test-kit.ts';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { startProxy } from './kit/sallyport.ts';
import { serverPairs } from './kit/server-pairs.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const pairs = await serverPairs(['open.test', 'on.test']);
const open: ConnectionOptions = { ca: pki.ca, checkServerIdentity: () => undefined };

test('each server of a port has its own certificate, protocols and ciphers', async (t) => {
  const port = await freePort();
  await startProxy(
    `http {
      server { listen 127.0.0.1:${port} ssl; server_name old.test; ${pairs['open.test']}
        ssl_protocols TLSv1.2; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256; return 200; }
      server { listen 127.0.0.1:${port} ssl; server_name new.test; ${pairs['on.test']}
        ssl_protocols TLSv1.3; return 200; } }`,
    { scope: t },
  );
  const seen = async (servername: string) => {
    const connection = await RawConnection.open({ port, tls: { ...open, servername } });
    const socket = connection.socket as TLSSocket;
    const facts = [
      socket.getPeerX509Certificate()?.subject,
      socket.getProtocol(),
      socket.getCipher().name,
    ];
    connection.close();
    return facts;
  };
  assert.deepEqual(await seen('old.test'), [
    'CN=open.test',
    'TLSv1.2',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
  ]);
  const [subject, protocol] = await seen('new.test');
  assert.deepEqual([subject, protocol], ['CN=on.test', 'TLSv1.3']);
  const refused = { ...open, servername: 'new.test', maxVersion: 'TLSv1.2' } as const;
  await assert.rejects(RawConnection.open({ port, tls: refused }), /alert protocol version/);
});

test(
  'several key types: the client gets the one that it can use',
  { skip: !opensslAvailable },
  async (t) => {
    const folder = tempFolder(t);
    const root = makeAuthority('Root of both');
    const files = (['ec', 'rsa'] as const).map((keyType) => {
      const leaf = makeCertificate({ commonName: keyType, dns: ['a.test'], issuer: root, keyType });
      return (
        `ssl_certificate ${writeIn(folder, `both-${keyType}.crt`, leaf.pem)};` +
        `ssl_certificate_key ${writeIn(folder, `both-${keyType}.key`, leaf.keyPem)};`
      );
    });
    const port = await freePort();
    // Inherited from http, in either order.
    await startProxy(
      `http { ${files.join(' ')} server { listen 127.0.0.1:${port} ssl; return 200; } }`,
      { scope: t },
    );
    const subjectWith = async (...args: string[]): Promise<string> => {
      const { output } = await opensslConnection(port, args);
      return /^subject=(.*)$/m.exec(output)?.[1] ?? output;
    };
    assert.match(
      await subjectWith('-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'),
      /CN = rsa/,
    );
    assert.match(
      await subjectWith('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'),
      /CN = ec/,
    );
    assert.match(
      await subjectWith('-tls1_3', '-sigalgs', 'rsa_pss_rsae_sha256:ecdsa_secp384r1_sha384'),
      /CN = rsa/,
    );
    assert.match(await subjectWith('-tls1_3', '-sigalgs', 'ecdsa_secp256r1_sha256'), /CN = ec/);
  },
);

test(
  'ssl_prefer_server_ciphers decides whose order counts',
  { skip: !opensslAvailable },
  async (t) => {
    const [weak, strong] = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
    for (const [setting, expected] of [
      ['on', strong],
      ['off', weak],
    ] as const) {
      const port = await freePort();
      await startProxy(
        `http { ssl_ciphers ${strong}:${weak}; ssl_prefer_server_ciphers ${setting};
        server { listen 127.0.0.1:${port} ssl; ${pairs['open.test']} return 200; } }`,
        { scope: t },
      );
      const seen = await opensslConnection(port, ['-tls1_2', '-cipher', `${weak}:${strong}`]);
      assert.equal(seen.cipher, expected);
    }
  },
);

test('ssl_ecdh_curve limits the groups', { skip: !opensslAvailable }, async (t) => {
  const port = await freePort();
  await startProxy(
    `http { ssl_ecdh_curve secp384r1:X25519; server { listen 127.0.0.1:${port} ssl;
      ${pairs['open.test']} return 200; } }`,
    { scope: t },
  );
  const group = async (groups: string): Promise<string | undefined> =>
    /^Server Temp Key: (.*)$/m.exec(
      (await opensslConnection(port, ['-groups', groups])).output,
    )?.[1];
  assert.match((await group('P-384')) ?? '', /P-384|secp384r1/);
  assert.match((await group('X25519')) ?? '', /X25519/);
  assert.equal(await group('P-256'), undefined);
});

test('a reload brings a new certificate, unless that is bad', async (t) => {
  const port = await freePort();
  const text = (pair: string): string =>
    `master_process off; error_log error.log info; events { }
    http { server { listen 127.0.0.1:${port} ssl; ${pair} } }`;
  const { proxy, folder } = await startProxy(text(pairs['open.test']), { scope: t });
  const reload = (pair: string): Promise<void> =>
    proxy.reload({ file: `${folder}/sallyport.conf`, text: text(pair), prefix: folder });
  const subject = async (): Promise<string | undefined> => {
    const connection = await RawConnection.open({ port, tls: open });
    const certificate = (connection.socket as TLSSocket).getPeerX509Certificate();
    connection.close();
    return certificate?.subject;
  };
  assert.equal(await subject(), 'CN=open.test');
  await reload(pairs['on.test']);
  assert.equal(await subject(), 'CN=on.test');
  const mixed = `ssl_certificate ${pki.a.certificate}; ssl_certificate_key ${pki.b.key};`;
  await assert.rejects(reload(mixed), { code: 'CONFIG_INVALID', message: /does not match/ });
  assert.equal(await subject(), 'CN=on.test');
});

test('ssl_dhparam brings the suites with DHE', { skip: !opensslAvailable }, async (t) => {
  const folder = tempFolder(t);
  // Those of RFC 7919, so that none have to be made.
  const { stdout } = spawnSync('openssl', [
    'genpkey',
    '-genparam',
    '-algorithm',
    'DH',
    '-pkeyopt',
    'group:ffdhe2048',
  ]);
  const parameters = stdout.toString().replaceAll('X9.42 ', '');
  writeIn(folder, 'dh.pem', parameters);
  const leaf = makeCertificate({ commonName: 'rsa', issuer: makeAuthority('R'), keyType: 'rsa' });
  const pair =
    `ssl_certificate ${writeIn(folder, 'rsa.crt', leaf.pem)};` +
    `ssl_certificate_key ${writeIn(folder, 'rsa.key', leaf.keyPem)};`;
  for (const [setting, expected] of [
    ['', ''],
    ['ssl_dhparam dh.pem;', 'DHE-RSA-AES128-GCM-SHA256'],
  ] as const) {
    const port = await freePort();
    await startProxy(
      `http { server { listen 127.0.0.1:${port} ssl; ${pair} ${setting} return 200; } }`,
      { scope: t, folder },
    );
    const seen = await opensslConnection(port, ['-tls1_2', '-cipher', 'DHE-RSA-AES128-GCM-SHA256']);
    assert.equal(seen.cipher, expected);
  }
});

test('ssl_conf_command goes over the other directives', { skip: !opensslAvailable }, async (t) => {
  const started = async (commands: string): Promise<number> => {
    const port = await freePort();
    await startProxy(
      `http { server { listen 127.0.0.1:${port} ssl; ${pairs['open.test']} ${commands}
        return 200; } }`,
      { scope: t },
    );
    return port;
  };
  const suites = await started('ssl_conf_command Ciphersuites TLS_CHACHA20_POLY1305_SHA256;');
  assert.equal(
    (await opensslConnection(suites, ['-tls1_3'])).cipher,
    'TLS_CHACHA20_POLY1305_SHA256',
  );
  assert.equal((await opensslConnection(suites, ['-tls1_2'])).ok, true);
  const string = await started('ssl_conf_command CipherString ECDHE-ECDSA-AES256-GCM-SHA384;');
  const [weak, strong] = ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384'];
  const offered = ['-tls1_2', '-cipher', `${weak}:${strong}`];
  assert.equal((await opensslConnection(string, offered)).cipher, strong);
  const preference = await started(
    `ssl_ciphers ${strong}:${weak}; ssl_conf_command Options ServerPreference;`,
  );
  assert.equal((await opensslConnection(preference, offered)).cipher, strong);
  const modern = await started('ssl_conf_command MinProtocol TLSv1.3;');
  assert.equal((await opensslConnection(modern, ['-tls1_2'])).ok, false);
  assert.equal((await opensslConnection(modern, ['-tls1_3'])).ok, true);
  const old = await started('ssl_conf_command Protocol -TLSv1.3;');
  assert.equal((await opensslConnection(old, ['-tls1_3'])).ok, false);
  assert.equal((await opensslConnection(old, ['-tls1_2'])).ok, true);
  const group = await started('ssl_conf_command Groups P-384;');
  assert.equal((await opensslConnection(group, ['-groups', 'X25519'])).ok, false);
  assert.equal((await opensslConnection(group, ['-groups', 'P-384'])).ok, true);
});

// Lengths of the records of application data that a server sends.
function recordLengths(bytes: Buffer): number[] {
  const lengths: number[] = [];
  for (let at = 0; at + 5 <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    if (bytes[at] === 23) lengths.push(bytes.readUInt16BE(at + 3));
  }
  return lengths;
}

test('ssl_buffer_size is the size of the records', async (t) => {
  const folder = tempFolder(t);
  writeIn(folder, 'large.txt', 'x'.repeat(60_000));
  for (const [setting, most] of [
    ['', 16_384],
    ['ssl_buffer_size 4k;', 4096],
    ['ssl_buffer_size 100;', 512],
  ] as const) {
    const port = await freePort();
    await startProxy(
      `http { server { listen 127.0.0.1:${port} ssl; ${pairs['open.test']} ${setting}
        root ${folder}; } }`,
      { scope: t, folder },
    );
    const pieces: Buffer[] = [];
    const between = createServer((client) => {
      const server = connectPlain(port, '127.0.0.1');
      server.on('data', (bytes: Buffer) => pieces.push(bytes));
      client.pipe(server).pipe(client);
    }).listen(0, '127.0.0.1');
    t.after(() => between.close());
    await once(between, 'listening');
    const { port: there } = between.address() as AddressInfo;
    const socket = connectTls({ ...open, host: '127.0.0.1', port: there, servername: 'open.test' });
    socket.resume();
    socket.write('GET /large.txt HTTP/1.1\r\nHost: open.test\r\nConnection: close\r\n\r\n');
    await once(socket, 'close');
    // Besides the content, a record has its type and a tag.
    const longest = Math.max(...recordLengths(Buffer.concat(pieces)));
    assert.ok(longest <= most + 40 && longest > most - 100, `${longest} with ${setting}`);
  }
});
