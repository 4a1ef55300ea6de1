// `auth_basic` beside real nginx: which passwords are right by which hash, what is asked where, and
// what the logs say of it.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePorts } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { headerValue } from './kit/message.ts';
import { proxyStarter, startProxy, type RunningProxy } from './kit/sallyport.ts';
import type { Scope } from './kit/scope.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

// All for the password "secret", but where the name says otherwise.
const users = `# a comment
des:abNANd1rDfiNc
md5:$1$salt$ez2vlPGdaLYkJam5pWs/Y1:more of the line
apr1:$apr1$saltsalt$LrttParrLPdxvgutaSXWJ0
plain:{PLAIN}secret
sha:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=
ssha:{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0
bcrypt:$2y$05$pUHEgkbEwV/bAzwh8/1evOXXIIbi71BRyV1h.7x32As9CTT0c8OEO
sha256:$5$salt$kpa26zwgX83BPSR8d7w93OIXbFt/d3UOTZaAu5vsTM6
sha512:$6$s$0ONk7Cb6vQHj.WRVKbGZ0Y86yhuLam11L92a6wziCUwhPAmO1YdgYIoxpvS.wNpwTsZveSEo7dJ07No6GUEhX0
empty:{PLAIN}
nothing:
twice:{PLAIN}first
twice:{PLAIN}secret
nocolon
:{PLAIN}nobody
  spaced:{PLAIN}secret
colon:{PLAIN}a:b
last:{PLAIN}secret`;

const names =
  'des md5 apr1 plain sha ssha bcrypt sha256 sha512 empty nothing twice nocolon spaced colon last'.split(
    ' ',
  );

const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

function authorization(text: string): { readonly headers: Readonly<Record<string, string>> } {
  return { headers: { Authorization: basic(text) } };
}

function config(site: Site): string {
  fs.writeFileSync(path.join(site.folder, 'users'), users);
  fs.writeFileSync(path.join(site.folder, 'windows'), 'plain:{PLAIN}secret\r\nbob:{PLAIN}b\r\n');
  fs.mkdirSync(path.join(site.folder, 'www'), { recursive: true });
  fs.writeFileSync(path.join(site.folder, 'www', '401.html'), 'please log in\n');
  return text(site);
}

const text = ({ port, folder, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    root ${folder}/www;
    auth_basic "staff";
    auth_basic_user_file ${folder}/users;
    location / { proxy_set_header Connection ""; proxy_set_header X-User $remote_user; proxy_pass http://group; }
    location /open/ { auth_basic off; proxy_set_header Connection ""; proxy_set_header X-User $remote_user; proxy_pass http://group; }
    location /realm/ { auth_basic "for $arg_who"; proxy_pass http://group; }
    location /maybe/ { auth_basic $arg_realm; proxy_pass http://group; }
    location /windows/ { auth_basic_user_file ${folder}/windows; proxy_pass http://group; }
    location /named/ { auth_basic_user_file ${folder}/$arg_file; proxy_pass http://group; }
    location /folder/ { auth_basic_user_file ${folder}; proxy_pass http://group; }
    location /page/ { error_page 401 /401.html; proxy_pass http://group; }
    location /page-open/ { error_page 401 @open; proxy_pass http://group; }
    location @open { auth_basic off; proxy_pass http://group; }
    location /any-address/ { satisfy any; allow 127.0.0.1; deny all; proxy_pass http://group; }
    location /any-password/ { satisfy any; deny all; proxy_pass http://group; }
    location /all/ { allow 127.0.0.1; deny all; proxy_pass http://group; }
    location /all-denied/ { deny all; proxy_pass http://group; }
    location /except/ {
      auth_basic off;
      limit_except GET { auth_basic "write"; }
      proxy_pass http://group;
    }
    location /return/ { return 200 "before access"; }
  }
}`;

const requests: ComparedRequest[] = [
  { path: '/' },
  { method: 'HEAD', path: '/', ...authorization('plain:secret') },
  { method: 'POST', path: '/', body: 'x' },
  ...names.flatMap((name) => [
    { name: `right password of ${name}`, path: '/', ...authorization(`${name}:secret`) },
    { name: `wrong password of ${name}`, path: '/', ...authorization(`${name}:Secret`) },
    { name: `empty password of ${name}`, path: '/', ...authorization(`${name}:`) },
  ]),
  { name: 'spaced user', path: '/', ...authorization('  spaced:secret') },
  { name: 'of two lines the first', path: '/', ...authorization('twice:first') },
  { name: 'colon in the password', path: '/', ...authorization('colon:a:b') },
  { name: 'until the colon', path: '/', ...authorization('colon:a') },
  { name: 'no colon', path: '/', ...authorization('plain') },
  { name: 'empty user', path: '/', ...authorization(':nobody') },
  { name: 'empty', path: '/', headers: { Authorization: 'Basic ' } },
  { name: 'lower case', path: '/', headers: { Authorization: 'basic cGxhaW46c2VjcmV0' } },
  { name: 'spaces', path: '/', headers: { Authorization: 'Basic    cGxhaW46c2VjcmV0' } },
  { name: 'bad base64', path: '/', headers: { Authorization: 'Basic cGxhaW46c2V*cmV0' } },
  { name: 'after the padding', path: '/', headers: { Authorization: 'Basic cGxhaW46c2VjcmV0==x' } },
  { name: 'another scheme', path: '/', headers: { Authorization: 'Bearer cGxhaW46c2VjcmV0' } },
  { path: '/open/' },
  { path: '/open/', ...authorization('anybody:x') },
  { path: '/realm/?who=bob' },
  { path: '/maybe/?realm=off' },
  { path: '/maybe/?realm=on' },
  { path: '/maybe/' },
  { path: '/windows/', ...authorization('plain:secret') },
  { path: '/windows/', ...authorization('bob:b') },
  { path: '/named/?file=users', ...authorization('plain:secret') },
  { path: '/named/?file=none', ...authorization('plain:secret') },
  { path: '/folder/', ...authorization('plain:secret') },
  { path: '/page/' },
  { path: '/page/', ...authorization('plain:secret') },
  { path: '/page-open/' },
  { path: '/any-address/' },
  { path: '/any-password/' },
  { path: '/any-password/', ...authorization('bcrypt:secret') },
  { path: '/any-password/', ...authorization('bcrypt:wrong') },
  { path: '/all/' },
  { path: '/all/', ...authorization('apr1:secret') },
  { path: '/all-denied/', ...authorization('apr1:secret') },
  { path: '/except/' },
  { method: 'POST', path: '/except/', body: 'x' },
  { method: 'POST', path: '/except/', body: 'x', ...authorization('sha512:secret') },
  { path: '/return/' },
];

test('auth_basic lets through whom nginx lets through', { skip, timeout: 60_000 }, async (t) => {
  assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
});

const simple = (port: number, more = ''): string => `
http {
  ${more}
  server {
    listen 127.0.0.1:${port};
    auth_basic staff;
    auth_basic_user_file users;
    location / { error_page 404 =200 @welcome; }
    location @welcome { return 200 "welcome $remote_user"; }
  }
}`;

async function started(t: Scope, more = ''): Promise<RunningProxy & { readonly port: number }> {
  const folder = tempFolder(t);
  fs.writeFileSync(path.join(folder, 'users'), users);
  const [port = 0] = await freePorts(1);
  return { ...(await startProxy(simple(port, more), { folder, scope: t })), port };
}

test('what is wrong with a password is logged as by nginx', async (t) => {
  const { port, errorLog, folder } = await started(t);
  await request({ port });
  await request({ port, ...authorization('nobody:x') });
  await request({ port, ...authorization('bcrypt:x') });
  fs.rmSync(path.join(folder, 'users'));
  assert.equal((await request({ port, ...authorization('plain:secret') })).status, 403);
  const log = await eventually('the last line', () => /open\(\).*/s.exec(errorLog())?.input);
  assert.match(log, /\[info\] .*no user\/password was provided for basic authentication, client: /);
  assert.match(log, /\[error\] .*user "nobody" was not found in ".*\/users", client: /);
  assert.match(log, /\[error\] .*user "bcrypt": password mismatch, client: /);
  assert.match(log, /\[error\] .*open\(\) ".*\/users" failed \(2: No such file or directory\)/);
});

test('a change of the user file counts at once', async (t) => {
  const { port, folder } = await started(t);
  const ask = async (): Promise<number> =>
    (await request({ port, ...authorization('bcrypt:secret') })).status;
  assert.equal(await ask(), 200);
  assert.equal(await ask(), 200);
  fs.writeFileSync(path.join(folder, 'users'), 'bcrypt:{PLAIN}other\n');
  assert.equal(await ask(), 401);
});

test('a slow hash does not hold up other requests', async (t) => {
  const { port, folder } = await started(t);
  // Some seconds of work; nobody waits for its end.
  fs.appendFileSync(path.join(folder, 'users'), '\nslow:$6$rounds=3000000$salt$x\n');
  const slow = await RawConnection.open({ port });
  await slow.send(`GET / HTTP/1.1\r\nHost: a\r\nAuthorization: ${basic('slow:secret')}\r\n\r\n`);
  const other = await request({ port, ...authorization('plain:secret') });
  assert.equal(other.body.toString(), 'welcome plain');
  assert.equal(slow.received.rest.length, 0);
  slow.close();
});

test('many clients with one slow password are all let through', async (t) => {
  const { port } = await started(t);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => request({ port, ...authorization('sha512:secret') })),
  );
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
});

test('auth_delay holds a refusal back and nothing else', async (t) => {
  const { port, errorLog } = await started(t, 'auth_delay 300ms;');
  const refused = await RawConnection.open({ port });
  await refused.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  await eventually('the delay', () => /\[info\] .*delaying unauthorized request/.test(errorLog()));
  assert.equal((await request({ port, ...authorization('plain:secret') })).status, 200);
  assert.equal(refused.received.rest.length, 0);
  const answer = await refused.response();
  assert.equal(answer.status, 401);
  assert.equal(headerValue(answer.headers, 'www-authenticate'), 'Basic realm="staff"');
  refused.close();
});
