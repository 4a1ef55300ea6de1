// What the directives of access take and refuse (auth_basic, auth_request, mirror, realip, referer,
// secure_link, the PROXY protocol): the same as nginx, in its words and on its lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { disagreement } from './kit/config-verdicts.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { tempFolder } from './kit/temp-folder.ts';

const inServer = (lines: string): string =>
  `access_log off; server { listen 127.0.0.1:12999;\n${lines}\n}`;
const inLocation = (lines: string): string => inServer(`location / {\n${lines}\n}`);

const lines: readonly string[] = [
  'auth_basic a;',
  'auth_basic a b;',
  'auth_basic;',
  'auth_basic a; auth_basic b;',
  'auth_basic "for $uri";',
  'auth_basic "for $nosuch";',
  'auth_basic a; auth_basic_user_file;',
  'auth_basic a; auth_basic_user_file nosuch;',
  'auth_basic a; auth_basic_user_file $nosuch;',
  'auth_basic_user_file a; auth_basic_user_file b;',
  'auth_delay 1s;',
  'auth_delay x;',
  'auth_delay -1;',
  'auth_request /a;',
  'auth_request off;',
  'auth_request /a;\nauth_request /b;',
  'auth_request;',
  'auth_request_set $a b;',
  'auth_request_set a b;',
  'auth_request_set $ b;',
  'auth_request_set $a;',
  'auth_request_set $a $nosuch;',
  'auth_request_set $a b;\nauth_request_set $a c;',
  'auth_request_set $uri b;',
  'auth_request_set $args b;',
  'auth_request_set $a b;\nadd_header A $a;',
  'log_subrequest on;',
  'log_subrequest x;',
  'mirror /a;',
  'mirror off;',
  'mirror /a;\nmirror /b;',
  'mirror off;\nmirror /b;',
  'mirror /a;\nmirror off;',
  'mirror off;\nmirror off;',
  'mirror;',
  'mirror_request_body on;',
  'mirror_request_body x;',
  'set_real_ip_from 10.0.0.0/8;',
  'set_real_ip_from 10.0.0.1/8;',
  'set_real_ip_from 10.0.0.0/33;',
  'set_real_ip_from 10.0.0.0/x;',
  'set_real_ip_from ::/0;',
  'set_real_ip_from ::/129;',
  'set_real_ip_from unix:;',
  'set_real_ip_from localhost;',
  'set_real_ip_from nosuch.invalid;',
  'set_real_ip_from "";',
  'set_real_ip_from;',
  'real_ip_header X-A;',
  'real_ip_header X-A;\nreal_ip_header X-B;',
  'real_ip_header proxy_protocol;',
  'real_ip_recursive on;',
  'real_ip_recursive x;',
  'valid_referers a.test;',
  'valid_referers none;',
  'valid_referers none blocked;',
  'valid_referers server_names;',
  'valid_referers "";',
  'valid_referers ~;',
  'valid_referers a.*.test;',
  'valid_referers *;',
  'valid_referers *.;',
  'valid_referers a..b;',
  'valid_referers *.a.*;',
  'valid_referers a.test a.test;',
  'valid_referers a.test/x a.test/y;',
  'valid_referers *.a.test .a.test;',
  'valid_referers;',
  'secure_link $arg_a;',
  'secure_link $nosuch;',
  'secure_link_md5 a;',
  'secure_link a; secure_link b;',
  'secure_link_secret a;',
  'secure_link_secret a; secure_link_secret b;',
];

const listens: readonly string[] = [
  'listen 127.0.0.1:12998 proxy_protocol;',
  'listen 127.0.0.1:12998 proxy_protocol=on;',
  'listen 127.0.0.1:12998 proxy_protocol proxy_protocol;',
  'listen 127.0.0.1:12998; listen 127.0.0.1:12997 proxy_protocol;',
];

async function disagreements(
  cases: readonly string[],
  place: (lines: string) => string,
  folder: string,
): Promise<string> {
  const problems: string[] = [];
  for (const one of cases) {
    const found = await disagreement(`events {}\nhttp {\n${place(one)}\n}\n`, folder);
    if (found !== null) problems.push(`${one}\n  ${found}`);
  }
  return problems.join('\n');
}

test('arguments are taken and refused as by nginx', { skip: !nginxAvailable }, async (t) => {
  assert.equal(await disagreements(lines, inLocation, tempFolder(t)), '');
});

test('so is the PROXY protocol of listen', { skip: !nginxAvailable }, async (t) => {
  assert.equal(await disagreements(listens, inServer, tempFolder(t)), '');
});

test('two ways to secure links do not mix', async (t) => {
  const folder = tempFolder(t);
  const text = `events {} http { ${inLocation('secure_link_secret a; secure_link b;')} }`;
  const loaded = await loadConfig({ file: `${folder}/a.conf`, text, prefix: folder });
  assert.deepEqual(
    loaded.diagnostics.map(({ message }) => message),
    ['"secure_link_secret" cannot be mixed with "secure_link" and "secure_link_md5"'],
  );
});

test('auth_basic without a file is warned of: it protects nothing', async (t) => {
  const folder = tempFolder(t);
  const text = `events {} http { ${inLocation('auth_basic a;')} }`;
  const loaded = await loadConfig({ file: `${folder}/a.conf`, text, prefix: folder });
  assert.match(loaded.diagnostics[0]?.message ?? '', /"auth_basic" without a user file protects/);
  assert.equal(loaded.ok, true);
});
