// Active health checks: what makes a server unfit, that no request goes to one that is, that checks
// are as strict about TLS as requests, and what a reload and several workers do with the verdicts.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test, type TestContext } from 'node:test';
import { createProxy, loadConfig } from '../src/index.ts';
import { DnsServer } from './kit/dns-server.ts';
import { eventually } from './kit/eventually.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import {
  RecordingUpstream,
  type Answer,
  type RecordedRequest,
  type UpstreamOptions,
} from './kit/recording-upstream.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { atEnd } from './kit/scope.ts';
import { tempFolder } from './kit/temp-folder.ts';

const pki = await testPki();

/** An upstream whose checks can be made to fail. Checks go to /health. */
class Checked {
  readonly upstream: RecordingUpstream;
  health: Answer = {};

  private constructor(upstream: RecordingUpstream) {
    this.upstream = upstream;
  }

  static async start(
    t: TestContext,
    name: string,
    options: UpstreamOptions = {},
  ): Promise<Checked> {
    const upstream = await RecordingUpstream.start(options, t);
    const checked = new Checked(upstream);
    upstream.answer = ({ target }) => (target === '/health' ? checked.health : { body: name });
    return checked;
  }

  get checks(): readonly RecordedRequest[] {
    return this.upstream.requests.filter(({ target }) => target === '/health');
  }
}

interface Pair {
  readonly one: Checked;
  readonly two: Checked;
  readonly proxy: RunningProxy;
  readonly port: number;
  seen(): Promise<string>;
}

interface PairOptions {
  readonly check?: string;
  readonly http?: string;
  readonly main?: string;
  readonly group?: string;
  readonly location?: string;
  readonly upstream?: UpstreamOptions;
  readonly upstreams?: (one: Checked, two: Checked) => void;
}

const quick = 'interval=50ms uri=/health';

async function start(t: TestContext, options: PairOptions = {}): Promise<Pair> {
  const [one, two] = [
    await Checked.start(t, 'one', options.upstream),
    await Checked.start(t, 'two', options.upstream),
  ];
  options.upstreams?.(one, two);
  const port = await freePort();
  const { check = quick, http = '', main = '', group = '', location } = options;
  const proxy = await startProxy(
    `${main} http { ${http} upstream group { zone group 64k; ${group}
      server ${one.upstream.address} max_fails=0; server ${two.upstream.address} max_fails=0; }
      server { listen 127.0.0.1:${port}; location / {
        ${location ?? 'proxy_pass http://group;'} ${check === '' ? '' : `health_check ${check};`} } } }`,
    { scope: t },
  );
  return { one, two, proxy, port, seen: () => seenAt(port) };
}

async function seenAt(port: number): Promise<string> {
  const names = new Set<string>();
  for (let i = 0; i < 8; i += 1) {
    const { status, body } = await request({ port });
    names.add(status === 200 ? body.toString() : String(status));
  }
  return [...names].sort().join(' ');
}

function untilSeen(pair: Pick<Pair, 'seen'>, wanted: string): Promise<unknown> {
  return eventually(wanted, async () => (await pair.seen()) === wanted, 8000);
}

test('a server whose check fails gets no requests until it passes', async (t) => {
  const pair = await start(t);
  const { one, two, proxy } = pair;
  await untilSeen(pair, 'one two');
  one.health = { status: 500 };
  await untilSeen(pair, 'two');
  const unfit =
    `peer is unhealthy while checking status code: it is 500, health check "" of peer ` +
    `${one.upstream.address} in upstream "group"`;
  await eventually('the line', () => proxy.errorLog().includes(unfit));
  two.health = { status: 404 };
  await untilSeen(pair, '502');
  one.health = { status: 302 };
  await untilSeen(pair, 'one');
  await eventually('the line', () =>
    proxy.errorLog().includes(`peer is healthy, health check "" of peer ${one.upstream.address}`),
  );
  // Said once for each change, not for each check.
  assert.equal(proxy.errorLog().split(`${unfit}`).length, 2);
});

test('checks are requests of the location', async (t) => {
  const { one } = await start(t, {
    location:
      'proxy_set_header Host checked.test; proxy_set_header X-Uri $uri; ' +
      'proxy_set_header X-Client $http_x_client; proxy_pass http://group;',
  });
  await eventually('a check', () => one.checks.length > 0);
  const [check] = one.checks;
  assert.equal(check?.requestLine, 'GET /health HTTP/1.1');
  assert.deepEqual(check.headers, [
    ['Host', 'checked.test'],
    ['X-Uri', '/health'],
  ]);
});

test('fails= and passes= count what comes in a row', async (t) => {
  const pair = await start(t, { check: `${quick} fails=3 passes=3` });
  const { one, proxy } = pair;
  await eventually('a check', () => one.checks.length > 0);
  let left = 2;
  one.upstream.answer = ({ target }) => {
    if (target !== '/health') return { body: 'one' };
    left -= 1;
    return { status: left >= 0 ? 500 : 200 };
  };
  const from = one.checks.length;
  await eventually('more checks', () => one.checks.length > from + 5);
  assert.doesNotMatch(proxy.errorLog(), /unhealthy/);
  left = 3;
  await eventually('the line', () => proxy.errorLog().includes('peer is unhealthy'));
  const out = one.checks.length;
  await eventually('the line', () => proxy.errorLog().includes('peer is healthy'));
  assert.ok(one.checks.length >= out + 2, `${one.checks.length} after ${out}`);
});

test('a server that refuses connections or keeps silent is unfit', async (t) => {
  const pair = await start(t, {
    location: 'proxy_read_timeout 200ms; proxy_pass http://group;',
  });
  const { one, two, proxy } = pair;
  await untilSeen(pair, 'one two');
  await one.upstream.close();
  two.upstream.answer = () => undefined;
  await eventually('the refusal', () =>
    /unhealthy while connecting to upstream: UPSTREAM_CONNECT_FAILED/.test(proxy.errorLog()),
  );
  await eventually('the silence', () =>
    proxy
      .errorLog()
      .includes('unhealthy while reading response: upstream timed out (110: Connection timed out)'),
  );
});

interface MatchCase {
  readonly block: string;
  readonly passes: Answer;
  readonly fails: Answer;
  readonly says: string;
}

const matchCases: readonly MatchCase[] = [
  {
    block: 'status 200 204 301-303;',
    passes: { status: 302 },
    fails: { status: 201 },
    says: 'checking status code: it is 201',
  },
  {
    block: 'status ! 500-599 404;',
    passes: { status: 403 },
    fails: { status: 503 },
    says: 'checking status code: it is 503',
  },
  {
    block: 'header X-State = ready;',
    passes: { headers: { 'X-State': 'ready' } },
    fails: { headers: { 'X-State': 'not ready' } },
    says: 'checking header "X-State"',
  },
  {
    block: 'header X-State != busy;',
    passes: {},
    fails: { headers: { 'x-state': 'busy' } },
    says: 'checking header "X-State"',
  },
  {
    block: 'header X-State ~ ^r; header X-State !~* DRAIN;',
    passes: { headers: { 'X-State': 'ready' } },
    fails: { headers: { 'X-State': 'ready to drain' } },
    says: 'checking header "X-State"',
  },
  {
    block: 'header X-State; header ! X-Down;',
    passes: { headers: { 'X-State': '' } },
    fails: { headers: { 'X-State': '', 'X-Down': '1' } },
    says: 'checking header "X-Down"',
  },
  {
    block: 'body ~ "all is (well|fine)";',
    passes: { body: 'here all is fine' },
    fails: { body: 'all is lost' },
    says: 'checking body',
  },
  {
    block: 'body !~ maintenance;',
    passes: { headers: { 'Transfer-Encoding': 'chunked' }, body: 'open' },
    fails: { headers: { 'Transfer-Encoding': 'chunked' }, body: 'under maintenance' },
    says: 'checking body',
  },
  {
    block: 'require $fit;',
    passes: { status: 418, headers: { 'X-Fit': 'yes' } },
    fails: { status: 418 },
    says: 'checking $fit',
  },
];

for (const { block, passes, fails, says } of matchCases) {
  test(`match { ${block} } tells fit from unfit`, async (t) => {
    const http = `map "$upstream_status $upstream_http_x_fit" $fit { "418 yes" 1; default 0; }
      match wanted { ${block} }`;
    const pair = await start(t, {
      http,
      check: `${quick} match=wanted`,
      upstreams: (one, two) => {
        one.health = fails;
        two.health = passes;
      },
    });
    await untilSeen(pair, 'two');
    assert.ok(
      pair.proxy.errorLog().includes(`peer is unhealthy while ${says}, health check "wanted"`),
      pair.proxy.errorLog(),
    );
  });
}

test('checks are as strict about TLS as requests', async (t) => {
  const trusted = `proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_name a.test;`;
  const one = await Checked.start(t, 'one', { tls: pki.a.tls });
  const two = await Checked.start(t, 'two', { tls: pki.untrusted.tls });
  const port = await freePort();
  const proxy = await startProxy(
    `http { upstream group { zone group 64k;
      server ${one.upstream.address}; server ${two.upstream.address}; }
      server { listen 127.0.0.1:${port}; location / { ${trusted}
        proxy_pass https://group; health_check ${quick} mandatory; } } }`,
    { scope: t },
  );
  await untilSeen({ seen: () => seenAt(port) }, 'one');
  assert.match(
    proxy.errorLog(),
    /peer is unhealthy while connecting to upstream: UPSTREAM_TLS_UNKNOWN_ISSUER/,
  );
  assert.equal(two.upstream.requests.length, 0);
  assert.equal(one.checks[0]?.tls?.serverName, 'a.test');
});

test('type=tcp asks for a connection alone', async (t) => {
  const pair = await start(t, {
    check: 'interval=50ms type=tcp mandatory',
    upstreams: (one) => (one.health = { status: 500 }),
  });
  const { one, two } = pair;
  await untilSeen(pair, 'one two');
  assert.equal(one.checks.length, 0);
  await two.upstream.close();
  await untilSeen(pair, 'one');
});

test('port= is where checks go', async (t) => {
  const side = await Checked.start(t, 'side');
  side.health = { status: 500 };
  const pair = await start(t, { check: `${quick} port=${side.upstream.port}` });
  await untilSeen(pair, '502');
  assert.equal(pair.one.checks.length, 0);
  side.health = {};
  await untilSeen(pair, 'one two');
});

test('keepalive_time= lets checks share a connection', async (t) => {
  const { one, two } = await start(t, { check: `${quick} keepalive_time=60s` });
  await eventually('checks', () => one.checks.length >= 5 && two.checks.length >= 5);
  assert.equal(one.upstream.connectionCount, 1);
});

test('without it each check has its own', async (t) => {
  const { one } = await start(t);
  await eventually('checks', () => one.checks.length >= 5);
  assert.ok(one.upstream.connectionCount >= 5);
});

test('mandatory: no request goes to a server before its first check', async (t) => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const pair = await start(t, {
    check: `${quick} mandatory`,
    upstreams: (one, two) => {
      for (const { upstream } of [one, two]) {
        upstream.answer = async ({ target }) => {
          if (target === '/health') await held;
          return { body: 'both' };
        };
      }
    },
  });
  assert.equal(await pair.seen(), '502');
  release();
  await untilSeen(pair, 'both');
});

test('without mandatory, servers are fit until a check says otherwise', async (t) => {
  const pair = await start(t, {
    upstreams: (one, two) => {
      for (const { upstream } of [one, two]) {
        upstream.answer = ({ target }) => (target === '/health' ? undefined : { body: 'both' });
      }
    },
  });
  assert.equal(await pair.seen(), 'both');
});

test('two checks of one group both have to pass', async (t) => {
  const pair = await start(t, {
    check: '',
    location: `proxy_pass http://group; health_check ${quick}; }
      location /other/ { proxy_pass http://group; health_check interval=50ms uri=/other-health;`,
  });
  const { one } = pair;
  await untilSeen(pair, 'one two');
  one.upstream.answer = ({ target }) =>
    target === '/other-health' ? { status: 500 } : { body: 'one' };
  await untilSeen(pair, 'two');
});

test('one worker checks for all', async (t) => {
  const pair = await start(t, {
    main: 'master_process on; daemon off; worker_processes 2;',
    check: 'interval=200ms uri=/health',
  });
  const { one } = pair;
  await eventually('checks', () => one.checks.length >= 4);
  one.health = { status: 500 };
  await untilSeen(pair, 'two');
  const lines = pair.proxy.errorLog().match(/peer is unhealthy/g);
  assert.equal(lines?.length, 1);
});

interface Reloaded {
  readonly port: number;
  readonly one: Checked;
  readonly two: Checked;
  reload(check: string): Promise<void>;
}

async function reloadable(t: TestContext, check: string): Promise<Reloaded> {
  const [one, two] = [await Checked.start(t, 'one'), await Checked.start(t, 'two')];
  const folder = tempFolder(t);
  const file = path.join(folder, 'sallyport.conf');
  const port = await freePort();
  const write = (line: string): void =>
    writeFileSync(
      file,
      `error_log error.log notice; master_process off; daemon off; events {} http {
        upstream group { zone group 64k;
          server ${one.upstream.address} max_fails=0; server ${two.upstream.address} max_fails=0; }
        server { listen 127.0.0.1:${port};
          location / { proxy_pass http://group; ${line} } } }`,
    );
  write(check);
  const proxy = createProxy(await loadConfig({ file, prefix: folder }));
  proxy.on('error', () => undefined);
  await proxy.start();
  atEnd(t, () => proxy.close());
  const reload = async (line: string): Promise<void> => {
    write(line);
    await proxy.reload();
  };
  return { port, one, two, reload };
}

test('a reload keeps the verdicts, and ends checks that are gone', async (t) => {
  const site = await reloadable(t, `health_check ${quick};`);
  const { one, port, reload } = site;
  one.health = { status: 500 };
  await untilSeen({ seen: () => seenAt(port) }, 'two');
  await reload('health_check interval=60s uri=/health;');
  assert.equal(await seenAt(port), 'two');
  await reload('');
  assert.equal(await seenAt(port), 'one two');
  const { length } = one.checks;
  one.upstream.clear();
  await seenAt(port);
  assert.equal(one.checks.length, 0, `${length} before`);
});

test('mandatory after a reload waits for a check, unless it is persistent', async (t) => {
  const site = await reloadable(t, `health_check ${quick} mandatory;`);
  const { one, two, port, reload } = site;
  await untilSeen({ seen: () => seenAt(port) }, 'one two');
  for (const { upstream } of [one, two]) {
    upstream.answer = ({ target }) => (target === '/health' ? undefined : { body: 'both' });
  }
  await reload(`health_check ${quick} mandatory persistent;`);
  assert.equal(await seenAt(port), 'both');
  await reload(`health_check ${quick} mandatory;`);
  assert.equal(await seenAt(port), '502');
});

test('servers that names bring are checked too', async (t) => {
  const dns = await DnsServer.start(t);
  const port = await freePort();
  const one = await Checked.start(t, 'one', { port });
  const two = await Checked.start(t, 'two', { port, host: '127.0.0.2' });
  two.health = { status: 500 };
  dns.setAddresses('name.test', ['127.0.0.1'], 1);
  const listen = await freePort();
  const proxy = await startProxy(
    `http { resolver ${dns.address} ipv6=off;
      upstream group { zone group 64k; server name.test:${port} resolve; }
      server { listen 127.0.0.1:${listen};
        location / { proxy_pass http://group; health_check ${quick}; } } }`,
    { scope: t },
  );
  await eventually('checks', () => one.checks.length > 0);
  dns.setAddresses('name.test', ['127.0.0.1', '127.0.0.2'], 60);
  await eventually('the line', () =>
    proxy.errorLog().includes(`status code: it is 500, health check "" of peer 127.0.0.2:${port}`),
  );
  assert.equal(await seenAt(listen), 'one');
});

const wrong: readonly [string, string][] = [
  ['proxy_pass http://u; health_check interval=0;', 'invalid parameter "interval=0"'],
  ['proxy_pass http://u; health_check foo;', 'invalid parameter "foo"'],
  ['proxy_pass http://u; health_check type=grpc;', 'invalid parameter "type=grpc"'],
  ['proxy_pass http://u; health_check persistent;', '"persistent" requires "mandatory"'],
  ['proxy_pass http://u; health_check match=none;', 'unknown match "none"'],
  [
    'proxy_pass http://$host; health_check;',
    '"health_check" needs a "proxy_pass" without variables',
  ],
  ['health_check;', '"health_check" needs a "proxy_pass" in its location'],
];

for (const [location, words] of wrong) {
  test(`"${location}" is refused`, async (t) => {
    const text = `events {} http { upstream u { zone u 64k; server 127.0.0.1; }
      server { listen 127.0.0.1:1; location / { ${location} } } }`;
    const loaded = await loadConfig({ file: '/none.conf', text, prefix: tempFolder(t) });
    assert.equal(loaded.ok, false);
    const messages = loaded.diagnostics.map((one) => one.message).join('\n');
    assert.ok(messages.includes(words), messages);
  });
}

for (const line of ['status abc;', 'status;', 'header;', 'body = x;', 'require x;', 'other 1;']) {
  test(`match { ${line} } is refused`, async (t) => {
    const text = `events {} http { match m { ${line} } server { listen 127.0.0.1:1; } }`;
    const loaded = await loadConfig({ file: '/none.conf', text, prefix: tempFolder(t) });
    assert.equal(loaded.ok, false);
  });
}
