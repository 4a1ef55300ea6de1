// Client certificates towards upstream servers, beside real nginx: out of files, with encrypted keys,
// and found by variables. What the upstream sees of them has to be the same.

import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { startProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const pki = await testPki();
const skip = { skip: !nginxAvailable };

async function folderWithPairs(scope: Scope): Promise<string> {
  const folder = tempFolder(scope);
  for (const name of ['one', 'two']) {
    const issued = await pki.root.issue({ commonName: name, purpose: 'client' });
    writeIn(folder, `${name}.crt`, issued.chainPem);
    writeIn(folder, `${name}.key`, issued.keyPem);
  }
  const options = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc' } as const;
  const key = createPrivateKey(pki.client.keyPem).export({ ...options, passphrase: 'second' });
  writeIn(folder, 'locked.crt', pki.client.chainPem);
  writeIn(folder, 'locked.key', key.toString());
  writeIn(folder, 'passwords', 'first\nsecond\n');
  return folder;
}

const pair = (name: string): string =>
  `proxy_ssl_certificate ${name}.crt; proxy_ssl_certificate_key ${name}.key;`;

/** Directives of a location, and what is asked there. */
const cases: readonly { readonly directives: (at: string) => string; readonly query: string }[] = [
  { directives: (at) => pair(`${at}/one`), query: '' },
  { directives: (at) => pair(`${at}/$arg_t`), query: '?t=two' },
  { directives: (at) => pair(`${at}/\${arg_t}`), query: '?t=one' },
  { directives: (at) => pair(`${at}/$arg_t`), query: '?t=gone' },
  {
    directives: () => 'proxy_ssl_certificate $arg_c; proxy_ssl_certificate_key $arg_k;',
    query: '?c=&k=',
  },
  {
    directives: (at) => `${pair(`${at}/locked`)} proxy_ssl_password_file ${at}/passwords;`,
    query: '',
  },
  {
    directives: (at) => `${pair(`${at}/$arg_t`)} proxy_ssl_password_file ${at}/passwords;`,
    query: '?t=locked',
  },
  { directives: (at) => pair(`${at}/$arg_t`), query: '?t=locked' },
  { directives: () => 'proxy_ssl_conf_command MaxProtocol TLSv1.2;', query: '' },
  {
    directives: () =>
      'proxy_ssl_conf_command MinProtocol TLSv1.3;' +
      'proxy_ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;',
    query: '',
  },
];

type Seen = readonly (string | number | null | undefined)[];

/** Asks each case once; gives status, client certificate, version and cipher of each. */
async function run(
  scope: Scope,
  more: string,
  start: (config: string) => Promise<unknown>,
): Promise<Seen[]> {
  const folder = await folderWithPairs(scope);
  const port = await freePort();
  const tls = { ...pki.a.tls, ca: pki.ca, requestCert: true, rejectUnauthorized: false };
  const upstream = await RecordingUpstream.start({ tls }, scope);
  const locations = cases.map(
    ({ directives }, i) => `location /${i} { proxy_pass https://${upstream.address};
      proxy_ssl_verify on; proxy_ssl_trusted_certificate ${pki.caFile}; proxy_ssl_name a.test;
      proxy_ssl_protocols TLSv1.2 TLSv1.3; ${more} ${directives(folder)} }`,
  );
  await start(`events { } http { server { listen 127.0.0.1:${port}; ${locations.join('\n')} } }`);
  const found: Seen[] = [];
  for (const [i, { query }] of cases.entries()) {
    upstream.clear();
    const { status } = await request({ port, path: `/${i}${query}` });
    const seen = upstream.requests[0]?.tls;
    // nginx answers 500 where a file cannot be used.
    found.push([status === 500 ? 502 : status, seen?.clientName, seen?.protocol, seen?.cipher]);
  }
  return found;
}

const expected = ['one', 'two', 'one', undefined, null, 'client', 'client', undefined, null, null];

function names(seen: readonly Seen[]): unknown[] {
  return seen.map(([, name]) => name);
}

test('upstream servers see the same certificates and versions from both', skip, async (t) => {
  const afresh = 'proxy_ssl_session_reuse off;';
  const theirs = await run(t, afresh, (config) => startNginx(config, { scope: t }));
  const ours = await run(t, afresh, (config) => startProxy(config, { scope: t }));
  assert.deepEqual(names(ours), expected);
  assert.deepEqual(ours, theirs);
});

test('a resumed session shows no certificate of another location, as in nginx', skip, async (t) => {
  const theirs = await run(t, '', (config) => startNginx(config, { scope: t }));
  const ours = await run(t, '', (config) => startProxy(config, { scope: t }));
  assert.deepEqual(names(ours), expected);
  assert.notDeepEqual(names(theirs), expected);
});
