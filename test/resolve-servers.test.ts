// Servers of groups whose names are looked up while the proxy runs: `server NAME resolve`, and
// `service=` with SRV records. They come and go with the answers; what stays keeps its state.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { createProxy, loadConfig } from '../src/index.ts';
import { DnsServer, type DnsRecord } from './kit/dns-server.ts';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream, type UpstreamOptions } from './kit/recording-upstream.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { atEnd } from './kit/scope.ts';
import { tempFolder } from './kit/temp-folder.ts';

const pki = await testPki();

interface Cluster {
  readonly dns: DnsServer;
  /** On 127.0.0.1, 127.0.0.2, 127.0.0.3, all with one port. */
  readonly upstreams: readonly RecordingUpstream[];
  readonly upstreamPort: number;
  readonly proxy: RunningProxy;
  readonly port: number;
  ask(): Promise<string>;
  /** Which upstreams answer, within some requests in a row. */
  seen(): Promise<string>;
}

interface ClusterOptions {
  /** Of the group; `PORT` stands for the upstreams' port. */
  readonly group: string;
  readonly location?: string;
  readonly main?: string;
  readonly upstream?: UpstreamOptions;
  readonly before?: (dns: DnsServer, port: number) => void;
}

async function start(t: TestContext, options: ClusterOptions): Promise<Cluster> {
  const dns = await DnsServer.start(t);
  const upstreamPort = await freePort();
  const upstreams = await Promise.all(
    ['one', 'two', 'three'].map((name, i) => {
      const where = { port: upstreamPort, host: `127.0.0.${i + 1}` };
      return RecordingUpstream.start({ answer: { body: name }, ...options.upstream, ...where }, t);
    }),
  );
  options.before?.(dns, upstreamPort);
  const port = await freePort();
  const { location = 'proxy_pass http://group;', main = '' } = options;
  const proxy = await startProxy(
    `${main} http { resolver ${dns.address} ipv6=off;
      upstream group { zone group 64k; ${options.group.replaceAll('PORT', String(upstreamPort))} }
      server { listen 127.0.0.1:${port}; location / { ${location} } } }`,
    { scope: t },
  );
  const ask = async (): Promise<string> => {
    const { status, body } = await request({ port });
    return status === 200 ? body.toString() : String(status);
  };
  const seen = async (): Promise<string> => {
    const names = new Set<string>();
    for (let i = 0; i < 9; i += 1) names.add(await ask());
    return [...names].sort().join(' ');
  };
  return { dns, upstreams, upstreamPort, proxy, port, ask, seen };
}

function untilSeen(cluster: Cluster, wanted: string): Promise<unknown> {
  return eventually(wanted, async () => (await cluster.seen()) === wanted, 8000);
}

test('servers come and go with the answers, without a reload', async (t) => {
  const cluster = await start(t, {
    group: 'server name.test:PORT resolve;',
    before: (dns) => dns.setAddresses('name.test', ['127.0.0.1'], 1),
  });
  // The very first request meets a group that knows its servers.
  assert.equal(await cluster.ask(), 'one');
  cluster.dns.setAddresses('name.test', ['127.0.0.1', '127.0.0.2'], 1);
  await untilSeen(cluster, 'one two');
  cluster.dns.setAddresses('name.test', ['127.0.0.2', '127.0.0.3'], 1);
  await untilSeen(cluster, 'three two');
  // A server that stayed has kept its connection.
  assert.equal(cluster.upstreams[1]?.connectionCount, 1);
});

test('a name that is unknown at start is down, and tried again', async (t) => {
  const cluster = await start(t, { group: 'server name.test:PORT resolve;' });
  assert.equal(await cluster.ask(), '502');
  await eventually('the line', () =>
    cluster.proxy.errorLog().includes('name.test could not be resolved (3: Host not found)'),
  );
  cluster.dns.setAddresses('name.test', ['127.0.0.3'], 60);
  await untilSeen(cluster, 'three');
});

test('an unknown name leaves the other servers of the group alone', async (t) => {
  const cluster = await start(t, {
    group: 'server name.test:PORT resolve; server 127.0.0.2:PORT;',
  });
  assert.equal(await cluster.seen(), 'two');
  cluster.dns.setAddresses('name.test', ['127.0.0.1'], 60);
  await untilSeen(cluster, 'one two');
});

test('while the name servers do not answer, the servers stay', async (t) => {
  const cluster = await start(t, {
    group: 'server name.test:PORT resolve;',
    before: (dns) => dns.setAddresses('name.test', ['127.0.0.1'], 1),
  });
  assert.equal(await cluster.ask(), 'one');
  cluster.dns.failsWith = 2;
  await eventually('the line', () =>
    cluster.proxy.errorLog().includes('name.test could not be resolved (2: Server failure)'),
  );
  assert.equal(await cluster.ask(), 'one');
  cluster.dns.failsWith = 0;
  cluster.dns.remove('name.test');
  await untilSeen(cluster, '502');
});

test('a server that leaves ends its requests, and its idle connections are closed', async (t) => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const cluster = await start(t, {
    group: 'server name.test:PORT resolve;',
    before: (dns) => dns.setAddresses('name.test', ['127.0.0.1'], 1),
  });
  const [one] = cluster.upstreams;
  assert.ok(one !== undefined);
  let closed = 0;
  const known = new Set<object>();
  one.answer = async ({ target }, socket) => {
    if (!known.has(socket)) socket.once('close', () => (closed += 1));
    known.add(socket);
    if (target === '/slow') await held;
    return { body: 'one' };
  };
  // One connection will be idle, one busy.
  const idle = request({ port: cluster.port, path: '/' });
  const slow = await RawConnection.open({ port: cluster.port, limitMs: 10_000 });
  const answer = slow.request({ path: '/slow' });
  assert.equal((await idle).body.toString(), 'one');
  await eventually('the slow request', () => one.requests.some((r) => r.target === '/slow'));
  cluster.dns.setAddresses('name.test', ['127.0.0.2'], 60);
  await untilSeen(cluster, 'two');
  await eventually('the idle connection', () => closed === 1);
  release();
  const { status, body } = await answer;
  assert.deepEqual([status, body.toString()], [200, 'one']);
  slow.close();
  await eventually('the other connection', () => closed === 2);
});

test('parameters of the line are those of all its servers', async (t) => {
  const cluster = await start(t, {
    group: 'server name.test:PORT resolve backup; server 127.0.0.3:PORT max_fails=0;',
    before: (dns) => dns.setAddresses('name.test', ['127.0.0.1', '127.0.0.2'], 60),
  });
  assert.equal(await cluster.seen(), 'three');
  await cluster.upstreams[2]?.close();
  assert.equal(await cluster.seen(), 'one two');
});

function srv(target: string, port: number, more: Partial<DnsRecord> = {}): DnsRecord {
  return { type: 'SRV', ttl: 1, priority: 1, weight: 1, port, target, ...more } as DnsRecord;
}

test('a service gives ports, weights and backups', async (t) => {
  const cluster = await start(t, {
    group: 'server name.test service=http resolve;',
    before: (dns, port) => {
      dns.setAddresses('one.test', ['127.0.0.1'], 1);
      dns.setAddresses('two.test', ['127.0.0.2'], 1);
      dns.setAddresses('three.test', ['127.0.0.3'], 1);
      dns.set(
        '_http._tcp.name.test',
        srv('one.test', port, { weight: 3 }),
        srv('two.test', port, { weight: 1 }),
        srv('three.test', port, { priority: 2 }),
      );
    },
  });
  const answers: string[] = [];
  for (let i = 0; i < 8; i += 1) answers.push(await cluster.ask());
  assert.equal(answers.filter((one) => one === 'one').length, 6);
  assert.equal(answers.filter((one) => one === 'two').length, 2);
  const { dns, upstreamPort } = cluster;
  dns.set('_http._tcp.name.test', srv('three.test', upstreamPort, { priority: 2 }));
  await untilSeen(cluster, 'three');
});

test('a service with dots is a name of its own', async (t) => {
  const cluster = await start(t, {
    group: 'server name.test service=_http._tcp.v1 resolve;',
    before: (dns, port) => {
      dns.setAddresses('two.test', ['127.0.0.2'], 60);
      dns.set('_http._tcp.v1.name.test', srv('two.test', port));
    },
  });
  assert.equal(await cluster.seen(), 'two');
});

test('of a backup line with a service only the best records are used', async (t) => {
  const cluster = await start(t, {
    group: 'server 127.0.0.1:PORT max_fails=0; server name.test service=http resolve backup;',
    before: (dns, port) => {
      dns.setAddresses('two.test', ['127.0.0.2'], 60);
      dns.setAddresses('three.test', ['127.0.0.3'], 60);
      dns.set(
        '_http._tcp.name.test',
        srv('two.test', port, { priority: 1 }),
        srv('three.test', port, { priority: 2 }),
      );
    },
  });
  assert.equal(await cluster.seen(), 'one');
  await cluster.upstreams[0]?.close();
  assert.equal(await cluster.seen(), 'two');
});

test('the certificate is verified for the name that is configured, not for what DNS says', async (t) => {
  const before = (dns: DnsServer, port: number): void => {
    dns.setAddresses('elsewhere.test', ['127.0.0.1'], 60);
    dns.set('_https._tcp.a.test', srv('elsewhere.test', port));
    dns.set('_https._tcp.b.test', srv('a.test', port));
    dns.setAddresses('a.test', ['127.0.0.1'], 60);
  };
  const upstream = { tls: pki.a.tls };
  const location = `proxy_ssl_trusted_certificate ${pki.caFile}; proxy_pass https://group;`;
  const right = await start(t, {
    group: 'server a.test service=https resolve;',
    location,
    upstream,
    before,
  });
  assert.equal(await right.ask(), 'one');
  const wrong = await start(t, {
    group: 'server b.test service=https resolve;',
    location,
    upstream,
    before,
  });
  assert.equal(await wrong.ask(), '502');
  assert.match(wrong.proxy.errorLog(), /UPSTREAM_TLS_NAME_MISMATCH/);
});

test('parameters about TLS count for servers that are not known yet', async (t) => {
  const cluster = await start(t, {
    group: `server name.test:PORT resolve ssl_name=a.test ssl_trusted_certificate=${pki.caFile};`,
    location: 'proxy_pass https://group;',
    upstream: { tls: pki.a.tls },
  });
  assert.equal(await cluster.ask(), '502');
  cluster.dns.setAddresses('name.test', ['127.0.0.1'], 60);
  await untilSeen(cluster, 'one');
});

test('every way of balancing takes servers that come', async (t) => {
  for (const method of [
    'least_conn;',
    'ip_hash;',
    'hash $request_uri consistent;',
    'random two;',
  ]) {
    const cluster = await start(t, {
      group: `${method} server name.test:PORT resolve;`,
      before: (dns) => dns.setAddresses('name.test', ['127.0.0.1'], 1),
    });
    assert.equal(await cluster.ask(), 'one', method);
    cluster.dns.setAddresses('name.test', ['127.0.0.2'], 60);
    await untilSeen(cluster, 'two');
  }
});

test('all workers follow the answers', async (t) => {
  const cluster = await start(t, {
    main: 'master_process on; daemon off; worker_processes 2;',
    group: 'server name.test:PORT resolve;',
    before: (dns) => dns.setAddresses('name.test', ['127.0.0.1'], 1),
  });
  assert.equal(await cluster.seen(), 'one');
  cluster.dns.setAddresses('name.test', ['127.0.0.2'], 1);
  await untilSeen(cluster, 'two');
});

test('a reload that leaves the group as it is keeps its servers', async (t) => {
  const dns = await DnsServer.start(t);
  const upstream = await RecordingUpstream.start({ answer: { body: 'one' } }, t);
  dns.setAddresses('name.test', ['127.0.0.1'], 60);
  const folder = tempFolder(t);
  const file = path.join(folder, 'sallyport.conf');
  const port = await freePort();
  const write = (extra: string): void =>
    writeFileSync(
      file,
      `error_log error.log; master_process off; daemon off; events {} http {
        resolver ${dns.address} ipv6=off;
        upstream group { zone group 64k; hash $request_uri;
          server name.test:${upstream.port} resolve; }
        server { listen 127.0.0.1:${port}; ${extra} location / { proxy_pass http://group; } } }`,
    );
  write('');
  const proxy = createProxy(await loadConfig({ file, prefix: folder }));
  proxy.on('error', () => undefined);
  await proxy.start();
  atEnd(t, () => proxy.close());
  assert.equal((await request({ port })).status, 200);
  write('location /new/ { return 204; }');
  await proxy.reload();
  assert.equal((await request({ port, path: '/new/' })).status, 204);
  dns.failsWith = 2;
  assert.equal((await request({ port })).status, 200);
  assert.equal(upstream.connectionCount, 1);
  assert.equal(dns.asked('name.test'), 1);
});

const wrong: readonly [string, string, string][] = [
  ['without a zone', 'server name.test resolve;', 'to be in shared memory'],
  [
    'without a resolver',
    'zone u 64k; server name.test resolve;',
    'no resolver defined to resolve names at run time in upstream "u"',
  ],
  [
    'a service that is not resolved',
    'server name.test service=http;',
    'service upstream "name.test" requires "resolve" parameter',
  ],
  [
    'a service with a port',
    'server name.test:80 service=http resolve;',
    'service upstream "name.test:80" may not have port',
  ],
  [
    'a service of an address',
    'server 127.0.0.1 service=http resolve;',
    'service upstream "127.0.0.1" requires domain name',
  ],
  ['an empty service', 'server name.test service= resolve;', 'service is empty'],
];

for (const [name, group, words] of wrong) {
  test(`${name} is refused`, async (t) => {
    const text = `events {} http { upstream u { ${group} } server { listen 127.0.0.1:1; } }`;
    const loaded = await loadConfig({ file: '/none.conf', text, prefix: tempFolder(t) });
    assert.equal(loaded.ok, false);
    const messages = loaded.diagnostics.map((one) => one.message).join('\n');
    assert.ok(messages.includes(words), messages);
  });
}

test('an address with "resolve" is just an address', async (t) => {
  const text = 'events {} http { upstream u { server 127.0.0.1 resolve; } }';
  const loaded = await loadConfig({ file: '/none.conf', text, prefix: tempFolder(t) });
  assert.deepEqual(loaded.diagnostics, []);
});

test('the server that was chosen can say which name is verified', async (t) => {
  const dns = await DnsServer.start(t);
  const one = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const two = await RecordingUpstream.start({ tls: pki.b.tls }, t);
  dns.setAddresses('a.test', ['127.0.0.1'], 60);
  dns.setAddresses('b.test', ['127.0.0.1'], 60);
  const port = await freePort();
  const proxy = await startProxy(
    `http { resolver ${dns.address} ipv6=off;
      log_format chosen "$upstream_last_server_name $upstream_queue_time";
      upstream group { zone group 64k;
        server a.test:${one.port} resolve; server b.test:${two.port} resolve; }
      server { listen 127.0.0.1:${port}; access_log access.log chosen; location / {
        proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_name $upstream_last_server_name;
        proxy_pass https://group; } } }`,
    { scope: t },
  );
  for (let i = 0; i < 4; i += 1) assert.equal((await request({ port })).status, 200);
  assert.deepEqual([one.requests.length, two.requests.length], [2, 2]);
  await eventually('the log', () => proxy.accessLog().includes('b.test -'));
});
