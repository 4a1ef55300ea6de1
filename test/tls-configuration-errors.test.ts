// Mistakes with certificates, keys, CAs, protocols and ciphers: each is reported at its line with the
// file and the reason, all of them in one run, and nothing is started.

import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { connect } from 'node:net';
import { test } from 'node:test';
import { createProxy, loadConfig } from '../src/index.ts';
import { makeCertificate } from '../src/tls/certificates.test-kit.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { runProgram } from './kit/program.ts';
import { makeTempFolder, removeFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const folder = makeTempFolder();
process.on('exit', () => removeFolder(folder));

const garbage = writeIn(folder, 'garbage.pem', 'this is no PEM file\n');
const rotten = writeIn(
  folder,
  'rotten.crt',
  '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n',
);
const cut = writeIn(folder, 'cut.crt', pki.ca.slice(0, 200));
const empty = writeIn(folder, 'empty.pem', '');
const encrypted = writeIn(folder, 'encrypted.key', encryptedKey());
const rsaKey = writeIn(folder, 'rsa.key', pem(generateKeyPairSync('rsa', { modulusLength: 2048 })));
const weak = weakPair();
const nowhere = `${folder}/nowhere.pem`;

function pem(pair: { privateKey: KeyObject }): string {
  return pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

function encryptedKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  return privateKey.export(options).toString();
}

// RSA of 1024 bits is below the security level that OpenSSL starts with.
function weakPair(): { certificate: string; key: string } {
  const root = makeCertificate({ commonName: 'Root', authority: true });
  const leaf = makeCertificate({ commonName: 'weak', issuer: root, keyType: 'rsa', bits: 1024 });
  return {
    certificate: writeIn(folder, 'weak.crt', leaf.pem),
    key: writeIn(folder, 'weak.key', leaf.keyPem),
  };
}

const good = `ssl_certificate ${pki.a.certificate}; ssl_certificate_key ${pki.a.key};`;

/** What stands in a server with `listen ... ssl`, or in a location, and what is said of it. */
interface Row {
  readonly name: string;
  /** One directive a line; line 3 of the file is the first. */
  readonly server?: string;
  readonly location?: string;
  /** `LINE:COLUMN message` */
  readonly says: readonly string[];
}

const rows: readonly Row[] = [
  {
    name: 'no certificate',
    server: '',
    says: ['2:3 no "ssl_certificate" is defined for the "listen ... ssl" directive'],
  },
  {
    name: 'no key',
    server: `ssl_certificate ${pki.a.certificate};`,
    says: [`3:17 no "ssl_certificate_key" is defined for certificate "${pki.a.certificate}"`],
  },
  {
    name: 'two certificates and one key',
    server: `${good}\nssl_certificate ${pki.b.certificate};`,
    says: [`4:17 no "ssl_certificate_key" is defined for certificate "${pki.b.certificate}"`],
  },
  {
    name: 'files that are not there',
    server: `ssl_certificate nowhere.pem;\nssl_certificate_key nowhere.pem;\nssl_client_certificate nowhere.pem;`,
    says: [
      `3:17 cannot load certificate "${nowhere}": no such file or directory`,
      `4:21 cannot load certificate key "${nowhere}": no such file or directory`,
      `5:24 cannot load CA certificates "${nowhere}": no such file or directory`,
    ],
  },
  {
    name: 'a folder instead of a file',
    server: `ssl_certificate ${folder};\nssl_certificate_key ${pki.a.key};`,
    says: [`3:17 cannot load certificate "${folder}": illegal operation on a directory`],
  },
  {
    name: 'a certificate by what is not known in a handshake',
    server: `ssl_certificate $host.crt;\nssl_certificate_key data:$key;`,
    says: ['4:21 unknown "key" variable', '3:17 "$host" has no value in a TLS handshake'],
  },
  {
    name: 'a key of an engine or of a store',
    server: `ssl_certificate ${pki.a.certificate};\nssl_certificate_key engine:pkcs11:a;`,
    says: ['4:21 "engine:" is not supported: "engine:pkcs11:a"'],
  },
  {
    name: 'what OpenSSL cannot be told by Node.js',
    server: [
      good,
      'ssl_early_data on;',
      'ssl_certificate_compression on;',
      'ssl_ech_file a.ech;',
      'ssl_conf_command Options KTLS;',
      'ssl_conf_command Nonsense x;',
    ].join('\n'),
    says: [
      '4:16 "ssl_early_data on" is not possible: Node.js does not offer early data to clients',
      '5:29 "ssl_certificate_compression on" is not possible: the OpenSSL of Node.js is built without it',
      '6:1 "ssl_ech_file" is not possible: the OpenSSL of Node.js has no ECH',
      '7:18 SSL_CONF_cmd("Options", "KTLS") failed: option "KTLS" is refused: Node.js encrypts by itself, never in the kernel',
      '8:18 SSL_CONF_cmd("Nonsense", "x") failed: there is no command "Nonsense"; the commands are Ciphersuites, CipherString, Curves, Groups, SignatureAlgorithms, MinProtocol, MaxProtocol, Protocol, Options',
    ],
  },
  {
    name: 'commands that leave no protocol',
    server: `${good}\nssl_conf_command MinProtocol TLSv1.3;\nssl_conf_command MaxProtocol TLSv1.2;`,
    says: ['3:1 ssl_conf_command leaves no TLS protocol'],
  },
  ...['shared:a', 'shared::1m', 'builtin:x', 'nonsense'].map((cache) => ({
    name: `the session cache ${cache}`,
    server: `${good}\nssl_session_cache ${cache};`,
    says: [`4:19 invalid session cache "${cache}"`],
  })),
  {
    name: 'a session cache without room',
    server: `${good}\nssl_session_cache shared:a:1k;`,
    says: ['4:19 session cache "shared:a:1k" is too small'],
  },
  {
    name: 'files of sessions, passwords and parameters that are not there',
    server: `${good}\nssl_session_ticket_key nowhere.pem;\nssl_dhparam nowhere.pem;\nssl_password_file nowhere.pem;`,
    says: [
      `6:19 open() "${nowhere}" failed (2: No such file or directory)`,
      `4:24 open() "${nowhere}" failed (2: No such file or directory)`,
      `5:13 cannot load DH parameters "${nowhere}": no such file or directory`,
    ],
  },
  {
    name: 'files that are something else',
    server: `${good}\nssl_session_ticket_key ${pki.a.key};\nssl_dhparam ${pki.a.key};`,
    says: [
      `4:24 "${pki.a.key}" must be 48 or 80 bytes`,
      `5:13 "${pki.a.key}": there are no DH parameters in it`,
    ],
  },
  {
    name: 'a revocation list that is none',
    server: `${good}\nssl_verify_client on; ssl_client_certificate ${pki.caFile};\nssl_crl ${pki.caFile};`,
    says: [`5:9 "${pki.caFile}": there is no CRL in it`],
  },
  {
    name: 'the key of another certificate',
    server: `ssl_certificate ${pki.a.certificate};\nssl_certificate_key ${pki.b.key};`,
    says: [
      `4:21 "${pki.b.key}": the private key does not match the first certificate of "${pki.a.certificate}"`,
    ],
  },
  {
    name: 'a key of another type',
    server: `ssl_certificate ${pki.a.certificate};\nssl_certificate_key ${rsaKey};`,
    says: [
      `4:21 "${rsaKey}": the private key does not match the first certificate of "${pki.a.certificate}"`,
    ],
  },
  {
    name: 'an encrypted key',
    server: `ssl_certificate ${pki.a.certificate};\nssl_certificate_key ${encrypted};`,
    says: [`4:21 "${encrypted}": the private key is encrypted and no passphrase is known`],
  },
  {
    name: 'garbage in every file',
    server: `ssl_certificate ${garbage};\nssl_certificate_key ${garbage};\nssl_client_certificate ${garbage};`,
    says: [
      `3:17 "${garbage}": there is no certificate in it`,
      `4:21 "${garbage}": there is no private key in it`,
      `5:24 "${garbage}": there is no certificate in it`,
    ],
  },
  {
    name: 'a certificate that is none inside',
    server: `ssl_certificate ${rotten};\nssl_certificate_key ${pki.a.key};`,
    says: [`3:17 "${rotten}": certificate 1 is malformed: too long`],
  },
  {
    name: 'a CA file that is cut off',
    server: `${good}\nssl_client_certificate ${cut};`,
    says: [`4:24 "${cut}": certificate 1 is cut off`],
  },
  {
    name: 'a key that is too short',
    server: `ssl_certificate ${weak.certificate};\nssl_certificate_key ${weak.key};`,
    says: [`3:17 "${weak.certificate}": ee key too small`],
  },
  {
    name: 'verification of clients without a CA',
    server: `${good}\nssl_verify_client on;`,
    says: [
      '4:1 no "ssl_client_certificate" or "ssl_trusted_certificate" for "ssl_verify_client on"',
    ],
  },
  {
    name: 'unknown ciphers, groups and a version that is no more',
    server: `${good}\nssl_ciphers NONSENSE;\nssl_ecdh_curve nonsense;\nssl_protocols SSLv3;`,
    says: [
      '4:1 ssl_ciphers "NONSENSE" cannot be used: no cipher match',
      '5:1 ssl_ecdh_curve "nonsense" cannot be used: it has an unknown group',
      '6:1 no TLS protocol is left of ssl_protocols "SSLv3"; SSLv3 is not available: OpenSSL has removed it',
    ],
  },
  {
    name: 'only versions that need the security level 0',
    server: `${good}\nssl_protocols TLSv1 TLSv1.1;`,
    says: [
      '4:1 no TLS protocol is left of ssl_protocols "TLSv1 TLSv1.1"; ' +
        ['TLSv1', 'TLSv1.1']
          .map(
            (name) =>
              `${name} will not be spoken: OpenSSL allows it at security level 0 only; ` +
              `leave ${name} out, or, for a peer that has nothing newer, write ` +
              'ciphers "HIGH:!aNULL:!MD5:@SECLEVEL=0"',
          )
          .join('; '),
    ],
  },
  {
    name: 'a word that is no version',
    server: `${good}\nssl_protocols TLSv1.2 TLSv2;`,
    says: ['4:23 invalid value "TLSv2"'],
  },
  {
    name: 'an upstream CA that is missing',
    location: 'proxy_ssl_trusted_certificate nowhere.pem;',
    says: [`3:31 cannot load CA certificates "${nowhere}": no such file or directory`],
  },
  {
    name: 'an upstream CA file without certificates, and one with a key only',
    location: `proxy_ssl_trusted_certificate ${empty};`,
    says: [`3:31 "${empty}": there is no certificate in it`],
  },
  {
    name: 'a certificate for upstreams without its key',
    location: `proxy_ssl_certificate ${pki.client.certificate};`,
    says: [
      `3:23 no "proxy_ssl_certificate_key" is defined for certificate "${pki.client.certificate}"`,
    ],
  },
  {
    name: 'a certificate for upstreams and the key of another',
    location: `proxy_ssl_certificate ${pki.client.certificate};\nproxy_ssl_certificate_key ${pki.a.key};`,
    says: [
      `4:27 "${pki.a.key}": the private key does not match the first certificate of "${pki.client.certificate}"`,
    ],
  },
  {
    name: 'an encrypted key for upstreams',
    location: `proxy_ssl_certificate ${pki.client.certificate};\nproxy_ssl_certificate_key ${encrypted};`,
    says: [`4:27 "${encrypted}": the private key is encrypted and no passphrase is known`],
  },
  {
    name: 'ciphers and versions towards upstreams',
    location: `proxy_ssl_ciphers NONSENSE;\nproxy_ssl_protocols SSLv2;`,
    says: [
      '3:1 proxy_ssl_ciphers "NONSENSE" cannot be used: no cipher match',
      '4:1 no TLS protocol is left of proxy_ssl_protocols "SSLv2"; SSLv2 is not available: OpenSSL has removed it',
    ],
  },
];

function configOf(row: Row, port = 18443): string {
  if (row.location === undefined) {
    return `events { } http {\n  server { listen 127.0.0.1:${port} ssl;\n${row.server ?? ''}\n} }`;
  }
  return (
    `events { } http { server { listen 127.0.0.1:${port};\n` +
    `  location / { proxy_pass https://127.0.0.1:9;\n${row.location}\n} } }`
  );
}

async function errorsOf(text: string): Promise<string[]> {
  const file = `${folder}/sallyport.conf`;
  const { ok, diagnostics } = await loadConfig({ file, text, prefix: folder });
  const errors = diagnostics.filter((one) => one.severity === 'error');
  assert.equal(ok, errors.length === 0);
  return errors.map(({ at, message }) => `${at?.line}:${at?.column} ${message}`);
}

for (const row of rows) {
  test(`${row.name}: is reported where it stands`, async () => {
    assert.deepEqual(await errorsOf(configOf(row)), row.says);
  });
}

test('what several servers inherit is reported once', async () => {
  const servers = [1, 2, 3].map((i) => `server { listen 127.0.0.1:1844${i} ssl; }`).join('\n');
  const text = (settings: string): string => `events { } http {\n${settings}\n${servers}\n}`;
  assert.deepEqual(await errorsOf(text('ssl_certificate nowhere.pem;')), [
    `2:17 no "ssl_certificate_key" is defined for certificate "nowhere.pem"`,
    `2:17 cannot load certificate "${nowhere}": no such file or directory`,
  ]);
  assert.deepEqual(await errorsOf(text(`${good} ssl_ciphers NONSENSE;`)), [
    `2:${good.length + 2} ssl_ciphers "NONSENSE" cannot be used: no cipher match`,
  ]);
});

test('a zone of two sizes is refused', async () => {
  const text = `events { } http { ssl_session_cache shared:a:2m;
    server { listen 127.0.0.1:18441 ssl; ${good} }
    server { listen 127.0.0.1:18442 ssl; ${good}
ssl_session_cache shared:a:1m; } }`;
  assert.deepEqual(await errorsOf(text), [
    '4:19 the size 1048576 of shared memory zone "a" conflicts with already declared size 2097152',
  ]);
});

test('a server without a certificate needs a default server that has one', async () => {
  const listen = 'listen 127.0.0.1:18443 ssl;';
  const says = 'no "ssl_certificate" is defined for the "listen ... ssl" directive';
  const servers = (...bodies: string[]): string =>
    `events { } http {\n${bodies.map((one) => `server { ${listen} ${one} }`).join('\n')}\n}`;
  const verifying = `ssl_verify_client on; ssl_client_certificate ${pki.caFile};`;
  assert.deepEqual(await errorsOf(servers(good, '')), []);
  assert.deepEqual(await errorsOf(servers('', good)), [`2:1 ${says}`]);
  assert.deepEqual(await errorsOf(servers('ssl_reject_handshake on;', good)), []);
  assert.deepEqual(await errorsOf(servers('ssl_reject_handshake on;', '')), [`3:1 ${says}`]);
  assert.deepEqual(await errorsOf(servers(good, verifying)), [`3:1 ${says}`]);
});

test('nothing listens where a certificate is bad', async () => {
  const port = await freePort();
  const file = `${folder}/sallyport.conf`;
  const text = `master_process off; ${configOf({ name: '', server: '', says: [] }, port)}`;
  const proxy = createProxy({ file, text, prefix: folder });
  await assert.rejects(proxy.start(), { code: 'CONFIG_INVALID', message: /no "ssl_certificate"/ });
  await assert.rejects(
    new Promise((resolve, reject) =>
      connect(port, '127.0.0.1', () => resolve(null)).on('error', reject),
    ),
    { code: 'ECONNREFUSED' },
  );
});

test('-t shows everything that is wrong, with the line and the place in it', (t) => {
  const text =
    `events { } http {\n` +
    `  server { listen 127.0.0.1:18443 ssl;\n` +
    `    ssl_certificate ${pki.a.certificate};\n` +
    `    ssl_certificate_key ${pki.b.key};\n` +
    `    location / { proxy_pass https://127.0.0.1:9;\n` +
    `      proxy_ssl_trusted_certificate gone.pem; }\n  }\n}\n`;
  const { code, stderr } = runProgram(text, ['-t'], { scope: t });
  assert.equal(code, 1);
  assert.match(
    stderr,
    /\[emerg\] "\S+\/b\.key": the private key does not match .* in \S+\.conf:4:25/,
  );
  assert.match(stderr, / 4 \|     ssl_certificate_key /);
  assert.match(
    stderr,
    /\[emerg\] cannot load CA certificates "\S+\/gone\.pem": no such .*conf:6:37/,
  );
  assert.match(stderr, / 6 \|       proxy_ssl_trusted_certificate gone\.pem/);
});
