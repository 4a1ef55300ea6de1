// Which server of a port meets a TLS client: SNI chooses the policy of the handshake, Host the server
// of the request. Where the two disagree, nobody may profit from the weaker of both.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import { assertSameAsNginx, compareWithNginx, type ComparedRequest } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

async function pairFor(name: string): Promise<string> {
  const issued = await pki.root.issue({
    commonName: name,
    dns: [name, `*.${name}`],
    purpose: 'server',
  });
  const file = name.replaceAll('*', '_');
  return (
    `ssl_certificate ${writeIn(folder, `${file}.crt`, issued.chainPem)};` +
    `ssl_certificate_key ${writeIn(folder, `${file}.key`, issued.keyPem)};`
  );
}

const names = ['default.test', 'open.test', 'on.test', 'optional.test', 'other-ca.test'] as const;
type Name = (typeof names)[number];

const policies: Readonly<Record<Name, string>> = {
  'default.test': '',
  'open.test': '',
  'on.test': `ssl_verify_client on; ssl_client_certificate ${pki.caFile};`,
  'optional.test': `ssl_verify_client optional; ssl_client_certificate ${pki.caFile};`,
  'other-ca.test': `ssl_verify_client on; ssl_client_certificate ${pki.otherCaFile};`,
};

const pairs = Object.fromEntries(
  await Promise.all(names.map(async (name) => [name, await pairFor(name)] as const)),
);

function config(port: number): string {
  const servers = names.map(
    (name) => `server { listen 127.0.0.1:${port} ssl; server_name ${name} *.${name}; ${pairs[name]}
      ${policies[name]} return 200 "$server_name $ssl_server_name $ssl_client_verify"; }`,
  );
  return `events { } http { ssl_protocols TLSv1.2 TLSv1.3; ${servers.join('\n')} }`;
}

const beside = { skip: !nginxAvailable };
const open: ConnectionOptions = { ca: pki.ca, checkServerIdentity: () => undefined };

const stricter = 'the handshake asked for no certificate, so none can stand for this server';
const lowerCase = 'the name is given in lower case, so that it can be compared';
const coalesced = 'it is one and the same server and policy, under another of its names';

function row(sni: string | null, host: string, differs?: string): ComparedRequest {
  return {
    name: `SNI ${sni ?? 'none'}, Host ${host}`,
    headers: { Host: host },
    tls: { ...open, ...(sni === null ? {} : { servername: sni }), ...pki.client.tls },
    ...(differs === undefined ? {} : { differs }),
  };
}

test('SNI and Host together choose server and policy as in nginx', beside, async (t) => {
  const observed = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) => config(port),
    requests: [
      row('open.test', 'open.test'),
      row('on.test', 'on.test'),
      row('OPTIONAL.TEST', 'Optional.Test', lowerCase),
      row('unknown.test', 'unknown.test'),
      row('unknown.test', 'open.test'),
      row('open.test', 'unknown.test'),
      row('open.test', 'default.test'),
      // Away from a server that verifies: nothing is gained.
      row('on.test', 'open.test'),
      // Towards one: misdirected.
      row('open.test', 'on.test'),
      row('open.test', 'optional.test'),
      row('on.test', 'optional.test'),
      row('on.test', 'other-ca.test'),
      row('other-ca.test', 'on.test'),
      row('unknown.test', 'on.test', stricter),
      row('x.on.test', 'x.on.test'),
      row('on.test', 'x.on.test', coalesced),
      row(null, 'open.test'),
      row(null, 'on.test', stricter),
      row(null, 'optional.test', stricter),
      // Without Host it is the default server, whatever the handshake chose.
      {
        name: 'no Host, SNI open.test',
        raw: 'GET / HTTP/1.0\r\n\r\n',
        tls: row('open.test', '').tls,
      },
      { name: 'no Host, SNI on.test', raw: 'GET / HTTP/1.0\r\n\r\n', tls: row('on.test', '').tls },
      { name: 'no Host, no SNI', raw: 'GET / HTTP/1.0\r\n\r\n', tls: open },
    ],
    scope: t,
  });
  assertSameAsNginx(observed);
});

test('a request for a server of another policy is 421 and leaves the connection closed', async (t) => {
  const port = await freePort();
  const proxy = await startProxy(config(port), { scope: t });
  const connection = await RawConnection.open({ port, tls: { ...open, servername: 'open.test' } });
  assert.equal((await connection.request({ headers: { Host: 'open.test' } })).status, 200);
  const misdirected = await connection.request({ headers: { Host: 'on.test' } });
  assert.equal(misdirected.status, 421);
  await connection.closed();
  assert.match(proxy.errorLog(), /client requested another server name than it negotiated by SNI/);
});

test('a client that was accepted before a reload is not accepted for another CA after it', async (t) => {
  const port = await freePort();
  const text = (ca: string): string =>
    `master_process off; error_log error.log info; events { } http {
      server { listen 127.0.0.1:${port} ssl; server_name on.test; ${pairs['on.test']}
        ssl_verify_client on; ssl_client_certificate ${ca}; return 200 "in"; } }`;
  const proxy = await startProxy(text(pki.caFile), { scope: t });
  const tls = { ...open, servername: 'on.test', ...pki.client.tls };
  const connection = await RawConnection.open({ port, tls });
  const headers = { Host: 'on.test' };
  assert.equal((await connection.request({ headers })).status, 200);
  await proxy.proxy.reload({
    file: `${proxy.folder}/sallyport.conf`,
    text: text(pki.otherCaFile),
    prefix: proxy.folder,
  });
  const after = await connection.request({ headers });
  connection.close();
  assert.equal(after.status, 421);
  assert.equal((await request({ port, headers, tls })).status, 400);
});

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
    const socket = connection.socket as import('node:tls').TLSSocket;
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

test('ssl_reject_handshake refuses names with an alert; others are served', beside, async (t) => {
  const observed = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) => `events { } http {
      server { listen 127.0.0.1:${port} ssl default_server; ssl_reject_handshake on; }
      server { listen 127.0.0.1:${port} ssl; server_name open.test; ${pairs['open.test']}
        return 200 "open"; } }`,
    requests: [
      row('open.test', 'open.test'),
      { ...row('unknown.test', 'open.test') },
      { ...row(null, 'open.test') },
    ],
    scope: t,
  });
  assert.deepEqual(
    observed.map(({ proxy }) => proxy.answers[0]?.statusLine ?? 'refused'),
    ['HTTP/1.1 200 OK', 'refused', 'refused'],
  );
  for (const { proxy, nginx } of observed.slice(1)) {
    assert.match(proxy.failure ?? '', /unrecognized name/);
    assert.match(nginx.failure ?? '', /unrecognized name/);
  }
  assertSameAsNginx(observed.slice(0, 1));
});

test('plain HTTP on a TLS port is answered 400 with a page that says so', beside, async (t) => {
  const raw = (text: string): ComparedRequest => ({ name: text, raw: text });
  const observed = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) => config(port),
    requests: [
      raw('GET / HTTP/1.1\r\nHost: open.test\r\n\r\n'),
      raw('GET / HTTP/1.0\r\n\r\n'),
      raw('POST / HTTP/1.1\r\nHost: on.test\r\nContent-Length: 3\r\n\r\nabc'),
    ],
    scope: t,
  });
  assertSameAsNginx(observed);
  assert.match(
    observed[0]?.proxy.answers[0]?.body ?? '',
    /plain HTTP request was sent to HTTPS port/,
  );
});

test(
  'several key types: the client gets the one that it can use',
  { skip: !opensslAvailable },
  async (t) => {
    const { makeAuthority, makeCertificate } = await import('../src/tls/certificates.test-kit.ts');
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

test('bytes that are neither TLS nor HTTP end the connection and nothing else', async (t) => {
  const port = await freePort();
  await startProxy(config(port), { scope: t });
  for (const bytes of [Buffer.from([0x16, 3, 1, 0, 5, 9, 9, 9, 9, 9]), Buffer.alloc(300, 0x80)]) {
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
      socket.resume().on('close', () => resolve());
      socket.on('error', () => undefined);
    });
  }
  const tls = { ...open, servername: 'open.test' };
  assert.equal((await request({ port, headers: { Host: 'open.test' }, tls })).status, 200);
});
