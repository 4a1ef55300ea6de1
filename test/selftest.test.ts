// `sallyport selftest`: impostors are refused by the policies of a configuration, each for what is wrong
// with it; what is not verified is shown as that.

import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { loadConfig, selfTest, type SelfTestRow } from '../src/index.ts';
import { pinOf } from './kit/hostile-upstream.ts';
import { makeCertificate, leafExtensions } from './kit/certificate-maker.ts';
import { testPki } from './kit/pki.ts';
import { runCommand } from './kit/run-command.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const trusted = `proxy_ssl_trusted_certificate ${pki.caFile};`;

function configuration(http: string): string {
  return `events { } http { ${http} }`;
}

function hop(location: string): string {
  return configuration(`server { listen 127.0.0.1:1; location / { ${location} } }`);
}

async function rowsOf(t: TestContext, text: string): Promise<readonly SelfTestRow[]> {
  const report = await selfTest({ text, prefix: tempFolder(t) });
  assert.ok(report.configuration.ok, JSON.stringify(report.configuration.diagnostics));
  return report.rows;
}

async function onlyRow(t: TestContext, location: string): Promise<SelfTestRow> {
  const [row, ...others] = await rowsOf(t, hop(location));
  assert.equal(others.length, 0);
  assert.ok(row !== undefined);
  return row;
}

function codes({ outcomes }: SelfTestRow) {
  return outcomes.map(({ impostor, outcome, code, twinCode }) => [
    impostor,
    outcome,
    code,
    twinCode,
  ]);
}

const proved = [
  ['wrong CA', 'refused', 'UPSTREAM_TLS_UNKNOWN_ISSUER', null],
  ['wrong name', 'refused', 'UPSTREAM_TLS_UNKNOWN_ISSUER', 'UPSTREAM_TLS_NAME_MISMATCH'],
  ['expired', 'refused', 'UPSTREAM_TLS_EXPIRED', 'UPSTREAM_TLS_EXPIRED'],
  ['self-signed', 'refused', 'UPSTREAM_TLS_SELF_SIGNED', 'UPSTREAM_TLS_SELF_SIGNED'],
];

test('each impostor is refused, for what is wrong with it, and the genuine one is not', async (t) => {
  const row = await onlyRow(t, `proxy_pass https://a.test; ${trusted}`);
  assert.deepEqual(codes(row), proved);
  assert.equal(row.verdict, 'proved');
  assert.equal(row.genuine, true);
  assert.deepEqual([row.server, row.name, row.mode], ['a.test', 'a.test', 'on']);
});

test("the system's store, an address, and a name of the location's own are proved as well", async (t) => {
  const blocks = [
    'proxy_pass https://a.test;',
    `proxy_pass https://127.0.0.1; ${trusted}`,
    `proxy_pass https://127.0.0.1; proxy_ssl_name b.test; ${trusted}`,
    `proxy_pass https://a.test; proxy_ssl_san uri:spiffe://x.test/app; ${trusted}`,
    `proxy_pass https://a.test; proxy_ssl_verify_depth 0; proxy_ssl_session_reuse on; ${trusted}`,
  ];
  const locations = blocks.map((block, i) => `location /${i} { ${block} }`);
  const rows = await rowsOf(t, configuration(`server { ${locations.join(' ')} }`));
  assert.deepEqual(
    rows.map(({ name, verdict, genuine }) => [name, verdict, genuine]),
    [
      ['a.test', 'proved', true],
      ['127.0.0.1', 'proved', true],
      ['b.test', 'proved', true],
      ['a.test', 'proved', true],
      ['a.test', 'proved', true],
    ],
  );
  const [, second] = rows[3]?.outcomes ?? [];
  assert.equal(second?.twinCode, 'UPSTREAM_TLS_SAN_MISMATCH');
});

test('what is off or only reported is let through, and shown as that', async (t) => {
  const off = await onlyRow(t, `proxy_pass https://a.test; proxy_ssl_verify off;`);
  assert.equal(off.verdict, 'unverified');
  assert.equal(off.genuine, null);
  for (const { outcome } of off.outcomes) assert.equal(outcome, 'let through');
  const report = await onlyRow(t, `proxy_pass https://a.test; proxy_ssl_verify report; ${trusted}`);
  assert.equal(report.verdict, 'unverified');
  for (const { outcome, code } of report.outcomes) {
    assert.equal(outcome, 'reported');
    assert.notEqual(code, null);
  }
});

test('where the date of the weaker mode has passed, it is strict again', async (t) => {
  const row = await onlyRow(
    t,
    `proxy_pass https://a.test; proxy_ssl_verify off reason="once" until=2020-01-01; ${trusted}`,
  );
  assert.equal(row.verdict, 'proved');
  assert.equal(row.mode, 'on');
});

test('pins refuse impostors even where nothing else is verified', async (t) => {
  const extensions = leafExtensions({ dns: ['a.test'] });
  const pins = await Promise.all(
    ['one', 'two'].map(async (commonName) =>
      pinOf(await makeCertificate({ commonName, issuer: null, extensions })),
    ),
  );
  const row = await onlyRow(
    t,
    `proxy_pass https://a.test; proxy_ssl_verify off; proxy_ssl_pin ${pins.join(' ')};`,
  );
  assert.equal(row.verdict, 'proved');
  for (const { code } of row.outcomes) assert.equal(code, 'UPSTREAM_TLS_PIN_MISMATCH');
});

test('each server of a group is tested under its own policy and name', async (t) => {
  const rows = await rowsOf(
    t,
    configuration(`upstream app {
        server 127.0.0.1:1 ssl_name=one.test ssl_trusted_certificate=${pki.caFile};
        server 127.0.0.1:2 ssl_name=two.test; }
      server { location / { proxy_pass https://app; proxy_ssl_trusted_certificate ${pki.otherCaFile}; } }`),
  );
  assert.deepEqual(
    rows.map(({ server, name, verdict }) => [server, name, verdict]),
    [
      ['127.0.0.1:1', 'one.test', 'proved'],
      ['127.0.0.1:2', 'two.test', 'proved'],
    ],
  );
});

test('names that depend on the request are tested with one of ours, plain hops not at all', async (t) => {
  const rows = await rowsOf(
    t,
    configuration(`map $uri $name { default a.test; /b b.test; }
      server { resolver 127.0.0.1;
        location / { proxy_pass https://127.0.0.1; proxy_ssl_name $name; ${trusted} }
        location /v { proxy_pass https://$name; ${trusted} }
        location /p { proxy_pass http://127.0.0.1; } }`),
  );
  assert.ok(rows.length >= 2);
  for (const row of rows) {
    assert.equal(row.verdict, 'proved');
    assert.doesNotMatch(row.to, /^http:/);
  }
});

test('ciphers that our certificate does not fit are told: the refusals prove less', async (t) => {
  const row = await onlyRow(
    t,
    `proxy_pass https://a.test; proxy_ssl_protocols TLSv1.2;
     proxy_ssl_ciphers ECDHE-RSA-AES128-GCM-SHA256; ${trusted}`,
  );
  assert.equal(row.genuine, false);
  assert.equal(row.genuineCode, 'UPSTREAM_TLS_HANDSHAKE_REFUSED');
});

test('a configuration with errors is not tested', async (t) => {
  const report = await selfTest({ text: 'events { } nonsense;', prefix: tempFolder(t) });
  assert.equal(report.configuration.ok, false);
  assert.deepEqual(report.rows, []);
});

test('the test leaves nothing behind in a configuration that is loaded afterwards', async (t) => {
  const text = hop(`proxy_pass https://127.0.0.1; ${trusted}`);
  await selfTest({ text, prefix: tempFolder(t) });
  assert.ok((await loadConfig({ text, prefix: tempFolder(t) })).ok);
});

test('the command prints the table, and its exit code says what came of it', async (t) => {
  const folder = tempFolder(t);
  const file = (name: string, text: string): string => writeIn(folder, name, text);
  const good = file('good.conf', hop(`proxy_pass https://a.test; ${trusted}`));
  const off = file('off.conf', hop('proxy_pass https://a.test; proxy_ssl_verify off;'));
  const bad = file('bad.conf', 'nonsense;');
  const first = await runCommand(['selftest', '-c', good]);
  assert.equal(first.code, 0, first.stderr);
  assert.match(
    first.stdout,
    /^good\.conf:1 https:\/\/a\.test +a\.test +a\.test +refused \(UNKNOWN_/m,
  );
  assert.match(
    first.stdout,
    /refused \(NAME_MISMATCH\) +refused \(EXPIRED\) +refused \(SELF_SIGNED\)/,
  );
  assert.match(first.stdout, /accepted +proved$/m);
  const second = await runCommand(['selftest', '-c', off]);
  assert.equal(second.code, 1);
  assert.match(second.stdout, /LET THROUGH.*not verified, as configured \(proxy_ssl_verify off\)/);
  assert.equal((await runCommand(['selftest', '-c', off, '--allow-unverified'])).code, 0);
  assert.equal((await runCommand(['selftest', '-c', bad])).code, 2);
});
