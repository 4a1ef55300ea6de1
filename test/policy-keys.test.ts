// The proof of policy keys. Two locations lead to one server, over one group or one URL, and differ
// in one setting of proxy_ssl_*; one may talk to the server, the other may not. With sessions and
// idle connections of the first at hand, the second is refused all the same, every single time.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { HostilePki, pinOf } from './kit/hostile-upstream.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { policyPairs, type PolicyPair } from './kit/policy-pairs.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { nodePeer, pairOf, type NodePeer, type Peer } from './kit/tls-peers.ts';

const pki = await HostilePki.create();
const pairs = await policyPairs(pki);

const permittedTimes = 100;
const refusedTimes = 10;

/** How the two locations lead to the server. */
const ways = {
  'a group with idle connections': { keepalive: 4, target: 'group' },
  'a group without idle connections': { keepalive: 0, target: 'group' },
  'one URL': { keepalive: 4, target: 'url' },
} as const;

type Way = (typeof ways)[keyof typeof ways];

interface Running {
  readonly proxy: RunningProxy;
  readonly client: RawConnection;
}

async function start(t: TestContext, pair: PolicyPair, way: Way, peer: Peer): Promise<Running> {
  const port = await freePort();
  const pass =
    way.target === 'group' ? 'proxy_pass https://g;' : `proxy_pass https://${peer.address};`;
  const group =
    way.target === 'group'
      ? `upstream g { server ${peer.address} max_fails=0; keepalive ${way.keepalive}; }`
      : '';
  const proxy = await startProxy(
    `http { log_format pair "$uri $status $upstream_ssl_verify $upstream_ssl_reused";
      access_log access.log pair; keepalive_requests 10000; ${group}
      server { listen 127.0.0.1:${port};
        location /permitted { ${pass} ${pair.permitted} }
        location /refused { ${pass} ${pair.refused} } } }`,
    { scope: t },
  );
  const client = await RawConnection.open({ port });
  t.after(() => client.close());
  return { proxy, client };
}

async function statuses(client: RawConnection, path: string, times: number): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i += 1) found.push((await client.request({ path })).status);
  return found;
}

async function askPermitted({ client }: Running): Promise<void> {
  const found = await statuses(client, '/permitted', permittedTimes);
  assert.deepEqual(found, Array(permittedTimes).fill(200));
}

async function askRefused({ client }: Running): Promise<void> {
  const found = await statuses(client, '/refused', refusedTimes);
  assert.deepEqual(found, Array(refusedTimes).fill(502));
}

function accessLines(proxy: RunningProxy, count: number): Promise<string[]> {
  return eventually(`line ${count} of the access log`, () => {
    const lines = proxy.accessLog().split('\n').slice(0, -1);
    return lines.length >= count ? lines : null;
  });
}

// That the first has something to lend: else the proof is none.
function assertReuse({ handshakes }: NodePeer, way: Way): void {
  const expected =
    way.keepalive === 0 ? Array.from(Array(permittedTimes), (_, i) => i > 0) : [false];
  assert.deepEqual(handshakes, expected);
}

async function assertOutcome(
  { proxy }: Running,
  { code }: PolicyPair,
  counts: { readonly permitted: number; readonly refused: number },
): Promise<void> {
  const lines = await accessLines(proxy, counts.permitted + counts.refused);
  const refused = lines.filter((line) => line.startsWith('/refused '));
  assert.equal(refused.length, counts.refused);
  for (const line of refused) assert.ok(line.startsWith(`/refused 502 FAILED:${code} `), line);
  const said = proxy
    .errorLog()
    .split('\n')
    .filter((line) => line.includes(` ${code}: `));
  const once = said.filter((line) => line.includes('request: "GET /refused '));
  assert.equal(once.length, counts.refused);
}

for (const pair of pairs) {
  for (const [wayName, way] of Object.entries(ways)) {
    test(`policies that differ in ${pair.name} share nothing over ${wayName}`, async (t) => {
      const peer = await nodePeer(pair.tls, t, pair.staple ?? null);
      const running = await start(t, pair, way, peer);
      await askPermitted(running);
      assertReuse(peer, way);
      await askRefused(running);
      await assertOutcome(running, pair, { permitted: permittedTimes, refused: refusedTimes });
    });
  }

  test(`nor where the refused one (${pair.name}) comes first, nor in turns`, async (t) => {
    const peer = await nodePeer(pair.tls, t, pair.staple ?? null);
    const way = ways['a group with idle connections'];
    const running = await start(t, pair, way, peer);
    await askRefused(running);
    await askPermitted(running);
    for (let i = 0; i < 5; i += 1) {
      assert.deepEqual(await statuses(running.client, '/refused', 1), [502]);
      assert.deepEqual(await statuses(running.client, '/permitted', 1), [200]);
    }
    await assertOutcome(running, pair, {
      permitted: permittedTimes + 5,
      refused: refusedTimes + 5,
    });
  });
}

// ---- two groups with one server, whose lines differ

interface LinePair {
  readonly name: string;
  readonly permitted: string;
  readonly refused: string;
  readonly code: string;
}

const linePairs: readonly LinePair[] = [
  {
    name: 'ssl_trusted_certificate=',
    permitted: `ssl_trusted_certificate=${pki.rootFile}`,
    refused: `ssl_trusted_certificate=${pki.strangerFile}`,
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
  },
  {
    name: 'ssl_name=',
    permitted: 'ssl_name=a.test',
    refused: 'ssl_name=b.test',
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
  },
  {
    name: 'ssl_pin=',
    permitted: `ssl_pin=${pinOf(pki.a)} ssl_pin=${pinOf(pki.stranger)}`,
    refused: `ssl_pin=${pinOf(pki.intermediate)} ssl_pin=${pinOf(pki.stranger)}`,
    code: 'UPSTREAM_TLS_PIN_MISMATCH',
  },
];

for (const pair of linePairs) {
  test(`lines of two groups that differ in ${pair.name} share nothing`, async (t) => {
    const peer = await nodePeer(pairOf(pki.a), t);
    const port = await freePort();
    const group = (name: string, more: string): string =>
      `upstream ${name} { server ${peer.address} max_fails=0 ${more}; keepalive 0; }`;
    const proxy = await startProxy(
      `http { log_format pair "$uri $status $upstream_ssl_verify"; access_log access.log pair;
        keepalive_requests 10000; ${pki.forA()}
        ${group('good', pair.permitted)} ${group('bad', pair.refused)}
        server { listen 127.0.0.1:${port};
          location /permitted { proxy_pass https://good; }
          location /refused { proxy_pass https://bad; } } }`,
      { scope: t },
    );
    const client = await RawConnection.open({ port });
    t.after(() => client.close());
    await askPermitted({ proxy, client });
    assertReuse(peer, ways['a group without idle connections']);
    await askRefused({ proxy, client });
    const lines = await accessLines(proxy, permittedTimes + refusedTimes);
    const refused = lines.filter((line) => line.startsWith('/refused '));
    assert.deepEqual(refused, Array(refusedTimes).fill(`/refused 502 FAILED:${pair.code}`));
  });
}

// ---- the same with nginx

// Why all this is tested: nginx keeps sessions and idle connections by the server of the group alone.
// Should it ever do otherwise, these tests say so and are done.
interface BesideNginx {
  readonly peer: NodePeer;
  readonly client: RawConnection;
}

async function startBeside(t: TestContext, keepalive = ''): Promise<BesideNginx> {
  const peer = await nodePeer(pairOf(pki.a), t);
  const port = await freePort();
  const server = `server ${peer.address} max_fails=0;`;
  const location = (path: string, group: string, ca: string): string =>
    `location ${path} { proxy_pass https://${group}; proxy_ssl_trusted_certificate ${ca}; }`;
  await startNginx(
    `events { }
    http { upstream g { ${server} ${keepalive} } upstream alone { ${server} }
      proxy_http_version 1.1; proxy_set_header Connection ""; keepalive_requests 10000;
      proxy_ssl_verify on; proxy_ssl_name a.test;
      server { listen 127.0.0.1:${port};
        ${location('/permitted', 'g', pki.rootFile)}
        ${location('/refused', 'g', pki.strangerFile)}
        ${location('/alone', 'alone', pki.strangerFile)} } }`,
    { scope: t },
  );
  const client = await RawConnection.open({ port });
  t.after(() => client.close());
  return { peer, client };
}

const beside = { skip: !nginxAvailable };

for (const [name, keepalive] of [
  ['its sessions', ''],
  ['its idle connections', 'keepalive 4;'],
] as const) {
  test(`nginx lends ${name} to a location with another CA`, beside, async (t) => {
    const { client } = await startBeside(t, keepalive);
    // Alone, that location is refused.
    assert.deepEqual(await statuses(client, '/alone', 1), [502]);
    assert.deepEqual(
      await statuses(client, '/permitted', permittedTimes),
      Array(permittedTimes).fill(200),
    );
    const found = await statuses(client, '/refused', refusedTimes);
    const through = found.filter((status) => status === 200).length;
    t.diagnostic(`nginx let ${through} of ${refusedTimes} through to a server of another CA`);
    if (through === 0) t.skip('this nginx refuses them, as we do');
  });
}

test('nginx shuts out who is permitted, with the session of who was refused', beside, async (t) => {
  const { client } = await startBeside(t);
  assert.deepEqual(await statuses(client, '/refused', 1), [502]);
  const found = await statuses(client, '/permitted', refusedTimes);
  const refused = found.filter((status) => status === 502).length;
  t.diagnostic(`nginx refused ${refused} of ${refusedTimes} that are permitted`);
  if (refused === 0) t.skip('this nginx lets them through, as we do');
});
