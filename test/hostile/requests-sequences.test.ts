// Several requests on one connection, plain and TLS: pipelined ones are answered in order, each on its
// own, what stands behind a close is never read, and a body that is held back is asked for.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { testPki } from '../kit/pki.ts';
import { freePorts } from '../kit/ports.ts';
import { RawConnection, exchange } from '../kit/raw-client.ts';
import type { Target } from '../kit/raw-client.ts';
import { RecordingUpstream } from '../kit/recording-upstream.ts';
import { startProxy } from '../kit/sallyport.ts';
import { statusesIn, transports } from './kit/delivery.ts';
import type { Transport } from './kit/delivery.ts';
import { proved } from './kit/proved.ts';
import { get, smuggled } from './kit/request-form.ts';

const scope = { after };
const upstream = await RecordingUpstream.start({ answer: { body: 'ok' } }, scope);
const pki = await testPki();
const [port = 0, tlsPort = 0] = await freePorts(2);
await startProxy(
  `http { server { listen 127.0.0.1:${port};
    listen 127.0.0.1:${tlsPort} ssl;
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location / { proxy_pass http://${upstream.address}; }
    location /small { proxy_pass http://${upstream.address}; client_max_body_size 10; }
  } }`,
  { scope },
);

const targets: Readonly<Record<Transport, Target>> = {
  plain: { port },
  TLS: { port: tlsPort, tls: { ca: pki.ca, servername: 'b.test' } },
};

/** A test that does the same over each transport. */
function sequence(name: string, prove: (target: Target) => Promise<void>): void {
  test(name, async () => {
    for (const transport of transports) {
      upstream.clear();
      upstream.answer = { body: 'ok' };
      await prove(targets[transport]);
    }
    proved(transports.length);
  });
}

sequence('pipelined requests are answered in order, each on its own', async (target) => {
  upstream.answer = (received) => ({ body: received.target });
  const client = await RawConnection.open(target);
  const paths = Array.from({ length: 20 }, (_, i) => `/${i}`);
  await client.send(
    paths
      .map((path, i) =>
        i % 3 === 0
          ? `POST ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc`
          : `GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`,
      )
      .join(''),
  );
  for (const path of paths) {
    assert.equal((await client.response()).body.toString(), path);
  }
  client.close();
  assert.deepEqual(
    upstream.requests.map((one) => one.target),
    paths,
  );
});

sequence('what follows a request with Connection: close is not read', async (target) => {
  const answer = await exchange(target, get('Connection: close') + smuggled);
  assert.deepEqual(statusesIn(answer.toString('latin1')), [200]);
  assert.equal(upstream.onlyRequest.target, '/');
});

sequence(
  'what follows a refused request is not read, however much of it there is',
  async (target) => {
    const answer = await exchange(target, get('X : y') + smuggled.repeat(5000));
    assert.deepEqual(statusesIn(answer.toString('latin1')), [400]);
    assert.deepEqual(upstream.requests, []);
  },
);

sequence('more pipelined bytes than fit wait without being lost', async (target) => {
  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  upstream.answer = async () => {
    await released;
    return {};
  };
  const client = await RawConnection.open(target);
  const count = 60;
  const sent = client.send(get(`X: ${'a'.repeat(7000)}`).repeat(count));
  for (let turn = 0; turn < 100; turn += 1) await setImmediate();
  release();
  for (let i = 0; i < count; i += 1) assert.equal((await client.response()).status, 200);
  await sent;
  client.close();
  assert.equal(upstream.requests.length, count);
});

sequence(
  'a body that the client holds back is asked for once, and only where it is wanted',
  async (target) => {
    const client = await RawConnection.open(target);
    const head = (fields: string): string => `POST / HTTP/1.1\r\nHost: x\r\n${fields}\r\n\r\n`;
    await client.send(head('Content-Length: 3\r\nExpect: 100-continue'));
    const interim = 'HTTP/1.1 100 Continue\r\n\r\n';
    assert.equal((await client.bytes(interim.length)).toString(), interim);
    assert.deepEqual(upstream.requests, []);
    await client.send('abc');
    const answer = await client.response();
    assert.deepEqual([answer.status, answer.interim], [200, []]);
    client.close();
    assert.equal(upstream.onlyRequest.body.toString(), 'abc');
    assert.equal(upstream.onlyRequest.header('expect'), undefined);
  },
);

sequence(
  'a body that is too large is not asked for, and what follows is not read',
  async (target) => {
    const bytes =
      'POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 38\r\nExpect: 100-continue\r\n\r\n';
    const answer = await exchange(target, bytes + smuggled);
    assert.deepEqual(statusesIn(answer.toString('latin1')), [413]);
    assert.ok(!answer.includes(' 100 '));
    assert.deepEqual(upstream.requests, []);
  },
);

sequence(
  'an expectation that is refused does not let its body be read as a request',
  async (target) => {
    const bytes = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 38\r\nExpect: x\r\n\r\n';
    const answer = await exchange(target, bytes + smuggled);
    assert.deepEqual(statusesIn(answer.toString('latin1')), [417]);
    assert.deepEqual(upstream.requests, []);
  },
);

sequence('a head of 32 KB that comes byte by byte is the head that was sent', async (target) => {
  const fields = Array.from({ length: 4 }, (_, i) => `X-Long-${i}: ${'a'.repeat(7000)}\r\n`);
  const client = await RawConnection.open({ ...target, limitMs: 20_000 });
  for (const byte of `GET / HTTP/1.1\r\nHost: x\r\n${fields.join('')}\r\n`) {
    client.socket.write(byte);
    // A turn of the event loop, so that the proxy reads each of them alone.
    await setImmediate();
  }
  assert.equal((await client.response()).status, 200);
  client.close();
  for (let i = 0; i < 4; i += 1) {
    assert.equal(upstream.onlyRequest.header(`X-Long-${i}`)?.length, 7000);
  }
});

sequence('a client that reads slowly gets everything', async (target) => {
  const body = Buffer.alloc(12_000_000, 'x');
  upstream.answer = { body };
  const client = await RawConnection.open({ ...target, limitMs: 20_000 });
  const timer = setInterval(() => {
    client.socket.resume();
    setTimeout(() => client.socket.pause(), 2);
  }, 50);
  await client.send(get('X: y'));
  const answer = await client.response();
  clearInterval(timer);
  client.close();
  assert.ok(answer.body.equals(body));
});
