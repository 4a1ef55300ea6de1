// The PROXY protocol on `listen`, beside real nginx: what balancers in front say of their clients.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { exchange, RawConnection } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;
const pki = await testPki();

const shown =
  '$proxy_protocol_addr|$proxy_protocol_port|$proxy_protocol_server_addr|' +
  '$proxy_protocol_server_port|$remote_addr|$scheme';

const config = ({ ports: [port = 0, real = 0, tls = 0] }: Site): string => `
events {}
http {
  server { listen 127.0.0.1:${port} proxy_protocol; return 200 "${shown}"; }
  server { listen 127.0.0.1:${port}; server_name other; return 200 "other ${shown}"; }
  server {
    listen 127.0.0.1:${real} proxy_protocol;
    set_real_ip_from 127.0.0.1;
    real_ip_header proxy_protocol;
    if ($proxy_protocol_addr = "") { return 200 "${shown}"; }
    return 200 "${shown}|$remote_port";
  }
  server {
    listen 127.0.0.1:${tls} ssl proxy_protocol;
    ssl_certificate ${pki.a.certificate};
    ssl_certificate_key ${pki.a.key};
    return 200 "${shown}";
  }
}`;

const get = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';

function binary(familyAndCommand: readonly number[], content: Buffer): Buffer {
  const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
  const start = Buffer.from([...familyAndCommand, content.length >> 8, content.length & 255]);
  return Buffer.concat([signature, start, content, Buffer.from(get)]);
}

const addresses = Buffer.of(192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0x01, 0xbb);
const addresses6 = Buffer.from(
  '20010db8000000000000000000000001' + '20010db8000000000000000000000002' + '303901bb',
  'hex',
);

const line = 'PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n';
const lines = [
  line,
  'PROXY TCP6 2001:db8::1 2001:db8::2 12345 443\r\n',
  'PROXY UNKNOWN\r\n',
  'PROXY UNKNOWN 1 2 3 4\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 12345\r\n',
  'PROXY TCP4 192.0.2.1 198.51.100.2 99999 443\r\n',
  'PROXY TCP5 192.0.2.1 198.51.100.2 12345 443\r\n',
  'PROXY\r\n',
  '',
  ' PROXY TCP4 192.0.2.1 198.51.100.2 12345 443\r\n',
];

const requests: ComparedRequest[] = [
  ...[0, 1].flatMap((to) => lines.map((one) => ({ name: `${to} ${one}`, raw: one + get, to }))),
  ...[0, 1].flatMap((to) => [
    { name: `${to} IPv4`, raw: binary([0x21, 0x11], addresses), to },
    { name: `${to} IPv6`, raw: binary([0x21, 0x21], addresses6), to },
    { name: `${to} local`, raw: binary([0x20, 0x00], Buffer.alloc(0)), to },
    { name: `${to} datagrams`, raw: binary([0x21, 0x12], addresses), to },
    { name: `${to} version 1`, raw: binary([0x11, 0x11], addresses), to },
    {
      name: `${to} with TLVs`,
      raw: binary([0x21, 0x11], Buffer.concat([addresses, Buffer.from('\x02\0\x01a')])),
      to,
    },
  ]),
  { name: 'by name', raw: `${line}${get.replace('Host: a', 'Host: other')}` },
];

test('the PROXY header says what it says to nginx', { skip, timeout: 60_000 }, async (t) => {
  const comparison = { proxy: proxyStarter, config, requests, listens: 3, scope: t };
  const pairs = await compareWithNginx(comparison);
  assertSameAsNginx(pairs);
  assert.equal(pairs[0]?.proxy.answers[0]?.body, '192.0.2.1|12345|198.51.100.2|443|127.0.0.1|http');
});

async function overTls(port: number): Promise<string> {
  const { connect: connectTls } = await import('node:tls');
  const raw = connect(port, '127.0.0.1');
  raw.write(line);
  const socket = connectTls({ socket: raw, ca: pki.ca, servername: 'a.test' });
  socket.write(get);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString().split('\r\n\r\n')[1] ?? '';
}

test('TLS follows the header', { skip, timeout: 60_000 }, async (t) => {
  const ports = [await freePort(), await freePort(), await freePort()];
  const text = config({ ports } as Partial<Site> as Site);
  const nginx = await startNginx(text, { scope: t });
  const theirs = await overTls(ports[2] ?? 0);
  await nginx.stop();
  await startProxy(text, { scope: t });
  assert.equal(await overTls(ports[2] ?? 0), theirs);
  assert.equal(theirs, '192.0.2.1|12345|198.51.100.2|443|127.0.0.1|https');
});

const alone = (port: number, headerTimeout = '60s'): string =>
  `http {
  client_header_timeout ${headerTimeout};
  server { listen 127.0.0.1:${port} proxy_protocol;
    return 200 "$proxy_protocol_addr $proxy_protocol_tlv_authority $proxy_protocol_tlv_0x05 " +
    "$proxy_protocol_tlv_ssl_version $proxy_protocol_tlv_ssl_verify"; }
}`.replace('" +\n    "', '');

test('a header in many pieces is put together', async (t) => {
  const port = await freePort();
  await startProxy(alone(port), { scope: t });
  const client = await RawConnection.open({ port });
  await client.sendInPieces(line + get);
  assert.match((await client.response()).body.toString(), /^192\.0\.2\.1 /);
});

test('TLVs can be had by name and by number', async (t) => {
  const port = await freePort();
  await startProxy(alone(port), { scope: t });
  const tls = '\x20\0\x0f\x07\0\0\0\x15\x21\0\x07TLSv1.3';
  const content = Buffer.from(`\x02\0\x04host\x05\0\x02id${tls}`, 'latin1');
  const bytes = await exchange({ port }, binary([0x21, 0x11], Buffer.concat([addresses, content])));
  assert.match(bytes.toString(), /\r\n\r\n192\.0\.2\.1 host id TLSv1\.3 21$/);
});

test('who sends no header is logged and closed', async (t) => {
  const port = await freePort();
  const proxy = await startProxy(alone(port, '300ms'), { scope: t });
  assert.equal((await exchange({ port }, get)).length, 0);
  const silent = await RawConnection.open({ port });
  await silent.send('PROXY TCP4 ');
  assert.equal((await silent.closed()).length, 0);
  const gone = await RawConnection.open({ port });
  gone.close();
  const where = `, client: 127\\.0\\.0\\.1, server: 127\\.0\\.0\\.1:${port}`;
  const expected = [
    `\\[error\\] .*broken header: "GET / HTTP/1\\.1" while reading PROXY protocol${where}`,
    `\\[info\\] .*client timed out \\(110: Connection timed out\\) while reading PROXY protocol${where}`,
    `\\[info\\] .*client closed connection while reading PROXY protocol${where}`,
  ];
  for (const pattern of expected) {
    await eventually(pattern, () => new RegExp(pattern).test(proxy.errorLog()));
  }
});
