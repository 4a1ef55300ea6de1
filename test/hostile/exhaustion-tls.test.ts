// Records that cost much and say nothing, from clients and from upstream servers: KeyUpdates, empty
// records, records of one byte, and handshakes within a connection. Others are served meanwhile, and
// memory stays bounded. The program is a process of its own.

import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { TLSSocket } from 'node:tls';
import { testPki } from '../kit/pki.ts';
import { freePorts } from '../kit/ports.ts';
import { startProgram } from '../kit/program.ts';
import { RawConnection, request } from '../kit/raw-client.ts';
import { RecordingUpstream } from '../kit/recording-upstream.ts';
import { Tls13Client } from '../kit/tls13-client.ts';
import { tls13Peer, type Tls13Sender } from '../kit/tls13-server.ts';
import { statusesIn } from './kit/delivery.ts';
import { proved } from './kit/proved.ts';
import { get } from './kit/request-form.ts';

const scope = { after };
const pki = await testPki();
const tls = { ca: pki.ca, servername: 'b.test' };
const flood = 20_000;
/** Far less than a flood would take where each record left something behind. */
const allowed = 96 * 1_048_576;

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok';
let answer: (sender: Tls13Sender) => void = (sender) => sender.data(Buffer.from(ok));
const peer = await tls13Peer(
  {
    chain: [new X509Certificate(pki.a.certificatePem)],
    key: createPrivateKey(pki.a.keyPem),
    answer: (sender) => answer(sender),
  },
  scope,
);
const upstream = await RecordingUpstream.start({}, scope);
const [port = 0, tlsPort = 0, hastyPort = 0] = await freePorts(3);
const keys = `ssl_certificate ${pki.b.certificate}; ssl_certificate_key ${pki.b.key};`;
const program = await startProgram(
  `worker_processes 1;
  events { }
  http {
    access_log off;
    proxy_ssl_name a.test; proxy_ssl_trusted_certificate ${pki.caFile};
    server {
      listen 127.0.0.1:${port}; listen 127.0.0.1:${tlsPort} ssl; ${keys}
      location / { return 200 ok; }
      location /body { proxy_pass http://${upstream.address}; }
      location /streamed { proxy_pass http://${upstream.address}; proxy_request_buffering off; }
      location /peer { proxy_pass https://${peer.address}; proxy_read_timeout 10s; }
    }
    server {
      listen 127.0.0.1:${hastyPort} ssl; ${keys}
      client_header_timeout 1s; keepalive_timeout 1s;
      return 200 ok;
    }
  }`,
  { scope },
);

function memory(): number {
  const status = readFileSync(`/proc/${program.pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
}

const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make);

/** Something is done to the proxy while others ask; gives how much memory it needed at most. */
async function besideOthers(work: Promise<unknown>): Promise<number> {
  const before = memory();
  let most = before;
  let over = false;
  const mark = (): void => void (over = true);
  work.then(mark, mark);
  while (!over) {
    const others = [
      request({ port, limitMs: 30_000 }),
      request({ port: tlsPort, limitMs: 30_000, tls }),
    ];
    for (const { status } of await Promise.all(others)) assert.equal(status, 200);
    most = Math.max(most, memory());
  }
  await work;
  return most - before;
}

function answered(client: Tls13Client): Promise<boolean> {
  return client.received.until('the answer', (bytes) =>
    bytes.toString().startsWith('HTTP/1.1 200 OK\r\n') ? true : null,
  );
}

for (const reads of [true, false]) {
  for (const requested of [true, false]) {
    const how = `${requested ? 'that ask for one' : 'that ask for none'}, ${reads ? 'read' : 'unread'}`;
    test(`a client's flood of KeyUpdates ${how}: others are served`, async (t) => {
      const client = await Tls13Client.open(tlsPort, tls);
      t.after(() => client.close());
      if (!reads) client.pause();
      const records = times(flood, () => client.keyUpdate(requested));
      const growth = await besideOthers(client.send([...records, client.data(get())]));
      assert.ok(growth < allowed, `${growth} bytes`);
      // It is only a waste of time: the connection is as good as before.
      if (reads) await answered(client);
      proved();
    });
  }
}

test('KeyUpdates keep no connection open: the times for a head and for an idle one go on', async (t) => {
  for (const begun of ['', 'GET / HTTP/1.1\r\n', get()]) {
    const client = await Tls13Client.open(hastyPort, tls);
    t.after(() => client.close());
    if (begun !== '') await client.send([client.data(begun)]);
    while (!client.received.ended) {
      await client.send([client.keyUpdate(false)]);
      await request({ port });
    }
    assert.deepEqual(statusesIn(client.received.all.toString()), begun === get() ? [200] : []);
  }
  proved(3);
});

test("a client's flood of empty records ends its connection", async (t) => {
  const client = await Tls13Client.open(tlsPort, tls);
  t.after(() => client.close());
  const growth = await besideOthers(client.send(times(flood, () => client.data(''))));
  assert.ok(growth < allowed, `${growth} bytes`);
  await client.received.until('the end', (_, ended) => (ended ? true : null));
  assert.equal(client.received.all.length, 0);
  proved();
});

for (const path of ['/body', '/streamed']) {
  test(`a client's request in records of one byte is the request: ${path}`, async (t) => {
    const body = times(flood, () => String.fromCharCode(97 + Math.floor(Math.random() * 26))).join(
      '',
    );
    upstream.clear();
    const client = await Tls13Client.open(tlsPort, tls);
    t.after(() => client.close());
    const bytes = `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${flood}\r\n\r\n${body}`;
    const growth = await besideOthers(client.send([...bytes].map((byte) => client.data(byte))));
    assert.ok(growth < allowed, `${growth} bytes`);
    await answered(client);
    assert.equal(upstream.onlyRequest.body.toString(), body);
    proved();
  });
}

test('a new handshake within a connection of TLS 1.2 is refused, and others are served', async (t) => {
  const v12 = { ...tls, maxVersion: 'TLSv1.2' as const };
  const client = await RawConnection.open({ port: tlsPort, tls: v12 });
  t.after(() => client.close());
  assert.equal((await client.request()).status, 200);
  const { socket } = client;
  assert.ok(socket instanceof TLSSocket);
  const finishedBefore = socket.getFinished();
  const outcome = await new Promise<Error | null>((resolve) => {
    socket.once('error', resolve);
    socket.once('close', () => resolve(new Error('closed')));
    socket.renegotiate({}, (error) => resolve(error));
  });
  assert.ok(outcome !== null, 'there is no new handshake');
  assert.deepEqual(socket.getFinished() ?? finishedBefore, finishedBefore);
  assert.equal((await request({ port: tlsPort, tls: v12 })).status, 200);
  proved();
});

const fromPeer = (path = '/peer'): Promise<number> =>
  request({ port, path, limitMs: 30_000 }).then(({ status }) => status);

for (const requested of [true, false]) {
  test(`an upstream server's flood of KeyUpdates that ask for ${requested ? 'one' : 'none'}: others are served`, async () => {
    answer = (sender) => {
      for (let i = 0; i < flood; i += 1) sender.updateKeys(requested);
      sender.data(Buffer.from(ok));
    };
    const status = fromPeer();
    const growth = await besideOthers(status);
    assert.ok(growth < allowed, `${growth} bytes`);
    assert.equal(await status, 200);
    proved();
  });
}

test("an upstream server's flood of empty records is no answer", async () => {
  answer = (sender) => {
    for (let i = 0; i < flood; i += 1) sender.data(Buffer.alloc(0));
    sender.data(Buffer.from(ok));
  };
  const status = fromPeer();
  await besideOthers(status);
  assert.equal(await status, 502);
  proved();
});

test("an upstream server's answer in records of one byte is the answer", async () => {
  const body = 'x'.repeat(flood);
  const whole = `HTTP/1.1 200 OK\r\nContent-Length: ${flood}\r\nConnection: close\r\n\r\n${body}`;
  answer = (sender) => {
    for (const byte of whole) sender.data(Buffer.from(byte));
  };
  const got = request({ port, path: '/peer', limitMs: 30_000 });
  const growth = await besideOthers(got);
  assert.ok(growth < allowed, `${growth} bytes`);
  assert.equal((await got).body.toString(), body);
  proved();
});
