// Identity per server of a group: `ssl_name=`, `ssl_trusted_certificate=`, `ssl_certificate=`,
// `ssl_certificate_key=` and `ssl_pin=` of a `server` line win over what the location says.

import assert from 'node:assert/strict';
import { X509Certificate, createHash, createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { createProxy, loadConfig } from '../src/index.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import { makeTempFolder, removeFolder, tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

const trusted = `proxy_ssl_trusted_certificate ${pki.caFile};`;

function pinOf(pem: string): string {
  const spki = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return `sha256/${createHash('sha256').update(spki).digest('base64')}`;
}

const backup = `sha256/${'A'.repeat(43)}=`;
const otherBackup = `sha256/${'B'.repeat(42)}A=`;

const asking = { ca: pki.ca, requestCert: true, rejectUnauthorized: false };

/** One server, its parameters, and how the hop to it ends. */
interface Row {
  readonly name: string;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly parameters: string;
  /** Of the location; default: the CA alone, and with it no name that fits. */
  readonly location?: string;
  /** The code in the log. Null: it passes. */
  readonly code: string | null;
  /** The name of the client certificate that the server sees; default: none. */
  readonly shows?: string;
}

const rows: readonly Row[] = [
  { name: 'its name', tls: pki.a.tls, parameters: 'ssl_name=a.test', code: null },
  {
    name: 'another name',
    tls: pki.b.tls,
    parameters: 'ssl_name=a.test',
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
  },
  {
    name: 'no name of its own',
    tls: pki.a.tls,
    parameters: '',
    code: 'UPSTREAM_TLS_NAME_MISMATCH',
  },
  {
    name: "a name instead of the location's",
    tls: pki.a.tls,
    parameters: 'ssl_name=a.test',
    location: `${trusted} proxy_ssl_name $arg_name;`,
    code: null,
  },
  {
    name: 'a CA of its own',
    tls: pki.untrusted.tls,
    parameters: `ssl_name=a.test ssl_trusted_certificate=${pki.otherCaFile}`,
    code: null,
  },
  {
    name: "a CA of its own, and the certificate is from the location's",
    tls: pki.a.tls,
    parameters: `ssl_name=a.test ssl_trusted_certificate=${pki.otherCaFile}`,
    code: 'UPSTREAM_TLS_UNKNOWN_ISSUER',
  },
  {
    name: 'pins of its own, in one parameter',
    tls: pki.a.tls,
    parameters: `ssl_name=a.test ssl_pin=${backup},${pinOf(pki.a.certificatePem)}`,
    code: null,
  },
  {
    name: 'pins of its own, in two parameters',
    tls: pki.a.tls,
    parameters: `ssl_name=a.test ssl_pin=${backup} ssl_pin=${pinOf(pki.a.certificatePem)}`,
    code: null,
  },
  {
    name: "pins of its own that do not fit, while the location's would",
    tls: pki.a.tls,
    parameters: `ssl_name=a.test ssl_pin=${backup},${otherBackup}`,
    location: `${trusted} proxy_ssl_pin ${backup} ${pinOf(pki.ca)};`,
    code: 'UPSTREAM_TLS_PIN_MISMATCH',
  },
  {
    name: "pins of its own that fit, while the location's would not",
    tls: pki.a.tls,
    parameters: `ssl_name=a.test ssl_pin=${backup},${pinOf(pki.ca)}`,
    location: `${trusted} proxy_ssl_pin ${backup} ${otherBackup};`,
    code: null,
  },
  {
    name: "the location's pins where it has none",
    tls: pki.a.tls,
    parameters: 'ssl_name=a.test',
    location: `${trusted} proxy_ssl_pin ${backup} ${otherBackup};`,
    code: 'UPSTREAM_TLS_PIN_MISMATCH',
  },
  {
    name: 'a client certificate of its own',
    tls: pki.a.tls,
    parameters:
      `ssl_name=a.test ssl_certificate=${pki.client.certificate} ` +
      `ssl_certificate_key=${pki.client.key}`,
    code: null,
    shows: 'client',
  },
  {
    name: "a client certificate instead of the location's",
    tls: pki.a.tls,
    parameters:
      `ssl_name=a.test ssl_certificate=${pki.client.certificate} ` +
      `ssl_certificate_key=${pki.client.key}`,
    location: `${trusted} proxy_ssl_certificate ${pki.untrustedClient.certificate};
      proxy_ssl_certificate_key ${pki.untrustedClient.key};`,
    code: null,
    shows: 'client',
  },
  {
    name: 'a client certificate instead of one that variables name',
    tls: pki.a.tls,
    parameters:
      `ssl_name=a.test ssl_certificate=${pki.client.certificate} ` +
      `ssl_certificate_key=${pki.client.key}`,
    location: `${trusted} proxy_ssl_certificate $arg_gone.crt;
      proxy_ssl_certificate_key $arg_gone.key;`,
    code: null,
    shows: 'client',
  },
  {
    name: "the location's client certificate by variables, with pins of its own",
    tls: pki.a.tls,
    parameters: `ssl_name=a.test ssl_pin=${backup},${pinOf(pki.ca)}`,
    location: `${trusted} proxy_ssl_certificate ${pki.folder}/\${arg_name}client.crt;
      proxy_ssl_certificate_key ${pki.folder}/\${arg_name}client.key;`,
    code: null,
    shows: 'client',
  },
  {
    name: "the location's client certificate by variables, with pins that do not fit",
    tls: pki.a.tls,
    parameters: `ssl_name=a.test ssl_pin=${backup},${otherBackup}`,
    location: `${trusted} proxy_ssl_certificate ${pki.folder}/\${arg_name}client.crt;
      proxy_ssl_certificate_key ${pki.folder}/\${arg_name}client.key;`,
    code: 'UPSTREAM_TLS_PIN_MISMATCH',
  },
  {
    name: 'a URL with variables',
    tls: pki.untrusted.tls,
    parameters: `ssl_name=a.test ssl_trusted_certificate=${pki.otherCaFile}`,
    location: `${trusted} proxy_pass https://g$arg_number;`,
    code: null,
  },
];

test('the parameters of a server count for it, and win over those of the location', async (t) => {
  const port = await freePort();
  const upstreams = await Promise.all(
    rows.map((row) => RecordingUpstream.start({ tls: { ...row.tls, ...asking } }, t)),
  );
  const groups = rows.map(
    (row, i) => `upstream g${i} { server ${upstreams[i]?.address} ${row.parameters}; }`,
  );
  const locations = rows.map(({ location = trusted }, i) => {
    const pass = location.includes('proxy_pass') ? '' : `proxy_pass https://g${i};`;
    return `location /${i} { ${pass} ${location} }`;
  });
  const proxy = await startProxy(
    `http { ${groups.join('\n')} server { listen 127.0.0.1:${port}; ${locations.join('\n')} } }`,
    { scope: t },
  );
  for (const [i, row] of rows.entries()) {
    await t.test(`${row.name}: ${row.code ?? 'passes'}`, async () => {
      const path = `/${i}?number=${i}`;
      const { status } = await request({ port, path });
      const requests = upstreams[i]?.requests ?? [];
      if (row.code === null) {
        assert.equal(status, 200, proxy.errorLog());
        assert.equal(requests[0]?.tls?.clientName, row.shows ?? null);
        assert.equal(requests[0]?.tls?.serverName, 'a.test');
        return;
      }
      assert.equal(status, 502);
      assert.equal(requests.length, 0);
      const lines = proxy.errorLog().split('\n');
      const line = lines.find((one) => one.includes(`"GET ${path} `)) ?? '';
      assert.ok(line.includes(` ${row.code}: `), line);
    });
  }
});

test('servers of one group are verified each for itself', async (t) => {
  const port = await freePort();
  const first = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const second = await RecordingUpstream.start({ tls: pki.untrusted.tls }, t);
  const third = await RecordingUpstream.start({ tls: pki.b.tls }, t);
  const proxy = await startProxy(
    `http { upstream g {
        server ${first.address} ssl_name=a.test;
        server ${second.address} ssl_name=a.test ssl_trusted_certificate=${pki.otherCaFile};
        server ${third.address} ssl_name=a.test max_fails=0; }
      server { listen 127.0.0.1:${port};
        location / { proxy_pass https://g; ${trusted} } } }`,
    { scope: t },
  );
  const statuses = [];
  for (let i = 0; i < 9; i += 1) statuses.push((await request({ port })).status);
  assert.deepEqual(statuses, [200, 200, 502, 200, 200, 502, 200, 200, 502]);
  assert.equal(third.requests.length, 0);
  const [hop] = proxy.proxy.configuration?.hops ?? [];
  assert.equal(hop?.mode, 'on');
  assert.equal(hop?.note, `against ${pki.caFile} or ${pki.otherCaFile}`);
});

test('two locations meet one server, each under its own policy', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  await startProxy(
    `http { upstream g { server ${upstream.address} ssl_name=a.test; keepalive 8; }
      server { listen 127.0.0.1:${port};
        location /good { proxy_pass https://g; ${trusted} }
        location /bad { proxy_pass https://g;
          proxy_ssl_trusted_certificate ${pki.otherCaFile}; } } }`,
    { scope: t },
  );
  for (let i = 0; i < 10; i += 1) {
    assert.equal((await request({ port, path: '/good' })).status, 200);
    assert.equal((await request({ port, path: '/bad' })).status, 502);
  }
  assert.equal(upstream.requests.length, 10);
});

test('a unix socket of a group is verified by its ssl_name=', async (t) => {
  const port = await freePort();
  const socketPath = `${tempFolder(t)}/app.sock`;
  const upstream = await RecordingUpstream.start({ socketPath, tls: pki.a.tls }, t);
  await startProxy(
    `http { upstream g { server unix:${socketPath} ssl_name=a.test; }
      upstream h { server unix:${socketPath} ssl_name=b.test; }
      server { listen 127.0.0.1:${port}; ${trusted}
        location /g { proxy_pass https://g; } location /h { proxy_pass https://h; } } }`,
    { scope: t },
  );
  assert.equal((await request({ port, path: '/g' })).status, 200);
  assert.equal((await request({ port, path: '/h' })).status, 502);
  assert.equal(upstream.onlyRequest.tls?.serverName, 'a.test');
});

test('a unix socket of a group without any name is refused, unless nothing is verified', async () => {
  const problemsOf = async (directives: string, parameters = ''): Promise<string[]> => {
    const text = `events { } http { upstream g { server 127.0.0.1:9; server unix:/x ${parameters}; }
server { listen 127.0.0.1:18443; location / { proxy_pass https://g; ${directives} } } }`;
    const file = `${folder}/sallyport.conf`;
    const { diagnostics } = await loadConfig({ file, text, prefix: folder });
    return diagnostics
      .filter(({ severity }) => severity === 'error')
      .map(({ at, message }) => `${at?.line}:${at?.column} ${message}`);
  };
  const refused = ['2:58 the name to verify is unknown for a unix socket'];
  assert.deepEqual(await problemsOf(''), refused);
  assert.deepEqual(await problemsOf('proxy_ssl_verify report;'), refused);
  assert.deepEqual(await problemsOf('proxy_ssl_verify off until=2099-01-01;'), refused);
  assert.deepEqual(await problemsOf('proxy_ssl_verify off;'), []);
  assert.deepEqual(await problemsOf('proxy_ssl_name a.test;'), []);
  assert.deepEqual(await problemsOf('proxy_ssl_san uri:spiffe://a.test/web;'), []);
  assert.deepEqual(await problemsOf('', 'ssl_name=a.test'), []);
});

test('an encrypted key of a server is opened by the passwords of the location', async (t) => {
  const at = tempFolder(t);
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc' } as const;
  const key = createPrivateKey(pki.client.keyPem).export({ ...options, passphrase: 'x' });
  writeIn(at, 'client.key', key.toString());
  writeIn(at, 'passwords', 'x\n');
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ tls: { ...pki.a.tls, ...asking } }, t);
  const config = (passwords: string): string => `http { upstream g { server ${upstream.address}
        ssl_name=a.test ssl_certificate=${pki.client.certificate} ssl_certificate_key=client.key; }
      server { listen 127.0.0.1:${port};
        location / { proxy_pass https://g; ${trusted} ${passwords} } } }`;
  await assert.rejects(startProxy(config(''), { folder: at, scope: t }), /no passphrase is known/);
  await startProxy(config('proxy_ssl_password_file passwords;'), { folder: at, scope: t });
  assert.equal((await request({ port })).status, 200);
  assert.equal(upstream.onlyRequest.tls?.clientName, 'client');
});

test('after a reload the parameters count as they are written then', async (t) => {
  const port = await freePort();
  const upstream = await RecordingUpstream.start({ tls: pki.a.tls }, t);
  const config = (parameters: string, location = ''): string =>
    `error_log error.log; master_process off; events { }
     http { upstream g { server ${upstream.address} ${parameters}; keepalive 8; }
     server { listen 127.0.0.1:${port};
       location / { proxy_pass https://g; ${trusted} ${location} } } }`;
  const at = tempFolder(t);
  const file = `${at}/sallyport.conf`;
  const proxy = createProxy({ file, text: config('ssl_name=a.test'), prefix: at });
  await proxy.start();
  t.after(() => proxy.close());
  const statusAfter = async (text: string): Promise<number> => {
    await proxy.reload({ file, text, prefix: at });
    return (await request({ port })).status;
  };
  assert.equal((await request({ port })).status, 200);
  assert.equal(await statusAfter(config('ssl_name=a.test')), 200);
  assert.equal(await statusAfter(config('ssl_name=b.test')), 502);
  assert.equal(await statusAfter(config('ssl_name=a.test')), 200);
  const pins = `ssl_name=a.test ssl_pin=${backup},${otherBackup}`;
  assert.equal(await statusAfter(config(pins)), 502);
  assert.equal(await statusAfter(config(pins, 'proxy_ssl_verify_depth 1;')), 502);
  assert.equal(await statusAfter(config('ssl_name=a.test', 'proxy_ssl_verify_depth 1;')), 200);
});

// ---- mistakes

interface Mistake {
  readonly name: string;
  /** From line 2, column 20 on. */
  readonly parameters: string;
  readonly says: readonly string[];
}

const onePin =
  'one pin alone is refused: once its key has to be replaced, no connection would be possible';

const mistakes: readonly Mistake[] = [
  { name: 'one pin', parameters: `ssl_pin=${backup}`, says: [`2:20 ${onePin}`] },
  {
    name: 'one pin, twice',
    parameters: `down ssl_pin=${backup} ssl_pin=${backup}`,
    says: [`2:25 ${onePin}`],
  },
  {
    name: 'a pin that is none',
    parameters: `ssl_pin=${backup},md5/x`,
    says: ['2:20 invalid pin "md5/x" in "ssl_pin="'],
  },
  {
    name: 'a certificate without its key',
    parameters: 'ssl_certificate=c.pem',
    says: ['2:20 no "ssl_certificate_key=" is defined for certificate "c.pem"'],
  },
  {
    name: 'a key without its certificate',
    parameters: 'ssl_name=a.test ssl_certificate_key=k.pem',
    says: ['2:36 no "ssl_certificate=" is defined for certificate key "k.pem"'],
  },
  {
    name: 'a parameter twice',
    parameters: 'ssl_name=a.test ssl_name=b.test',
    says: ['2:36 duplicate parameter "ssl_name=b.test"'],
  },
  {
    name: 'a parameter without a value, and an unknown one',
    parameters: 'ssl_name= ssl_verify=off',
    says: ['2:20 invalid parameter "ssl_name="', '2:30 invalid parameter "ssl_verify=off"'],
  },
  {
    name: 'a name that is none',
    parameters: 'ssl_name=https://a.test',
    says: ['2:20 invalid name "https://a.test" in "ssl_name="'],
  },
  {
    name: 'variables',
    parameters: 'ssl_certificate=$host.crt ssl_certificate_key=k.pem',
    says: ['2:20 variables are not supported in "$host.crt"'],
  },
  {
    name: 'files that are not there',
    parameters: 'ssl_trusted_certificate=ca.pem ssl_certificate=c.pem ssl_certificate_key=k.pem',
    says: [
      `2:20 cannot load CA certificates "${folder}/ca.pem": no such file or directory`,
      `2:51 cannot load certificate "${folder}/c.pem": no such file or directory`,
      `2:73 cannot load certificate key "${folder}/k.pem": no such file or directory`,
    ],
  },
  {
    name: 'the key of another certificate',
    parameters: `ssl_certificate=${pki.client.certificate} ssl_certificate_key=${pki.a.key}`,
    says: [
      `2:${37 + pki.client.certificate.length} "${pki.a.key}": the private key does not match the ` +
        `first certificate of "${pki.client.certificate}"`,
    ],
  },
  {
    name: 'a CA file without a certificate',
    parameters: `ssl_name=a.test ssl_trusted_certificate=${pki.a.key}`,
    says: [`2:36 "${pki.a.key}": there is no certificate in it`],
  },
];

async function findings(parameters: string, scheme: string): Promise<string[]> {
  const text =
    `events { } http { upstream g {\nserver 127.0.0.1:9 ${parameters};\n}\n` +
    `server { listen 127.0.0.1:18443; location / { proxy_pass ${scheme}://g; } } }`;
  const file = `${folder}/sallyport.conf`;
  const { diagnostics } = await loadConfig({ file, text, prefix: folder });
  return diagnostics.map(({ at, message }) => `${at?.line}:${at?.column} ${message}`);
}

for (const { name, parameters, says } of mistakes) {
  test(`${name}: is reported at the parameter`, async () => {
    assert.deepEqual(await findings(parameters, 'https'), says);
  });
}

test('parameters that have no effect are warned of', async () => {
  assert.deepEqual(await findings('ssl_name=a.test', 'https'), []);
  assert.deepEqual(await findings('ssl_name=a.test', 'http'), [
    '2:20 the "ssl_" parameters have no effect for "proxy_pass http://g": it is plain HTTP',
  ]);
});
