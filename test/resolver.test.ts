// Hosts in variables: who is asked for their addresses, how long an answer counts, what a request
// gets where there is none, and whose name is verified. Where real nginx can do the same, beside it.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { assertSameAsNginx, compareWithNginx, type Site } from './kit/both.ts';
import { DnsServer } from './kit/dns-server.ts';
import { eventually } from './kit/eventually.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy, type RunningProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const pki = await testPki();
const trusted = `proxy_ssl_trusted_certificate ${pki.caFile};`;

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(':') + 1);
}

test('answers as nginx where the host is in a variable', { skip: !nginxAvailable }, async (t) => {
  const dns = await DnsServer.start(t);
  dns.setAddresses('backend.test', ['127.0.0.1'], 60);
  dns.set('alias.test', { type: 'CNAME', ttl: 60, target: 'backend.test' });
  dns.set('empty.test');
  const config = ({ port, upstreams: { upstream } }: Site<'upstream'>): string => `
    events {}
    http {
      resolver ${dns.address} ipv6=off;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      upstream group { server ${upstream}; }
      server {
        listen 127.0.0.1:${port};
        location / { proxy_pass http://$arg_host:${portOf(upstream)}; }
        location /path/ { proxy_pass http://$arg_host:${portOf(upstream)}/fixed; }
        location /set/ {
          set $backend http://backend.test:${portOf(upstream)};
          proxy_pass $backend;
        }
        location /literal/ { proxy_pass http://backend.test:${portOf(upstream)}$request_uri; }
        location /page/ {
          error_page 502 = /other;
          proxy_pass http://$arg_host:${portOf(upstream)};
        }
        location = /other { return 200 page; }
      }
    }`;
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config,
    scope: t,
    requests: [
      { path: '/x?host=backend.test' },
      { path: '/x?host=backend.test', name: 'a name that is known' },
      { path: '/x?host=BACKEND.test.', name: 'the same name, differently written' },
      { path: '/path/x?host=backend.test' },
      { path: '/x?host=alias.test' },
      { path: '/set/x?y=1' },
      { path: '/literal/x?y=1' },
      { path: '/x?host=group', name: 'a group' },
      { path: '/x?host=unknown.test' },
      { path: '/x?host=empty.test' },
      { path: '/x?host=bad..name' },
      { path: '/page/x?host=unknown.test' },
      { method: 'POST', path: '/x?host=backend.test', body: 'text' },
    ],
  });
  assertSameAsNginx(pairs);
});

const wrongLines: readonly [string, string][] = [
  ['resolver 127.0.0.1 valid=abc;', 'invalid parameter: valid=abc'],
  ['resolver 127.0.0.1 valid=500ms;', 'invalid parameter: valid=500ms'],
  ['resolver valid=3s;', 'no name servers defined'],
  ['resolver 127.0.0.1 ipv6=maybe;', 'invalid parameter: ipv6=maybe'],
  ['resolver 127.0.0.1:99999;', 'invalid port in resolver "127.0.0.1:99999"'],
  ['resolver nosuch.invalid;', 'host not found in resolver "nosuch.invalid"'],
  ['resolver foo=3;', 'host not found in resolver "foo=3"'],
  ['resolver 127.0.0.1; resolver 127.0.0.2;', '"resolver" directive is duplicate'],
  ['resolver_timeout x;', '"resolver_timeout" directive invalid value'],
];

for (const [line, words] of wrongLines) {
  test(`"${line}" is refused in nginx's words`, async (t) => {
    const config = `events {} http { ${line} server { listen 127.0.0.1:1; } }`;
    const loaded = await loadConfig({ file: '/none.conf', text: config, prefix: tempFolder(t) });
    assert.deepEqual(
      loaded.diagnostics.filter((one) => one.severity === 'error').map((one) => one.message),
      [words],
    );
    if (!nginxAvailable) return;
    const real = checkConfig(config, { scope: t });
    assert.ok(
      real.messages.some((one) => one.includes(words)),
      real.messages.join('\n'),
    );
  });
}

test('a resolver without any kind of address is refused', async (t) => {
  const config =
    'events {} http { resolver 127.0.0.1 ipv4=off ipv6=off; server { listen 127.0.0.1:1; } }';
  const loaded = await loadConfig({ file: '/none.conf', text: config, prefix: tempFolder(t) });
  assert.match(loaded.diagnostics[0]?.message ?? '', /"ipv4" and "ipv6" cannot both be "off"/);
});

interface Running {
  readonly proxy: RunningProxy;
  readonly port: number;
  readonly upstream: RecordingUpstream;
  get(path: string): Promise<{ status: number; body: string }>;
}

async function start(t: TestContext, http: string, location?: string): Promise<Running> {
  const upstream = await RecordingUpstream.start({ answer: { body: 'hello' } }, t);
  const port = await freePort();
  const inner = location ?? `proxy_pass http://$arg_host:${upstream.port};`;
  const proxy = await startProxy(
    `http { ${http} server { listen 127.0.0.1:${port}; location / { ${inner} } } }`,
    { scope: t },
  );
  const get = async (path: string): Promise<{ status: number; body: string }> => {
    const { status, body } = await request({ port, limitMs: 20_000, path });
    return { status, body: body.toString() };
  };
  return { proxy, port, upstream, get };
}

test('what is wrong with a name is said in the words of nginx', async (t) => {
  const dns = await DnsServer.start(t);
  const { proxy, get } = await start(t, `resolver ${dns.address} ipv6=off;`);
  assert.equal((await get('/?host=unknown.test')).status, 502);
  for (const [code, words] of [
    [1, '1: Format error'],
    [2, '2: Server failure'],
    [4, '4: Unimplemented'],
    [5, '5: Operation refused'],
  ] as const) {
    dns.failsWith = code;
    assert.equal((await get(`/?host=name${code}.test`)).status, 502);
    await eventually('the line', () =>
      proxy.errorLog().includes(`name${code}.test could not be resolved (${words}), client:`),
    );
  }
  assert.match(proxy.errorLog(), /unknown\.test could not be resolved \(3: Host not found\)/);
});

test('a request waits no longer than resolver_timeout', async (t) => {
  const dns = await DnsServer.start(t);
  dns.silent = true;
  const { proxy, get } = await start(t, `resolver ${dns.address}; resolver_timeout 200ms;`);
  assert.equal((await get('/?host=name.test')).status, 502);
  await eventually('the line', () =>
    proxy.errorLog().includes('name.test could not be resolved (110: Operation timed out)'),
  );
});

test('requests that wait for one name ask for it once', async (t) => {
  const dns = await DnsServer.start(t);
  dns.silent = true;
  dns.setAddresses('name.test', ['127.0.0.1'], 60);
  const { get } = await start(t, `resolver ${dns.address} ipv6=off;`);
  const answers = Promise.all(Array.from({ length: 20 }, () => get('/?host=name.test')));
  await eventually('a question', () => dns.asked('name.test') > 0);
  dns.silent = false;
  assert.deepEqual(
    (await answers).map(({ status }) => status),
    Array.from({ length: 20 }, () => 200),
  );
  // The one that was not answered, and the same once more.
  assert.ok(dns.asked('name.test') <= 2, String(dns.asked('name.test')));
  await get('/?host=name.test');
  assert.ok(dns.asked('name.test') <= 2);
});

test('an answer counts for its TTL, or as long as valid= says', async (t) => {
  const dns = await DnsServer.start(t);
  dns.setAddresses('short.test', ['127.0.0.1'], 0);
  dns.setAddresses('long.test', ['127.0.0.1'], 60);
  const byTtl = await start(t, `resolver ${dns.address} ipv6=off;`);
  await byTtl.get('/?host=short.test');
  await byTtl.get('/?host=short.test');
  await byTtl.get('/?host=long.test');
  await byTtl.get('/?host=long.test');
  assert.deepEqual([dns.asked('short.test'), dns.asked('long.test')], [2, 1]);
  const byValid = await start(t, `resolver ${dns.address} ipv6=off valid=30s;`);
  await byValid.get('/?host=short.test');
  await byValid.get('/?host=short.test');
  assert.equal(dns.asked('short.test'), 3);
});

test('addresses of both kinds are asked for, unless one is off', async (t) => {
  const dns = await DnsServer.start(t);
  dns.set('six.test', { type: 'AAAA', ttl: 60, address: '::1' });
  const upstream = await RecordingUpstream.start({ host: '::1' }, t);
  const both = await start(
    t,
    `resolver ${dns.address};`,
    `proxy_pass http://$arg_host:${upstream.port};`,
  );
  assert.equal((await both.get('/?host=six.test')).status, 200);
  assert.deepEqual([dns.asked('six.test', 'A'), dns.asked('six.test', 'AAAA')], [1, 1]);
  dns.queries.length = 0;
  const four = await start(t, `resolver ${dns.address} ipv6=off;`);
  assert.equal((await four.get('/?host=six.test')).status, 502);
  assert.deepEqual([dns.asked('six.test', 'A'), dns.asked('six.test', 'AAAA')], [1, 0]);
  dns.queries.length = 0;
  const six = await start(
    t,
    `resolver ${dns.address} ipv4=off;`,
    `proxy_pass http://$arg_host:${upstream.port};`,
  );
  assert.equal((await six.get('/?host=six.test')).status, 200);
  assert.deepEqual([dns.asked('six.test', 'A'), dns.asked('six.test', 'AAAA')], [0, 1]);
});

test('an answer too long for UDP comes over TCP', async (t) => {
  const dns = await DnsServer.start(t);
  dns.truncates = true;
  dns.setAddresses('name.test', ['127.0.0.1'], 60);
  const { get } = await start(t, `resolver ${dns.address} ipv6=off;`);
  assert.equal((await get('/?host=name.test')).status, 200);
  assert.equal(dns.queries.at(-1)?.tcp, true);
});

test('of several name servers all are asked in turns, and one that is dead costs no answer', async (t) => {
  const [one, two] = [await DnsServer.start(t), await DnsServer.start(t)];
  for (const dns of [one, two]) {
    for (let i = 0; i < 8; i += 1) dns.setAddresses(`n${i}.test`, ['127.0.0.1'], 60);
  }
  const { get } = await start(t, `resolver ${one.address} ${two.address} ipv6=off;`);
  for (let i = 0; i < 4; i += 1) assert.equal((await get(`/?host=n${i}.test`)).status, 200);
  assert.deepEqual([one.queries.length, two.queries.length], [2, 2]);
  one.failsWith = 2;
  for (let i = 4; i < 8; i += 1) assert.equal((await get(`/?host=n${i}.test`)).status, 200);
});

test('while the name servers do not answer, addresses of before go on to be used', async (t) => {
  const dns = await DnsServer.start(t);
  dns.setAddresses('name.test', ['127.0.0.1'], 0);
  const { proxy, get } = await start(t, `resolver ${dns.address} ipv6=off;`);
  assert.equal((await get('/?host=name.test')).status, 200);
  dns.failsWith = 2;
  assert.equal((await get('/?host=name.test')).status, 200);
  await eventually('the line', () =>
    proxy
      .errorLog()
      .includes('name.test could not be resolved (2: Server failure), its addresses of before'),
  );
});

test('a name that is gone is gone', async (t) => {
  const dns = await DnsServer.start(t);
  dns.setAddresses('name.test', ['127.0.0.1'], 0);
  const { get } = await start(t, `resolver ${dns.address} ipv6=off;`);
  assert.equal((await get('/?host=name.test')).status, 200);
  dns.remove('name.test');
  assert.equal((await get('/?host=name.test')).status, 502);
});

test('another address is used as soon as the answer has it', async (t) => {
  const dns = await DnsServer.start(t);
  const port = await freePort();
  const first = await RecordingUpstream.start({ port, answer: { body: 'one' } }, t);
  await RecordingUpstream.start({ port, host: '127.0.0.2', answer: { body: 'two' } }, t);
  dns.setAddresses('name.test', ['127.0.0.1'], 0);
  const { get } = await start(
    t,
    `resolver ${dns.address};`,
    `proxy_pass http://$arg_host:${port};`,
  );
  assert.equal((await get('/?host=name.test')).body, 'one');
  assert.equal((await get('/?host=name.test')).body, 'one');
  // The connection was used again, although the name was asked for anew.
  assert.equal(first.connectionCount, 1);
  dns.setAddresses('name.test', ['127.0.0.2'], 0);
  assert.equal((await get('/?host=name.test')).body, 'two');
});

test('all addresses of a name are used, and tried after one another', async (t) => {
  const dns = await DnsServer.start(t);
  const port = await freePort();
  const first = await RecordingUpstream.start({ port }, t);
  const second = await RecordingUpstream.start({ port, host: '127.0.0.2' }, t);
  dns.setAddresses('name.test', ['127.0.0.1', '127.0.0.2', '127.0.0.3'], 60);
  const { get } = await start(
    t,
    `resolver ${dns.address};`,
    `proxy_pass http://$arg_host:${port};`,
  );
  for (let i = 0; i < 10; i += 1) assert.equal((await get('/?host=name.test')).status, 200);
  assert.equal(first.requests.length + second.requests.length, 10);
  assert.ok(first.requests.length >= 3 && second.requests.length >= 3);
});

test('a client that goes away while its host is looked up leaves nothing behind', async (t) => {
  const dns = await DnsServer.start(t);
  dns.silent = true;
  dns.setAddresses('name.test', ['127.0.0.1'], 60);
  const { proxy, port, get, upstream } = await start(
    t,
    `resolver ${dns.address} ipv6=off; access_log access.log combined;`,
  );
  const connection = await RawConnection.open({ port });
  connection.socket.write('GET /?host=name.test HTTP/1.1\r\nHost: x\r\n\r\n');
  await eventually('a question', () => dns.asked('name.test') > 0);
  connection.socket.destroy();
  await eventually('the log line', () => proxy.accessLog().includes(' 499 '));
  dns.silent = false;
  assert.equal((await get('/?host=name.test')).status, 200);
  assert.equal(upstream.requests.length, 1);
});

test('the resolver of a location is its own', async (t) => {
  const [outer, inner] = [await DnsServer.start(t), await DnsServer.start(t)];
  inner.setAddresses('name.test', ['127.0.0.1'], 60);
  const upstream = await RecordingUpstream.start({}, t);
  const port = await freePort();
  await startProxy(
    `http { resolver ${outer.address}; server { listen 127.0.0.1:${port};
      location / { proxy_pass http://$arg_host:${upstream.port}; }
      location /inner/ { resolver ${inner.address}; proxy_pass http://$arg_host:${upstream.port}; }
    } }`,
    { scope: t },
  );
  assert.equal((await request({ port, path: '/?host=name.test' })).status, 502);
  assert.equal((await request({ port, path: '/inner/?host=name.test' })).status, 200);
});

interface NameCase {
  readonly name: string;
  readonly http?: string;
  /** `PORT` stands for the upstream's. */
  readonly location: string;
  readonly host?: string;
  readonly status: number;
}

const nameCases: readonly NameCase[] = [
  {
    name: 'a literal host with a variable behind it',
    location: 'proxy_pass https://a.test:PORT$request_uri;',
    status: 200,
  },
  {
    name: 'a literal host with its port in a variable',
    location: 'set $port PORT; proxy_pass https://a.test:$port/;',
    status: 200,
  },
  {
    name: 'a host that "set" gives',
    location: 'set $backend a.test; proxy_pass https://$backend:PORT;',
    status: 200,
  },
  {
    name: 'a URL that "set" gives',
    location: 'set $host_part a.test; set $backend https://$host_part:PORT; proxy_pass $backend;',
    status: 200,
  },
  {
    name: 'a host of a map that the client chooses from',
    http: 'map $arg_host $backend { default b.test; a a.test; }',
    location: 'proxy_pass https://$backend:PORT;',
    host: 'a',
    status: 200,
  },
  {
    name: 'a host of a map that is for another server',
    http: 'map $arg_host $backend { default b.test; a a.test; }',
    location: 'proxy_pass https://$backend:PORT;',
    host: 'x',
    status: 502,
  },
  {
    name: 'a map whose default is what the client says',
    http: 'map $arg_host $backend { default $arg_host; x b.test; }',
    location: 'proxy_pass https://$backend:PORT;',
    status: 502,
  },
  {
    name: 'what the client says',
    location: 'proxy_pass https://$arg_host:PORT;',
    status: 502,
  },
  {
    name: 'a host that "set" takes from the client',
    location: 'set $backend $arg_host; proxy_pass https://$backend:PORT;',
    status: 502,
  },
  {
    name: 'a host that a location captures',
    location: 'if ($arg_host ~ "^(?<backend>.*)$") { set $x 1; } proxy_pass https://$backend:PORT;',
    status: 502,
  },
  {
    name: 'a literal that the client makes longer',
    location: 'proxy_pass https://$prefix$arg_host:PORT;',
    http: 'map $uri $prefix { default a; }',
    host: '.test',
    status: 502,
  },
  {
    name: 'what the client says, with proxy_ssl_name',
    location: 'proxy_ssl_name a.test; proxy_pass https://$arg_host:PORT;',
    status: 200,
  },
];

for (const { name, http = '', location, host = 'a.test', status } of nameCases) {
  test(`over TLS: ${name}: ${status === 200 ? 'verified' : 'refused'}`, async (t) => {
    const dns = await DnsServer.start(t);
    dns.setAddresses('a.test', ['127.0.0.1'], 60);
    dns.setAddresses('b.test', ['127.0.0.1'], 60);
    const upstream = await RecordingUpstream.start({ tls: pki.a.tls }, t);
    const inner = `${trusted} ${location.replaceAll('PORT', String(upstream.port))}`;
    const { get } = await start(t, `resolver ${dns.address}; ${http}`, inner);
    assert.equal((await get(`/?host=${host}`)).status, status);
    assert.equal(upstream.requests.length, status === 200 ? 1 : 0);
    if (status === 200) assert.equal(upstream.requests[0]?.tls?.serverName, 'a.test');
  });
}

test('names are asked for in worker threads too', async (t) => {
  const dns = await DnsServer.start(t);
  dns.setAddresses('name.test', ['127.0.0.1'], 60);
  const upstream = await RecordingUpstream.start({}, t);
  const port = await freePort();
  await startProxy(
    `master_process on; worker_processes 2; daemon off;
     http { resolver ${dns.address} ipv6=off; server { listen 127.0.0.1:${port};
       location / { proxy_pass http://$arg_host:${upstream.port}; } } }`,
    { scope: t },
  );
  for (let i = 0; i < 8; i += 1) {
    assert.equal((await request({ port, path: '/?host=name.test' })).status, 200);
  }
  assert.ok(dns.asked('name.test') <= 2);
});
