// What this proxy shows upstream servers that ask for a certificate: out of files, out of the
// configuration itself, with encrypted keys, and found for each request by variables.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { rmSync } from 'node:fs';
import { test } from 'node:test';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();

const trusted = `proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_name a.test;`;

/** Issues a client certificate and writes it as `FILE.crt` and `FILE.key`. */
async function writePair(folder: string, file: string, commonName = file): Promise<void> {
  const issued = await pki.root.issue({ commonName, purpose: 'client' });
  writeIn(folder, `${file}.crt`, issued.chainPem);
  writeIn(folder, `${file}.key`, issued.keyPem);
}

interface Running {
  readonly proxy: RunningProxy;
  readonly folder: string;
  readonly upstream: RecordingUpstream;
  /** Asks and returns the status and the name of the certificate that the upstream saw. */
  ask(path: string): Promise<string>;
  /** Lines of level error so far. */
  errors(): string[];
}

/** An upstream that asks for a certificate and takes what it gets, as a group with idle connections. */
async function start(
  scope: Scope,
  directives: (folder: string) => string,
  folder = tempFolder(scope),
): Promise<Running> {
  const port = await freePort();
  const tls = { ...pki.a.tls, ca: pki.ca, requestCert: true, rejectUnauthorized: false };
  const upstream = await RecordingUpstream.start({ tls }, scope);
  const proxy = await startProxy(
    `http { upstream g { server ${upstream.address}; keepalive 16; }
      server { listen 127.0.0.1:${port}; server_name here;
        location / { proxy_pass https://g; ${trusted} ${directives(folder)} } } }`,
    { folder, scope },
  );
  const ask = async (path: string): Promise<string> => {
    const before = upstream.requests.length;
    const { status } = await request({ port, path });
    const seen = upstream.requests.at(before)?.tls;
    return seen === undefined || seen === null ? `${status}` : `${status} ${seen.clientName}`;
  };
  const errors = (): string[] =>
    proxy
      .errorLog()
      .split('\n')
      .filter((line) => line.includes('[error]'));
  return { proxy, folder, upstream, ask, errors };
}

const byArgument = (): string =>
  'proxy_ssl_certificate $arg_t.crt; proxy_ssl_certificate_key $arg_t.key;';

test('an encrypted key is shown where one of the passwords fits', async (t) => {
  const folder = tempFolder(t);
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc' } as const;
  const key = createPrivateKey(pki.client.keyPem).export({ ...options, passphrase: 'right one' });
  writeIn(folder, 'client.key', key.toString());
  writeIn(folder, 'passwords', 'wrong\nright one\n');
  const { ask } = await start(
    t,
    () => `proxy_ssl_certificate ${pki.client.certificate};
      proxy_ssl_certificate_key client.key; proxy_ssl_password_file passwords;`,
    folder,
  );
  assert.equal(await ask('/'), '200 client');
});

test('a certificate and its key stand in the configuration itself', async (t) => {
  const { ask } = await start(
    t,
    () => `proxy_ssl_certificate "data:${pki.client.chainPem}";
      proxy_ssl_certificate_key "data:${pki.client.keyPem}";`,
  );
  assert.equal(await ask('/'), '200 client');
});

test('each request shows the certificate that its variables name, on connections of its own', async (t) => {
  const { ask, folder, upstream } = await start(t, byArgument);
  await writePair(folder, 'one');
  await writePair(folder, 'two');
  for (let i = 0; i < 10; i += 1) {
    assert.equal(await ask('/?t=one'), '200 one');
    assert.equal(await ask('/?t=two'), '200 two');
  }
  const connections = new Set(upstream.requests.map((one) => one.connection));
  assert.equal(connections.size, 2);
});

test('each server of a group is shown the certificate of the request', async (t) => {
  const port = await freePort();
  const folder = tempFolder(t);
  const tls = { ...pki.a.tls, ca: pki.ca, requestCert: true, rejectUnauthorized: false };
  const upstreams = [
    await RecordingUpstream.start({ tls }, t),
    await RecordingUpstream.start({ tls }, t),
  ];
  const servers = upstreams.map(({ address }) => `server ${address};`).join(' ');
  await startProxy(
    `http { upstream g { ${servers} keepalive 8; } server { listen 127.0.0.1:${port};
      location / { proxy_pass https://g; ${trusted} ${byArgument()} } } }`,
    { folder, scope: t },
  );
  await writePair(folder, 'one');
  await writePair(folder, 'two');
  for (const name of ['one', 'one', 'two', 'two', 'one', 'one']) {
    assert.equal((await request({ port, path: `/?t=${name}` })).status, 200);
  }
  const seen = upstreams.map(({ requests }) => requests.map((one) => one.tls?.clientName));
  assert.deepEqual(seen, [
    ['one', 'two', 'one'],
    ['one', 'two', 'one'],
  ]);
});

test('an empty value shows no certificate', async (t) => {
  const { ask, folder, errors } = await start(
    t,
    () => 'proxy_ssl_certificate $arg_c; proxy_ssl_certificate_key $arg_k;',
  );
  await writePair(folder, 'one');
  assert.equal(await ask('/'), '200 null');
  assert.equal(await ask('/?c=one.crt&k=one.key'), '200 one');
  assert.equal(await ask('/?c=&k=one.key'), '200 null');
  assert.equal(await ask('/?c=one.crt'), '502');
  assert.match(errors().join('\n'), /there is no file name for the certificate key/);
});

test('what cannot be used ends the request with 502 and one line that names file and reason', async (t) => {
  const { ask, folder, errors, upstream } = await start(t, byArgument);
  await writePair(folder, 'good');
  await writePair(folder, 'other');
  const good = await pki.root.issue({ commonName: 'x', purpose: 'client' });
  writeIn(folder, 'mixed.crt', good.chainPem);
  writeIn(folder, 'mixed.key', pki.client.keyPem);
  writeIn(folder, 'secret.crt', 'the recipe\n');
  writeIn(folder, 'secret.key', 'the recipe\n');
  execFileSync('mkfifo', [`${folder}/pipe.crt`]);
  const outside = tempFolder(t);
  await writePair(outside, 'outside');
  const away = `${'../'.repeat(12)}${outside.slice(1)}/outside`;
  const cases: readonly (readonly [string, RegExp])[] = [
    ['gone', /"\S+\/gone\.crt": 2: No such file or directory/],
    ['mixed', /"\S+\/mixed\.key": the private key does not match .*"\S+\/mixed\.crt"/],
    ['secret', /"\S+\/secret\.crt": there is no certificate in it/],
    ['pipe', /"\S+\/pipe\.crt": it is no file/],
    [away, /outside\.crt": a variable may not lead out of a folder with "\.\."/],
  ];
  for (const [name, reason] of cases) {
    const before = errors().length;
    assert.equal(await ask(`/?t=${name}`), '502');
    const lines = errors().slice(before);
    assert.equal(lines.length, 1, lines.join('\n'));
    assert.match(lines[0] ?? '', reason);
    assert.match(lines[0] ?? '', /CERTIFICATE_INVALID: .*client: 127\.0\.0\.1.*"GET \/\?t=/);
  }
  assert.equal(upstream.requests.length, 0);
  assert.ok(!errors().join('').includes('recipe'));
  // The server is not at fault: it is not counted as failed.
  assert.equal(await ask('/?t=good'), '200 good');
});

test('the client learns nothing of what is wrong', async (t) => {
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port};
      location / { proxy_pass https://127.0.0.1:9; ${trusted} ${byArgument()} } } }`,
    { scope: t },
  );
  const { status, raw } = await request({ port, path: '/?t=/etc/passwd' });
  assert.equal(status, 502);
  assert.doesNotMatch(raw.toString('latin1'), /cert|passwd|TLS|key/i);
});

test('a pair that changes is shown from the next second on, a half-written one never', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  const { ask, folder, errors } = await start(t, byArgument);
  await writePair(folder, 'x', 'first');
  assert.equal(await ask('/?t=x'), '200 first');
  const next = await pki.root.issue({ commonName: 'second', purpose: 'client' });
  writeIn(folder, 'x.crt', next.chainPem);
  assert.equal(await ask('/?t=x'), '200 first');
  t.mock.timers.setTime(Date.now() + 1000);
  // The key is still that of the first.
  for (let i = 0; i < 3; i += 1) assert.equal(await ask('/?t=x'), '200 first');
  t.mock.timers.setTime(Date.now() + 1000);
  assert.equal(await ask('/?t=x'), '200 first');
  const [line, ...more] = errors();
  assert.match(
    line ?? '',
    /"\S+\/x\.key": the private key does not match .*the last good certificate/,
  );
  assert.deepEqual(more, []);
  writeIn(folder, 'x.key', next.keyPem);
  t.mock.timers.setTime(Date.now() + 1000);
  assert.equal(await ask('/?t=x'), '200 second');
  rmSync(`${folder}/x.crt`);
  for (let i = 0; i < 3; i += 1) {
    t.mock.timers.setTime(Date.now() + 1000);
    assert.equal(await ask('/?t=x'), '200 second');
  }
  assert.equal(errors().length, 2, 'told once');
  assert.match(errors().at(-1) ?? '', /x\.crt": 2: No such file .*the last good certificate/);
  await writePair(folder, 'x', 'third');
  t.mock.timers.setTime(Date.now() + 1000);
  assert.equal(await ask('/?t=x'), '200 third');
});

const cached: readonly {
  readonly name: string;
  readonly cache: string;
  /** What happens between the change of the files and the next request. */
  readonly between: (running: Running, pass: (ms: number) => void) => Promise<unknown> | void;
  readonly sees: 'old' | 'new';
}[] = [
  {
    name: 'until "valid" has passed, a changed pair is not looked at',
    cache: 'max=10 valid=1h inactive=1d',
    between: (_, pass) => pass(3_599_000),
    sees: 'old',
  },
  {
    name: 'after "valid" it is',
    cache: 'max=10 valid=1h inactive=1d',
    between: (_, pass) => pass(3_600_000),
    sees: 'new',
  },
  {
    name: 'what is unused for longer than "inactive" is read anew',
    cache: 'max=10 valid=1h inactive=5s',
    between: (_, pass) => pass(5001),
    sees: 'new',
  },
  {
    name: 'as long as it is used, it stays',
    cache: 'max=10 valid=1h inactive=5s',
    between: async ({ ask }, pass) => {
      pass(4000);
      await ask('/?t=x');
      pass(4000);
    },
    sees: 'old',
  },
  {
    name: 'beyond "max" the one unused for the longest time goes',
    cache: 'max=2 valid=1h inactive=1d',
    between: async ({ ask }) => {
      await ask('/?t=y');
      await ask('/?t=z');
    },
    sees: 'new',
  },
  {
    name: 'up to "max" it stays',
    cache: 'max=3 valid=1h inactive=1d',
    between: async ({ ask }) => {
      await ask('/?t=y');
      await ask('/?t=z');
    },
    sees: 'old',
  },
];

for (const { name, cache, between, sees } of cached) {
  test(`proxy_ssl_certificate_cache ${cache}: ${name}`, async (t) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const running = await start(t, () => `${byArgument()} proxy_ssl_certificate_cache ${cache};`);
    await writePair(running.folder, 'x', 'old');
    await writePair(running.folder, 'y');
    await writePair(running.folder, 'z');
    assert.equal(await running.ask('/?t=x'), '200 old');
    await writePair(running.folder, 'x', 'new');
    await between(running, (ms) => t.mock.timers.setTime(Date.now() + ms));
    assert.equal(await running.ask('/?t=x'), `200 ${sees}`);
  });
}

test('without a cache of its own a location keeps 64 pairs', async (t) => {
  const running = await start(t, byArgument);
  const { folder } = running;
  await writePair(folder, 'x', 'old');
  assert.equal(await running.ask('/?t=x'), '200 old');
  rmSync(`${folder}/x.key`);
  for (let i = 0; i < 64; i += 1) assert.equal(await running.ask(`/?t=gone${i}`), '502');
  // The last good one of x was forgotten.
  assert.equal(await running.ask('/?t=x'), '502');
});

test('keys that variables name are decrypted as well', async (t) => {
  const { ask, folder } = await start(t, (at) => {
    writeIn(at, 'passwords', 'secret\n');
    return `${byArgument()} proxy_ssl_password_file passwords;`;
  });
  const issued = await pki.root.issue({ commonName: 'locked', purpose: 'client' });
  const key = createPrivateKey(issued.keyPem).export({
    type: 'pkcs8',
    format: 'pem',
    cipher: 'aes-256-cbc',
    passphrase: 'secret',
  });
  writeIn(folder, 'locked.crt', issued.chainPem);
  writeIn(folder, 'locked.key', key.toString());
  assert.equal(await ask('/?t=locked'), '200 locked');
});
