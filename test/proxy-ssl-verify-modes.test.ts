// Weakening with a paper trail: `proxy_ssl_verify off` and `report`, their reasons and their ends, and
// what is said of such hops at start.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accessLine, errorLine, startHops, type Hop } from './kit/hops.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();

const trusted = `proxy_ssl_trusted_certificate ${pki.caFile};`;
const dayMs = 86_400_000;

function dayAt(time: number): string {
  return new Date(time).toISOString().slice(0, 10);
}

test('report verifies, lets through, and says what would have failed; off says nothing', async (t) => {
  const hops: readonly Hop[] = [
    { name: 'on', tls: pki.untrusted.tls, code: null },
    { name: 'report', tls: pki.untrusted.tls, directives: 'proxy_ssl_verify report;', code: null },
    { name: 'fine', tls: pki.a.tls, directives: 'proxy_ssl_verify Report;', code: null },
    { name: 'off', tls: pki.untrusted.tls, directives: 'proxy_ssl_verify off;', code: null },
  ];
  const { proxy, port } = await startHops(hops, t, `${trusted} proxy_ssl_name a.test;`);
  const statuses = [];
  for (const i of hops.keys()) statuses.push((await request({ port, path: `/${i}` })).status);
  assert.deepEqual(statuses, [502, 200, 200, 200]);
  assert.match(await accessLine(proxy, '/1'), /REPORTED:UPSTREAM_TLS_UNKNOWN_ISSUER/);
  assert.match(await accessLine(proxy, '/2'), / SUCCESS /);
  assert.match(await accessLine(proxy, '/3'), / NONE /);
  assert.match(errorLine(proxy, '/0'), /UPSTREAM_TLS_UNKNOWN_ISSUER/);
  assert.match(errorLine(proxy, '/1'), /UPSTREAM_TLS_UNKNOWN_ISSUER/);
  assert.ok(!proxy.errorLog().includes('GET /3 '));
  assert.ok(!proxy.errorLog().includes('GET /2 '));
});

test('each weaker hop is one line at start, with its directive, its end and its reason', async (t) => {
  const folder = tempFolder(t);
  const [one, two] = [await freePort(), await freePort()];
  writeIn(
    folder,
    'weak.conf',
    `proxy_ssl_verify off reason="certificate  is ordered" until=2099-01-31;\n`,
  );
  const proxy = await startProxy(
    `http { server { listen 127.0.0.1:${one}; include weak.conf;
  location /a { proxy_pass https://127.0.0.1:9; }
  location /b { proxy_pass https://127.0.0.1:8; }
  location /c { proxy_pass https://127.0.0.1:7;
    proxy_ssl_verify report 'reason=trying it out'; }
  location /d { proxy_pass https://127.0.0.1:6; proxy_ssl_verify on; }
  location /e { proxy_pass http://127.0.0.1:5; } }
  server { listen 127.0.0.1:${two}; location / { proxy_pass https://127.0.0.1:4;
    proxy_ssl_verify report; } } }`,
    { folder, scope: t },
  );
  const lines = proxy.errorLog().split('\n');
  const said = lines
    .filter((line) => / hops?\b/.test(line))
    .map((line) => line.replace(/^.*?: /, ''));
  const off =
    '(proxy_ssl_verify off at weak.conf:1, until 2099-01-31, reason: "certificate is ordered")';
  assert.deepEqual(
    said.filter((line) => line.includes('the hop to') || line.includes('upstream hops')),
    [
      '6 upstream hops: 1 verified, 2 verified in report mode only (sallyport.conf:4, ' +
        'sallyport.conf:8), 2 not verified (sallyport.conf:2, sallyport.conf:3), ' +
        '1 without TLS (sallyport.conf:7)',
      `sallyport.conf:2: the hop to https://127.0.0.1:9 is not verified ${off}`,
      `sallyport.conf:3: the hop to https://127.0.0.1:8 is not verified ${off}`,
      'sallyport.conf:4: the hop to https://127.0.0.1:7 is verified in report mode only ' +
        '(proxy_ssl_verify report at sallyport.conf:5, reason: "trying it out")',
      'sallyport.conf:8: the hop to https://127.0.0.1:4 is verified in report mode only ' +
        '(proxy_ssl_verify report at sallyport.conf:9)',
    ],
  );
  const { configuration } = proxy.proxy;
  const hops = configuration?.hops ?? [];
  assert.deepEqual(
    hops.map(({ mode, encrypted, verified, until, reason }) => ({
      mode,
      encrypted,
      verified,
      until,
      reason,
    })),
    [
      { mode: 'off', until: '2099-01-31', reason: 'certificate is ordered' },
      { mode: 'off', until: '2099-01-31', reason: 'certificate is ordered' },
      { mode: 'report', until: null, reason: 'trying it out' },
      { mode: 'on', until: null, reason: null },
      { mode: 'plain', until: null, reason: null },
      { mode: 'report', until: null, reason: null },
    ].map((row) => ({ ...row, encrypted: row.mode !== 'plain', verified: row.mode === 'on' })),
  );
  // The directive is warned of once, however many hops it is for.
  const warned = configuration?.diagnostics.map(({ at, message }) => `${at?.line} ${message}`);
  assert.deepEqual(warned, [
    '1 the TLS hop is not verified: anybody on the way can be the upstream',
    '5 what fails verification is let through: anybody on the way can be the upstream',
    '9 what fails verification is let through: anybody on the way can be the upstream',
  ]);
});

test('a weaker mode ends at 24:00 UTC of its day, while requests go on', async (t) => {
  const port = await freePort();
  const bad = await RecordingUpstream.start({ tls: pki.untrusted.tls }, t);
  const good = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const start = Date.now();
  const until = dayAt(start + dayMs);
  const end = Date.parse(`${dayAt(start + 2 * dayMs)}T00:00:00Z`);
  t.mock.timers.enable({ apis: ['Date'], now: start });
  const proxy = await startProxy(
    `http { ${trusted} proxy_ssl_name a.test;
      server { listen 127.0.0.1:${port};
        location /off { proxy_pass https://${bad.address}; proxy_ssl_verify off until=${until}; }
        location /report {
          proxy_pass https://${bad.address}; proxy_ssl_verify report until=${until}; }
        location /variable { proxy_pass https://${bad.address}; proxy_ssl_verify off until=${until};
          proxy_ssl_name $server_name; }
        location /good { proxy_pass https://${good.address}; proxy_ssl_verify off until=${until}; }
      } }`,
    { scope: t },
  );
  const paths = ['/off', '/report', '/variable', '/good'];
  const statuses = async (): Promise<number[]> => {
    const found = [];
    for (const path of paths) found.push((await request({ port, path })).status);
    return found;
  };
  assert.deepEqual(await statuses(), [200, 200, 200, 200]);
  t.mock.timers.setTime(end - 1);
  // Twice: connections of the day before are too old to be kept.
  assert.deepEqual(await statuses(), [200, 200, 200, 200]);
  assert.deepEqual(await statuses(), [200, 200, 200, 200]);
  assert.equal(bad.requests.length, 9);
  t.mock.timers.setTime(end);
  assert.deepEqual(await statuses(), [502, 502, 502, 200]);
  assert.equal(bad.requests.length, 9);
  assert.match(proxy.errorLog(), /UPSTREAM_TLS_UNKNOWN_ISSUER.*GET \/off /);
});
