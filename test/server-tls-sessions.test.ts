// How clients resume their sessions: the caches for those that take no tickets, the keys of tickets
// and their rotation, across workers; and that no server's session is ever another's.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { connect, type ConnectionOptions, type SecureVersion } from 'node:tls';
import { opensslAvailable, opensslConnection } from './kit/openssl.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { startProxy } from './kit/sallyport.ts';
import { serverPairs } from './kit/server-pairs.ts';
import { tempFolder } from './kit/temp-folder.ts';

const pki = await testPki();
const pairs = await serverPairs(['a.test', 'b.test']);

interface Visit {
  readonly reused: boolean;
  readonly session: Buffer | null;
  readonly body: string;
}

// One request; ends with the answer's last byte, so that the tickets of TLS 1.3 have come as well.
function visit(port: number, options: ConnectionOptions, servername = 'a.test'): Promise<Visit> {
  return new Promise((resolve, reject) => {
    let session: Buffer | null = null;
    let text = '';
    const socket = connect({
      host: '127.0.0.1',
      port,
      servername,
      ca: pki.ca,
      checkServerIdentity: () => undefined,
      ...options,
    });
    let reused = false;
    socket.on('secureConnect', () => {
      reused = socket.isSessionReused();
      socket.write(`GET / HTTP/1.1\r\nHost: ${servername}\r\nConnection: close\r\n\r\n`);
    });
    socket.on('session', (ticket) => (session = ticket));
    socket.on('data', (bytes: Buffer) => (text += bytes.toString()));
    socket.on('error', reject);
    socket.on('close', () => resolve({ reused, session, body: text.split('\r\n\r\n')[1] ?? '' }));
  });
}

function resuming(session: Buffer | null, more: ConnectionOptions): ConnectionOptions {
  return session === null ? more : { ...more, session };
}

/** How many of so many new connections resumed the session of the one before. */
async function resumed(
  port: number,
  version: SecureVersion,
  { times, keep = false }: { times: number; keep?: boolean },
): Promise<number> {
  const options = { minVersion: version, maxVersion: version };
  let { session } = await visit(port, options);
  let count = 0;
  for (let i = 0; i < times; i += 1) {
    const next = await visit(port, resuming(session, options));
    if (next.reused) count += 1;
    if (!keep) session = next.session ?? session;
  }
  return count;
}

const server = (port: number, more: string): string =>
  `http { server { listen 127.0.0.1:${port} ssl; server_name a.test; ${pairs['a.test']}
    ${more} return 200 "$ssl_session_reused $ssl_session_id"; } }`;

const kinds: readonly (readonly [settings: string, tls12: boolean])[] = [
  ['ssl_session_tickets off;', false],
  ['ssl_session_tickets off; ssl_session_cache off;', false],
  ['ssl_session_tickets off; ssl_session_cache builtin;', true],
  ['ssl_session_tickets off; ssl_session_cache builtin:1000 shared:test:1m;', true],
  ['ssl_session_tickets off; ssl_session_cache shared:test:1m;', true],
  ['ssl_session_cache shared:test:1m; ssl_conf_command Options -SessionTicket;', true],
];

for (const [settings, tls12] of kinds) {
  test(`${settings} ${tls12 ? 'resumes' : 'does not resume'} TLS 1.2`, async (t) => {
    const port = await freePort();
    await startProxy(server(port, settings), { scope: t });
    assert.equal(await resumed(port, 'TLSv1.2', { times: 4 }), tls12 ? 4 : 0);
    assert.equal(await resumed(port, 'TLSv1.3', { times: 2 }), 0);
  });
}

test('$ssl_session_id names a kept session, the same when it is resumed', async (t) => {
  const port = await freePort();
  const settings = 'ssl_session_tickets off; ssl_session_cache builtin;';
  await startProxy(server(port, settings), { scope: t });
  const options = { maxVersion: 'TLSv1.2' } as const;
  const first = await visit(port, options);
  const again = await visit(port, resuming(first.session, options));
  const [, id = ''] = /^\. ([0-9a-f]{64})$/.exec(first.body) ?? [];
  assert.notEqual(id, '', first.body);
  assert.equal(again.body, `r ${id}`);
});

test('a session that has timed out is not resumed', async (t) => {
  const port = await freePort();
  const settings =
    'ssl_session_tickets off; ssl_session_cache builtin; ssl_session_timeout 1s; keepalive_timeout 0;';
  await startProxy(server(port, settings), { scope: t });
  const options = { maxVersion: 'TLSv1.2' } as const;
  const { session } = await visit(port, options);
  await new Promise((resolve) => setTimeout(resolve, 2100));
  assert.equal((await visit(port, resuming(session, options))).reused, false);
});

test(
  'a client without tickets is kept in the cache although tickets are on',
  {
    skip: !opensslAvailable,
  },
  async (t) => {
    const port = await freePort();
    const folder = tempFolder(t);
    await startProxy(server(port, 'ssl_session_cache shared:test:1m;'), { scope: t });
    const file = join(folder, 'session.pem');
    const request = 'GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n';
    const args = ['-tls1_2', '-no_ticket', '-servername', 'a.test'];
    const first = await opensslConnection(port, [...args, '-sess_out', file], request);
    const again = await opensslConnection(port, [...args, '-sess_in', file], request);
    assert.deepEqual([first.reused, again.reused], [false, true]);
  },
);

for (const settings of [
  'ssl_session_tickets off; ssl_session_cache builtin;',
  'ssl_session_tickets off; ssl_session_cache shared:test:1m;',
  'ssl_session_ticket_key ticket.key;',
]) {
  test(`${settings} no session of one server is another's`, async (t) => {
    const port = await freePort();
    const folder = tempFolder(t);
    writeFileSync(join(folder, 'ticket.key'), randomBytes(48));
    const block = (name: string): string =>
      // The same certificate: only the block differs.
      `server { listen 127.0.0.1:${port} ssl; server_name ${name}; ${pairs['a.test']}
        return 200 $server_name; }`;
    await startProxy(`http { ${settings} ${block('a.test')} ${block('b.test')} }`, {
      scope: t,
      folder,
    });
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const options = { minVersion: version, maxVersion: version };
      const first = await visit(port, options, 'a.test');
      const other = await visit(port, resuming(first.session, options), 'b.test');
      assert.deepEqual([other.reused, other.body], [false, 'b.test'], version);
    }
  });
}

test('99 of 100 new connections are resumed, over TLS 1.2 and 1.3', async (t) => {
  const port = await freePort();
  await startProxy(server(port, ''), { scope: t });
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    assert.ok((await resumed(port, version, { times: 100 })) >= 99, version);
  }
});

const workers = (port: number, more: string): string =>
  `master_process on; daemon off; worker_processes 3; error_log error.log info; events { }
   pid sallyport.pid; ${server(port, more)}`;

test('sessions are resumed by whichever worker, by tickets and by a shared cache', async (t) => {
  for (const settings of ['', 'ssl_session_tickets off; ssl_session_cache shared:test:1m;']) {
    const port = await freePort();
    const { stop } = await startProxy(workers(port, settings), { scope: t });
    const count = await resumed(port, 'TLSv1.2', { times: 40, keep: true });
    assert.ok(count >= 39, `${count} of 40 over TLS 1.2, ${settings}`);
    if (settings === '') {
      const modern = await resumed(port, 'TLSv1.3', { times: 40, keep: true });
      assert.ok(modern >= 39, `${modern} of 40 over TLS 1.3`);
    }
    await stop();
  }
});

interface Rotation {
  readonly port: number;
  use(...keys: readonly string[]): Promise<void>;
}

async function rotating(t: TestContext, first: string): Promise<Rotation> {
  const port = await freePort();
  const folder = tempFolder(t);
  for (const [name, size] of [
    ['one', 48],
    ['two', 80],
    ['three', 48],
  ] as const) {
    writeFileSync(join(folder, `${name}.key`), randomBytes(size));
  }
  const text = (keys: readonly string[]): string =>
    `error_log error.log info; master_process off; events { }
     ${server(port, keys.map((key) => `ssl_session_ticket_key ${key}.key;`).join(' '))}`;
  const { proxy } = await startProxy(text([first]), { scope: t, folder });
  const file = join(folder, 'sallyport.conf');
  return {
    port,
    use: (...keys) => proxy.reload({ file, text: text(keys), prefix: folder }),
  };
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version} sessions survive the rotation of ticket keys`, async (t) => {
    const { port, use } = await rotating(t, 'one');
    const options = { minVersion: version, maxVersion: version };
    const old = await visit(port, options);
    await use('two', 'one');
    assert.equal((await visit(port, resuming(old.session, options))).reused, true);
    const fresh = await visit(port, options);
    assert.equal((await visit(port, resuming(fresh.session, options))).reused, true);
    await use('three', 'two');
    // The key of the second is still there, that of the first is gone.
    assert.equal((await visit(port, resuming(fresh.session, options))).reused, true);
    assert.equal((await visit(port, resuming(old.session, options))).reused, false);
    await use('two', 'three');
    assert.equal((await visit(port, resuming(fresh.session, options))).reused, true);
  });
}

test("two proxies with one key file resume each other's sessions", async (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'ticket.key'), randomBytes(80));
  const ports = [await freePort(), await freePort()] as const;
  for (const port of ports) {
    await startProxy(server(port, `ssl_session_ticket_key ${folder}/ticket.key;`), { scope: t });
  }
  const { session } = await visit(ports[0], {});
  const there = await visit(ports[1], resuming(session, {}));
  assert.equal(there.reused, true);
});

test('two proxies in one process share no cache, whatever its name', async (t) => {
  const settings = 'ssl_session_tickets off; ssl_session_cache shared:test:1m;';
  const ports = [await freePort(), await freePort()] as const;
  for (const port of ports) await startProxy(server(port, settings), { scope: t });
  const options = { maxVersion: 'TLSv1.2' } as const;
  const { session } = await visit(ports[0], options);
  assert.equal((await visit(ports[1], resuming(session, options))).reused, false);
  assert.equal((await visit(ports[0], resuming(session, options))).reused, true);
});

test('a shared cache outlives a reload', async (t) => {
  const port = await freePort();
  const settings = 'ssl_session_tickets off; ssl_session_cache shared:test:1m;';
  const text = `error_log error.log info; master_process off; events { } ${server(port, settings)}`;
  const { proxy, folder } = await startProxy(text, { scope: t });
  const options = { maxVersion: 'TLSv1.2' } as const;
  const { session } = await visit(port, options);
  await proxy.reload({ file: join(folder, 'sallyport.conf'), text, prefix: folder });
  assert.equal((await visit(port, resuming(session, options))).reused, true);
});
