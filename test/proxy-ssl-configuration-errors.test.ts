// Mistakes in what is said about TLS towards upstreams, beyond files that are bad: each is reported at
// the argument it is about. Where nginx has the directive, its words are compared.

import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { loadConfig, type Diagnostic } from '../src/index.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

const nowhere = `${folder}/nowhere.pem`;
const pinA = `sha256/${'A'.repeat(43)}=`;
const pinB = `sha256/${'B'.repeat(42)}A=`;
const onePin =
  'one pin alone is refused: once its key has to be replaced, no connection would be possible';

function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  return writeIn(folder, 'encrypted.key', privateKey.export(options).toString());
}

const encrypted = encryptedKey();
const passwords = writeIn(folder, 'passwords', 'one\ntwo\n');

function inDays(days: number): string {
  return new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 10);
}

/** Directives of a location, from line 3 on, and what is said: `LINE:COLUMN message`. */
interface Row {
  readonly name: string;
  readonly location: string;
  readonly says: readonly string[];
  readonly hint?: RegExp;
  /** What nginx says of it, where it has the directive and says something else. */
  readonly nginx?: string | null;
}

const rows: readonly Row[] = [
  {
    name: 'another word than on, off and report',
    location: 'proxy_ssl_verify maybe;',
    says: [
      '3:18 invalid value "maybe" in "proxy_ssl_verify" directive, it must be "on", "off" or "report"',
    ],
  },
  {
    name: 'a day that is none',
    location: 'proxy_ssl_verify off until=2027-02-30;\nproxy_ssl_verify_cn maybe;',
    says: [
      '3:22 invalid date "2027-02-30" in "proxy_ssl_verify" directive',
      '4:21 invalid value "maybe" in "proxy_ssl_verify_cn" directive, it must be "on" or "off"',
    ],
    hint: /YYYY-MM-DD/,
  },
  {
    name: 'a day in other words',
    location: 'proxy_ssl_verify report until=tomorrow;',
    says: ['3:25 invalid date "tomorrow" in "proxy_ssl_verify" directive'],
  },
  {
    name: 'an end of full verification',
    location: 'proxy_ssl_verify on until=2099-01-01;',
    says: ['3:21 invalid parameter "until=2099-01-01"'],
    hint: /belong to "off" and "report"/,
  },
  {
    name: 'an unknown parameter, and one twice',
    location: 'proxy_ssl_verify off because=x reason=a reason=b;',
    says: ['3:22 invalid parameter "because=x"', '3:41 invalid parameter "reason=b"'],
  },
  {
    name: 'one pin',
    location: `proxy_ssl_pin ${pinA};`,
    says: [`3:15 ${onePin}`],
    hint: /backup key/,
  },
  {
    name: 'one pin twice',
    location: `proxy_ssl_pin ${pinA} ${pinA};`,
    says: [`3:15 ${onePin}`],
  },
  {
    name: 'pins that are none',
    location: `proxy_ssl_pin sha256/AAAA ${pinA} sha1/x;`,
    says: [
      '3:15 invalid pin "sha256/AAAA" in "proxy_ssl_pin" directive',
      `3:79 invalid pin "sha1/x" in "proxy_ssl_pin" directive`,
    ],
    hint: /openssl pkey/,
  },
  {
    name: 'a pin that is not in canonical base64',
    location: `proxy_ssl_pin ${pinA} sha256/${'B'.repeat(43)}=;`,
    says: [`3:67 invalid pin "sha256/${'B'.repeat(43)}=" in "proxy_ssl_pin" directive`],
  },
  {
    name: 'names without their kind, and wildcards where they cannot stand',
    location: 'proxy_ssl_san a.test uri:spiffe://*/x dns:a.*.test;',
    says: [
      '3:15 invalid name "a.test" in "proxy_ssl_san" directive: ' +
        'a name begins with "dns:", "ip:" or "uri:"',
      '3:22 invalid name "uri:spiffe://*/x" in "proxy_ssl_san" directive: ' +
        '"*" cannot stand in a URI: it is compared byte for byte',
      '3:39 invalid name "dns:a.*.test" in "proxy_ssl_san" directive: ' +
        '"*" must be the whole left-most label ("dns:*.example.org")',
    ],
  },
  {
    name: 'an OCSP mode that is none',
    location: 'proxy_ssl_ocsp on;',
    says: ['3:16 invalid value "on"'],
  },
  {
    name: 'an unknown group',
    location: 'proxy_ssl_groups X25519:nonsense;',
    says: ['3:1 proxy_ssl_groups "X25519:nonsense" cannot be used: Failed to set ECDH curve'],
  },
  {
    name: 'a key without its certificate',
    location: `proxy_ssl_certificate_key ${pki.client.key};`,
    says: [`3:27 no "proxy_ssl_certificate" is defined for certificate key "${pki.client.key}"`],
    nginx: null,
  },
  {
    name: 'a certificate without its key',
    location: `proxy_ssl_certificate ${pki.client.certificate};`,
    says: [
      `3:23 no "proxy_ssl_certificate_key" is defined for certificate "${pki.client.certificate}"`,
    ],
  },
  {
    name: 'a certificate by a variable, without its key',
    location: 'proxy_ssl_certificate $server_name.crt;',
    says: ['3:23 no "proxy_ssl_certificate_key" is defined for certificate "$server_name.crt"'],
  },
  {
    name: 'an unknown variable',
    location: 'proxy_ssl_certificate $server_nam.crt;\nproxy_ssl_certificate_key $server_name.key;',
    says: ['3:23 unknown "server_nam" variable'],
    hint: /did you mean "\$server_name"/,
    nginx: 'unknown "server_nam" variable',
  },
  {
    name: 'a CRL that is missing, beside one that is there',
    location: `proxy_ssl_crl ${pki.crlFile} nowhere.pem;`,
    says: [`3:${16 + pki.crlFile.length} cannot load CRL "${nowhere}": no such file or directory`],
  },
  {
    name: 'a CRL file without a list',
    location: `proxy_ssl_crl ${pki.caFile};`,
    says: [`3:15 "${pki.caFile}": there is no CRL in it`],
    nginx: null,
  },
  {
    name: 'a password file that is missing',
    location: 'proxy_ssl_password_file nowhere.pem;',
    says: [`3:25 open() "${nowhere}" failed (2: No such file or directory)`],
  },
  {
    name: 'passwords that do not fit',
    location:
      `proxy_ssl_certificate ${pki.client.certificate};\n` +
      `proxy_ssl_certificate_key ${encrypted};\nproxy_ssl_password_file ${passwords};`,
    says: [`4:27 "${encrypted}": the private key is encrypted and none of the 2 passwords fits`],
    nginx: `cannot load certificate key "${encrypted}": PEM_read_bio_PrivateKey() failed`,
  },
  {
    name: 'a key out of an engine',
    location: `proxy_ssl_certificate ${pki.client.certificate};\nproxy_ssl_certificate_key engine:a:b;`,
    says: ['4:27 "engine:" is not supported: "engine:a:b"'],
    nginx: 'cannot load certificate key "engine:a": ENGINE_by_id() failed',
  },
  {
    name: 'an unknown command',
    location: 'proxy_ssl_conf_command Foo bar;',
    says: ['3:24 SSL_CONF_cmd("Foo", "bar") failed: there is no command "Foo"'],
    nginx: 'SSL_CONF_cmd("Foo", "bar") failed (SSL: error:0A000182:SSL routines::unknown cmd name',
  },
  {
    name: 'a command without its value',
    location: 'proxy_ssl_conf_command Foo;',
    says: ['3:1 invalid number of arguments in "proxy_ssl_conf_command" directive'],
  },
  {
    name: 'a cache without a size',
    location: 'proxy_ssl_certificate_cache valid=1m;',
    says: ['3:1 "proxy_ssl_certificate_cache" must have the "max" parameter'],
  },
  {
    name: 'a cache with parameters that it does not have',
    location: 'proxy_ssl_certificate_cache max=0;',
    says: ['3:29 invalid parameter "max=0"'],
  },
  {
    name: 'a cache with a time that is none',
    location: 'proxy_ssl_certificate_cache max=1 inactive=soon;',
    says: ['3:35 invalid parameter "inactive=soon"'],
  },
];

function configOf(location: string): string {
  return (
    `events { } http { server { listen 127.0.0.1:18443;\n` +
    `  location / { proxy_pass https://127.0.0.1:9;\n${location}\n} } }`
  );
}

async function findingsOf(text: string): Promise<readonly Diagnostic[]> {
  const file = `${folder}/sallyport.conf`;
  return (await loadConfig({ file, text, prefix: folder })).diagnostics;
}

function shown(list: readonly Diagnostic[], severity: Diagnostic['severity']): string[] {
  return list
    .filter((one) => one.severity === severity)
    .map(({ at, message }) => `${at?.line}:${at?.column} ${message}`);
}

for (const row of rows) {
  test(`${row.name}: is reported where it stands`, async () => {
    const found = await findingsOf(configOf(row.location));
    const errors = shown(found, 'error');
    assert.equal(errors.length, row.says.length, errors.join('\n'));
    for (const [i, says] of row.says.entries()) {
      // Reasons that come from elsewhere may go on.
      assert.ok(errors[i]?.startsWith(says), `${errors[i]} begins with ${says}`);
    }
    if (row.hint !== undefined) {
      assert.match(found.map(({ hint }) => hint ?? '').join('\n'), row.hint);
    }
  });
}

// nginx checks in a folder of its own.
function withoutFolder(text: string): string {
  return text.replace(/"[^"]*nowhere\.pem"/g, '"nowhere.pem"');
}

const inNginx =
  /^proxy_ssl_(?:certificate|certificate_key|password_file|conf_command|crl|trusted_certificate) /;

for (const row of rows.filter(({ location }) => inNginx.test(location))) {
  // Its crl takes one file.
  if (row.name.includes('beside one')) continue;
  test(`${row.name}: nginx says so as well`, { skip: !nginxAvailable }, (t) => {
    const { ok, messages } = checkConfig(configOf(row.location), { scope: t });
    assert.equal(ok, row.nginx === null, messages.join('\n'));
    if (row.nginx === null) return;
    const own = row.says[0]?.replace(/^\d+:\d+ /, '') ?? '';
    const wanted = withoutFolder(row.nginx ?? own);
    const text = withoutFolder(messages.join('\n'));
    assert.ok(text.includes(wanted), `${text} has ${wanted}`);
  });
}

test('a weaker mode whose day has passed is over, and that is warned of', async () => {
  const found = await loadConfig({
    file: `${folder}/sallyport.conf`,
    text: configOf('proxy_ssl_verify off reason=old until=2026-01-31;'),
    prefix: folder,
  });
  assert.deepEqual(shown(found.diagnostics, 'warning'), [
    '3:33 verification is on again since 2026-02-01: "proxy_ssl_verify off" ended',
  ]);
  const [hop] = found.hops;
  assert.deepEqual([hop?.mode, hop?.verified, hop?.until], ['on', true, null]);
});

test('the end of a weaker mode is warned of from 30 days before', async () => {
  const warningsFor = async (day: string): Promise<string[]> =>
    shown(await findingsOf(configOf(`proxy_ssl_verify report until=${day};`)), 'warning').filter(
      (one) => one.includes('ends'),
    );
  const next = inDays(21);
  assert.deepEqual(await warningsFor(inDays(20)), [
    `3:25 "proxy_ssl_verify report" ends in 20 days: from ${next} on the upstream is verified`,
  ]);
  assert.deepEqual(await warningsFor(inDays(0)), [
    `3:25 "proxy_ssl_verify report" ends in less than a day: ` +
      `from ${inDays(1)} on the upstream is verified`,
  ]);
  assert.equal((await warningsFor(inDays(29))).length, 1);
  assert.deepEqual(await warningsFor(inDays(30)), []);
});

test('variables that clients choose are warned of where they decide about trust', async () => {
  const pair = (name: string): string =>
    `proxy_ssl_certificate ${name}.crt;\nproxy_ssl_certificate_key ${name}.key;`;
  const chosen = (what: string, file: string): string =>
    `the client chooses ${what}, and so the file "${file}": map it from a list of what is allowed`;
  const warned = async (location: string): Promise<string[]> =>
    shown(await findingsOf(configOf(location)), 'warning');
  assert.deepEqual(await warned(pair('/etc/$http_x-${arg_y}')), [
    `3:23 ${chosen('$http_x and $arg_y', '/etc/$http_x-${arg_y}.crt')}`,
    `4:27 ${chosen('$http_x and $arg_y', '/etc/$http_x-${arg_y}.key')}`,
  ]);
  assert.equal((await warned(pair('$host'))).length, 2);
  assert.deepEqual(await warned(pair('$server_name')), []);
  assert.deepEqual(await warned('proxy_ssl_name $host;'), [
    '3:16 the client chooses $host, and so the name that is verified: ' +
      'map it from a list of what is allowed',
  ]);
  assert.deepEqual(await warned('proxy_ssl_name $server_name;'), []);
});

test('a host that clients choose is warned of where its name is verified', async () => {
  const warned = async (url: string, more = ''): Promise<string[]> =>
    shown(
      await findingsOf(`events { } http { resolver 127.0.0.1:9; server { listen 127.0.0.1:18443;
        location ~ ^/(.*)$ { ${more}
proxy_pass ${url}; } } }`),
      'warning',
    );
  const of = (name: string): string =>
    `3:12 the client chooses ${name}, and so the server and the name that is verified: ` +
    'map it from a list of what is allowed';
  assert.deepEqual(await warned('https://$http_host'), [of('$http_host')]);
  assert.deepEqual(await warned('$scheme://${host}:443/x'), [of('$host')]);
  for (const url of ['https://127.0.0.1$uri', 'https://127.0.0.1/$host', 'http://$host']) {
    assert.deepEqual(await warned(url), [], url);
  }
  assert.deepEqual(await warned('https://$host', 'proxy_ssl_name a.test;'), []);
  assert.deepEqual(await warned('https://$host', 'proxy_ssl_san dns:a.test;'), []);
});

test('an empty file name takes back what a level above says', async () => {
  const text = (location: string): string =>
    `events { } http { proxy_ssl_certificate nowhere.pem; proxy_ssl_certificate_key nowhere.pem;
     proxy_ssl_trusted_certificate nowhere.pem; proxy_ssl_crl nowhere.pem;
     proxy_ssl_pin ${pinA} ${pinB}; proxy_ssl_san dns:a.test;
     server { listen 127.0.0.1:18443; location / { proxy_pass https://127.0.0.1:9; ${location} } } }`;
  assert.equal(shown(await findingsOf(text('')), 'error').length, 4);
  const emptied =
    'proxy_ssl_certificate ""; proxy_ssl_trusted_certificate ""; proxy_ssl_crl ""; ' +
    'proxy_ssl_pin off; proxy_ssl_san off;';
  assert.deepEqual(shown(await findingsOf(text(emptied)), 'error'), []);
});

test('every file that TLS towards upstreams is made of is known to the watcher', async () => {
  const { compileConfiguration } = await import('../src/modules/compile.ts');
  const { FileSources } = await import('../src/config/source.ts');
  const key = writeIn(folder, 'client.key', '');
  const compiled = await compileConfiguration({
    file: `${folder}/sallyport.conf`,
    text:
      `events { } http { upstream g { server 127.0.0.1:9 ssl_trusted_certificate=srv-ca.pem ` +
      `ssl_certificate=srv.pem ssl_certificate_key=srv.key; }\n` +
      `server { listen 127.0.0.1:18443; location / { proxy_pass https://g; ` +
      `proxy_ssl_trusted_certificate ca.pem; proxy_ssl_crl a.crl b.crl; ` +
      `proxy_ssl_certificate client.pem; proxy_ssl_certificate_key ${key}; ` +
      `proxy_ssl_password_file passwords; proxy_ssl_pin file:pins.txt; } } }`,
    prefix: `${folder}/`,
    sources: new FileSources(),
    lookup: () => Promise.resolve([]),
    ticketKeys: Buffer.alloc(48),
    pid: 1,
    privileged: false,
  });
  const names = compiled.tlsFiles.map((path) => path.replace(`${folder}/`, '')).sort();
  assert.deepEqual(names, [
    'a.crl',
    'b.crl',
    'ca.pem',
    'client.key',
    'client.pem',
    'passwords',
    'pins.txt',
    'srv-ca.pem',
    'srv.key',
    'srv.pem',
  ]);
});
