// Broken configurations: what nginx says of each, we say in the same words and on the same line;
// all errors come in one run, each with its file, line and column, and nothing is started.

import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatDiagnostic, loadConfig, type Diagnostic } from '../src/index.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { testPki } from './kit/pki.ts';
import { freePort } from './kit/ports.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

/** Where the body of a case stands: in `http`, a `server`, or a `location /`. */
const places = {
  main: (text: string): string => `events {}\n${text}\nhttp {}\n`,
  http: (text: string): string => `events {}\nhttp {\naccess_log off;\n${text}\n}\n`,
  server: (text: string): string =>
    `events {}\nhttp {\naccess_log off; server { listen 127.0.0.1:12999;\n${text}\n} }\n`,
  location: (text: string): string =>
    `events {}\nhttp {\naccess_log off; server { listen 127.0.0.1:12999; location / {\n${text}\n} } }\n`,
  file: (text: string): string => text,
} as const;

type Place = keyof typeof places;

/** Said by both, in the same words and on the same line. */
const same: readonly (readonly [Place, string])[] = [
  // ---- the language
  ['main', 'frobnicate on;'],
  ['server', 'frobnicate on;'],
  ['location', 'listen 80;'],
  ['http', 'proxy_pass http://127.0.0.1:1;'],
  ['http', 'location / { }'],
  ['main', 'server { }'],
  ['server', 'events { }'],
  ['server', 'upstream u { server 127.0.0.1:1; }'],
  ['location', 'proxy_pass;'],
  ['location', 'proxy_pass http://127.0.0.1:1 http://127.0.0.1:2;'],
  ['location', 'proxy_set_header Host;'],
  ['server', 'server_name;'],
  ['server', 'keepalive_timeout 1 2 3;'],
  ['server', 'location { }'],
  ['server', 'location = /a b { }'],
  ['location', 'internal on;'],
  ['server', 'location /a;'],
  ['location', 'proxy_buffering on { }'],
  ['file', 'events {}\nhttp {\n'],
  ['file', 'events {}\nhttp {\n}\n}\n'],
  ['file', 'events {}\nhttp {\nkeepalive_timeout 5\n'],
  ['file', 'http { }\n'],
  ['file', 'events { }\nevents { }\nhttp { }\n'],
  ['file', 'events { }\nhttp { }\nhttp { }\n'],
  ['file', ''],
  ['http', 'include missing.conf;'],
  ['http', 'keepalive_timeout 5; keepalive_timeout 6;'],
  ['http', 'server { listen 127.0.0.1:12999; root a; root b; }'],
  // ---- values
  ['location', 'proxy_buffering maybe;'],
  ['location', 'proxy_read_timeout never;'],
  ['location', 'proxy_read_timeout 5x;'],
  ['location', 'proxy_buffer_size 4q;'],
  ['location', 'client_max_body_size -1;'],
  ['location', 'client_max_body_size 1t;'],
  ['location', 'keepalive_requests x;'],
  ['location', 'proxy_http_version 2;'],
  ['location', 'proxy_buffers 0 4k;'],
  ['location', 'proxy_buffers 8;'],
  ['location', 'proxy_next_upstream error sometimes;'],
  ['location', 'proxy_next_upstream_tries many;'],
  ['location', 'proxy_redirect somewhere;'],
  ['location', 'keepalive_timeout soon;'],
  ['location', 'keepalive_timeout 5 soon;'],
  ['server', 'large_client_header_buffers 4;'],
  ['main', 'worker_processes several;'],
  ['file', 'events { worker_connections x; }\nhttp { }\n'],
  ['main', 'error_log /dev/null loud;'],
  // ---- locations
  ['server', 'location /a { }\nlocation /a { }'],
  ['server', 'location = /a { }\nlocation = /a { }'],
  ['server', 'location ^~ /a { }\nlocation /a { }'],
  ['server', 'location ! /a { }'],
  ['server', 'location /a {\nlocation /b { } }'],
  ['server', 'location = /a {\nlocation /a/b { } }'],
  ['server', 'location @a {\nlocation /a { } }'],
  ['server', 'location /a {\nlocation @b { } }'],
  ['server', 'location ~ ^/a {\nlocation /a/b { } }'],
  ['server', 'location = /a {\nlocation ~ b { } }'],
  // ---- return, error_page
  ['location', 'return x;'],
  ['location', 'return 1000;'],
  ['location', 'return -1;'],
  ['location', 'return 200 a b;'],
  ['location', 'return;'],
  ['location', 'return 301x /a;'],
  ['location', 'return 200 $missing;'],
  ['location', 'return 200 "${unclosed";'],
  ['location', 'return 200 "$";'],
  ['location', 'error_page 404;'],
  ['location', 'error_page 200 /x;'],
  ['location', 'error_page 600 /x;'],
  ['location', 'error_page x /x;'],
  ['location', 'error_page 499 /x;'],
  ['location', 'error_page =200 /x;'],
  ['location', 'error_page 404 =x /x;'],
  ['location', 'error_page 404 $missing;'],
  // ---- listen, server_name
  ['server', 'listen 99999;'],
  ['server', 'listen 127.0.0.1:x;'],
  ['server', 'listen 127.0.0.1:99999;'],
  ['server', 'listen :80;'],
  ['server', 'listen [::1;'],
  ['server', 'listen [zz]:80;'],
  ['server', 'listen unix:;'],
  ['server', 'listen 127.0.0.1:12998 sometimes;'],
  ['server', 'listen 127.0.0.1:12998 backlog=x;'],
  ['server', 'listen 127.0.0.1:12998;\nlisten 127.0.0.1:12998;'],
  ['server', 'listen nowhere.invalid:80;'],
  [
    'http',
    'server { listen 127.0.0.1:12999 default_server; }\nserver { listen 127.0.0.1:12999 default_server; }',
  ],
  ['server', 'server_name *;'],
  ['server', 'server_name **.a;'],
  ['server', 'server_name *a.b;'],
  ['server', 'server_name .;'],
  // ---- upstream, proxy_pass
  ['http', 'upstream u { }'],
  ['http', 'upstream u { server 127.0.0.1:1; }\nupstream u { server 127.0.0.1:2; }'],
  ['http', 'upstream u { server nowhere.invalid; }'],
  ['http', 'upstream u { server 127.0.0.1:x; }'],
  ['http', 'upstream u { server 127.0.0.1:1 weight=0; }'],
  ['http', 'upstream u { server 127.0.0.1:1 weight=x; }'],
  ['http', 'upstream u { server 127.0.0.1:1 fail_timeout=x; }'],
  ['http', 'upstream u { server 127.0.0.1:1 max_fails=x; }'],
  ['http', 'upstream u { server 127.0.0.1:1 sideways; }'],
  ['http', 'upstream u { keepalive 2; keepalive 3; server 127.0.0.1:1; }'],
  ['http', 'upstream u { server 127.0.0.1:1; keepalive x; }'],
  ['http', 'upstream u { proxy_pass http://127.0.0.1:1; }'],
  ['http', 'upstream { server 127.0.0.1:1; }'],
  ['http', 'upstream u { server; }'],
  ['location', 'proxy_pass http://nowhere.invalid;'],
  ['location', 'proxy_pass nothing;'],
  ['location', 'proxy_pass http://$missing;'],
  [
    'location',
    'proxy_pass http://127.0.0.1:1;\nproxy_redirect default;\nproxy_set_header A $missing;',
  ],
  ['location', 'proxy_pass http://127.0.0.1:1; proxy_redirect http://a $missing;'],
  // ---- logs, types
  ['http', 'log_format a "$missing"; server { listen 127.0.0.1:12999; access_log /dev/null a; }'],
  ['http', 'log_format a "x"; log_format a "y"; server { listen 127.0.0.1:12999; }'],
  ['http', 'log_format combined "x"; server { listen 127.0.0.1:12999; }'],
  ['http', 'log_format a escape=maybe "x";'],
  ['http', 'log_format a;'],
  ['location', 'access_log /dev/null missing;'],
  ['location', 'access_log /nonexistent/folder/access.log;'],
  ['http', 'types { text/html html { } }'],
  ['server', 'location /a { alias /x; root /y; }'],
  ['server', 'root /x;\nroot /y;'],
  // ---- TLS
  ['server', 'listen 127.0.0.1:12998 ssl;'],
  ['server', 'ssl_certificate only.pem;\nlisten 127.0.0.1:12998 ssl;'],
  ['server', 'ssl_protocols SSLv9;'],
  ['server', 'ssl_verify_client perhaps;'],
  ['server', 'ssl_session_timeout x;'],
  ['location', 'proxy_ssl_verify_depth x;'],
  ['location', 'proxy_ssl_server_name perhaps;'],
  ['location', 'proxy_ssl_protocols TLSv9;'],
];

/** Said on the same line, in words of our own that are clearer; or not said by one of the two. */
const different: readonly (readonly [Place, string, RegExp | null])[] = [
  // A text of one's own, which only nginx's commercial version takes.
  ['http', 'server_tokens perhaps;', null],
  // nginx takes the first and ignores the second.
  ['server', 'location @a { }\nlocation @a { }', /^duplicate location "@a"$/],
  // nginx takes names that can't match anything.
  ['server', 'server_name a.*.b;', /^server name "a\.\*\.b" is invalid$/],
  ['server', 'server_name a/b;', /^server name "a\/b" is invalid$/],
  // nginx names the end of the file, we the place where the quote was opened.
  [
    'file',
    'events {}\nhttp { server_tokens "off; }\n',
    /^unexpected end of file, expecting ";" or "}"$/,
  ],
  // nginx has no third word.
  [
    'location',
    'proxy_ssl_verify perhaps;',
    /^invalid value "perhaps" in .*, it must be "on", "off" or "report"$/,
  ],
  // Encryption without a name to verify would not be verified.
  [
    'location',
    'proxy_pass https://unix:/x.sock;',
    /^the name to verify is unknown for a unix socket$/,
  ],
];

async function errorsOf(text: string, folder: string): Promise<readonly Diagnostic[]> {
  const loaded = await loadConfig({ file: join(folder, 'nginx.conf'), text, prefix: folder });
  return loaded.ok ? [] : loaded.diagnostics.filter((one) => one.severity === 'error');
}

function nginxSays(text: string, folder: string): { message: string; line: number } | null {
  const verdict = checkConfig(text, { folder });
  const first = verdict.messages.find((one) => one.startsWith('[emerg] '));
  if (first === undefined) return null;
  const match = /^\[emerg\] (.*?)(?: in nginx\.conf:(\d+))?$/s.exec(first);
  return { message: match?.[1] ?? '', line: Number(match?.[2] ?? 0) };
}

test('what nginx says of a broken configuration, we say in the same words', { skip }, async (t) => {
  const folder = tempFolder(t);
  const problems: string[] = [];
  for (const [place, body] of same) {
    const text = places[place](body);
    const theirs = nginxSays(text, folder);
    const ours = await errorsOf(text, folder);
    const found = ours.some(
      ({ message, at }) =>
        message.replaceAll(`${folder}/`, '') === theirs?.message &&
        (theirs.line === 0 || at?.line === theirs.line),
    );
    const shown = ours.map((one) => `${one.message} :${one.at?.line ?? 0}`).join(' | ');
    if (!found)
      problems.push(
        `${body}\n  nginx: ${theirs?.message ?? 'ok'} :${theirs?.line ?? 0}\n  we: ${shown}`,
      );
  }
  assert.ok(problems.length === 0, problems.join('\n'));
});

test('where we say something else, nginx speaks of the same thing', { skip }, async (t) => {
  const folder = tempFolder(t);
  for (const [place, body, words] of different) {
    const text = places[place](body);
    const ours = await errorsOf(text, folder);
    if (words === null) assert.deepEqual(ours, [], body);
    else
      assert.ok(
        ours.some((one) => words.test(one.message)),
        `${body}: ${ours[0]?.message ?? 'ok'}`,
      );
    const theirs = nginxSays(text, folder);
    const alike = ours.some(
      ({ message, at }) => message === theirs?.message && at?.line === theirs.line,
    );
    assert.ok(!alike, `the same: ${body}`);
  }
});

test('all errors come in one run, with file, line, column and the line itself', async (t) => {
  const folder = tempFolder(t);
  writeIn(folder, 'part.conf', 'location /b {\n  proxy_pas http://127.0.0.1:1;\n}\n');
  const text = [
    'events {}',
    'http {',
    '  keepalive_timeout soon;',
    '  upstream u { }',
    '  server {',
    '    listen 99999;',
    '    include part.conf;',
    '    location /a { proxy_pass http://nowhere.invalid; }',
    '    location /a { return 200 $remote_adr; }',
    '    access_log /dev/null maine;',
    '  }',
    '}',
  ].join('\n');
  const errors = await errorsOf(text, folder);
  const shown = errors.map(
    ({ message, at }) =>
      `${(at?.file ?? '').replace(`${folder}/`, '')}:${at?.line ?? 0}:${at?.column ?? 0} ${message}`,
  );
  assert.deepEqual(shown.sort(), [
    'nginx.conf:10:26 unknown log format "maine"',
    'nginx.conf:3:21 "keepalive_timeout" directive invalid value',
    'nginx.conf:4:3 no servers are inside upstream',
    'nginx.conf:6:12 invalid port in "99999" of the "listen" directive',
    'nginx.conf:8:30 host not found in upstream "nowhere.invalid"',
    'nginx.conf:9:30 unknown "remote_adr" variable',
    'nginx.conf:9:5 duplicate location "/a"',
    'part.conf:2:3 unknown directive "proxy_pas"',
  ]);
  const typo = errors.find((one) => one.message.includes('remote_adr'));
  assert.equal(typo?.hint, 'did you mean "$remote_addr"?');
  const directive = errors.find((one) => one.message.includes('proxy_pas'));
  assert.match(directive?.hint ?? '', /proxy_pass/);
  assert.ok(
    directive !== undefined &&
      formatDiagnostic(directive).includes('proxy_pas http://127.0.0.1:1;'),
  );
});

test('with any error nothing is started', async (t) => {
  const port = await freePort();
  const text = `http {
    server { listen 127.0.0.1:${port}; return 200; }
    server { listen 127.0.0.1:${port}; retrun 200; }
  }`;
  await assert.rejects(startProxy(text, { scope: t }), /unknown directive "retrun"/);
  const refused = await new Promise((resolve) => {
    const socket = createConnection({ port, host: '127.0.0.1' });
    socket.once('error', () => resolve(true));
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
  });
  assert.ok(refused, 'something listens');
});

test('files that are missing, unreadable, broken or of another key are named', async (t) => {
  const folder = tempFolder(t);
  const pki = await testPki();
  const write = (name: string, value: string): string => writeIn(folder, name, value);
  write('a.pem', pki.a.tls.cert);
  write('a.key', pki.a.tls.key);
  write('b.key', pki.b.tls.key);
  write('junk.pem', 'no certificate here\n');
  const server = (certificate: string, key: string): string =>
    `events {}\nhttp { server { listen 127.0.0.1:12999 ssl;\n` +
    `ssl_certificate ${certificate};\nssl_certificate_key ${key};\nreturn 200; } }\n`;
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['missing.pem', 'a.key', /"[^"]*missing\.pem".*no such file/i],
    ['a.pem', 'missing.key', /"[^"]*missing\.key".*no such file/i],
    ['junk.pem', 'a.key', /junk\.pem/],
    ['a.pem', 'junk.pem', /junk\.pem/],
    ['a.pem', 'b.key', /(?=.*a\.pem)?.*b\.key|key values mismatch/],
  ];
  for (const [certificate, key, words] of cases) {
    const errors = await errorsOf(server(certificate, key), folder);
    assert.ok(
      errors.some((one) => words.test(one.message) && one.at !== null),
      `${certificate} with ${key}: ${errors.map((one) => one.message).join(' | ')}`,
    );
  }
  assert.deepEqual(await errorsOf(server('a.pem', 'a.key'), folder), []);
  const trusted = `events {}\nhttp { server { listen 127.0.0.1:12999; location / {
    proxy_pass https://127.0.0.1:1;\nproxy_ssl_trusted_certificate absent.pem; } } }`;
  const [error] = await errorsOf(trusted, folder);
  assert.match(error?.message ?? '', /absent\.pem/);
});

test(
  'what can not be read is said with the reason',
  { skip: process.getuid?.() === 0 },
  async (t) => {
    const folder = tempFolder(t);
    const file = writeIn(folder, 'secret.conf', 'return 200;');
    chmodSync(file, 0);
    const [error] = await errorsOf(places.server('include secret.conf;'), folder);
    assert.match(error?.message ?? '', /secret\.conf.*\(13: Permission denied\)/);
  },
);
