// Nobody gets a file from outside of the folders that the configuration names: whatever stands in the
// path, in arguments and fields that variables put into a path, and in what an upstream server says
// where to go. Everything that must not be seen holds one word, and no answer may have it.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { eventually } from '../kit/eventually.ts';
import { freePort } from '../kit/ports.ts';
import { RecordingUpstream } from '../kit/recording-upstream.ts';
import { startProxy } from '../kit/sallyport.ts';
import { tempFolder, writeIn } from '../kit/temp-folder.ts';
import { deliver, statusesIn } from './kit/delivery.ts';
import { proved } from './kit/proved.ts';

const secret = 'word-of-honour';
const inside = 'inside';

const folder = tempFolder();
const port = await freePort();

function makeFiles(): void {
  for (const name of ['www/dir', 'img/deep', 'img-private', 'users', 'logs', 'store', 'any']) {
    mkdirSync(path.join(folder, name), { recursive: true });
  }
  for (const name of ['www/a.txt', 'www/dir/b.txt', 'img/a.txt', 'img/deep/b.txt']) {
    writeIn(folder, name, inside);
  }
  for (const name of ['secret.txt', 'img-private/secret.txt', 'sallyport.key']) {
    writeIn(folder, name, secret);
  }
  writeIn(folder, 'users/staff', 'anna:{PLAIN}right\n');
  writeIn(folder, 'others', 'anna:{PLAIN}stolen\n');
  symlinkSync('../secret.txt', path.join(folder, 'www/linked-file'));
  symlinkSync('../img-private', path.join(folder, 'www/linked-folder'));
  symlinkSync('../secret.txt', path.join(folder, 'any/linked-file'));
}

function configuration(upstream: string): string {
  return `http {
    server { listen 127.0.0.1:${port}; root ${folder}/www;
      access_log ${folder}/logs/$http_x_log;
      location / { }
      location /img { alias ${folder}/img/; }
      location /pics/ { alias ${folder}/img/; }
      location ~ ^/v(.*)$ { alias ${folder}/img/$1; }
      location ~ ^/w(.*)-(.*)$ { alias ${folder}/img/$2$1/a.txt; }
      location /arg/ { root ${folder}/www/$arg_f; }
      location /field/ { root ${folder}/www/$http_x_folder; }
      location /aliased { alias ${folder}/img/$arg_f; }
      location /try/ { try_files $arg_f /dir/$arg_f =404; }
      location /rewritten/ { rewrite ^ /$arg_f? break; }
      location /moved/ { rewrite ^ /$arg_f? last; }
      location /index/ { alias ${folder}/img/; index $arg_f a.txt; }
      location /error/ { error_page 404 /$arg_f; return 404; }
      location /listed/ { alias ${folder}/www/; autoindex on; autoindex_format json; }
      location /accel/ { proxy_pass http://${upstream}; }
      location /private/ { internal; alias ${folder}/img/; }
      location /stored/ { proxy_pass http://${upstream}; proxy_store ${folder}/store/$arg_f; }
      location /kept/ { proxy_pass http://${upstream}; proxy_store on;
        rewrite ^ /$arg_f? break; root ${folder}/store; }
      location /guarded/ { alias ${folder}/img/; auth_basic x;
        auth_basic_user_file ${folder}/users/$arg_f; }
      location /links/ { alias ${folder}/www/; disable_symlinks on from=${folder}; autoindex on; }
      location /owner/ { alias ${folder}/www/; disable_symlinks on from=${folder}/www;
        autoindex on; autoindex_format json; }
      location /any/ { root ${folder}; disable_symlinks on from=${folder}; random_index on; }
    }
  }`;
}

makeFiles();
// Sends to where the argument says, and stores what it says.
const upstream = await RecordingUpstream.start({
  answer: ({ target }) => {
    const to = /[?&]to=([^&]*)/.exec(target)?.[1];
    return to === undefined
      ? { body: 'of the upstream' }
      : { headers: [['X-Accel-Redirect', decodeURIComponent(to)]], body: 'not followed' };
  },
});
const proxy = await startProxy(configuration(upstream.address), { folder });

async function ask(target: string, ...fields: readonly string[]): Promise<string> {
  const lines = [`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: close', ...fields, '', ''];
  return await deliver({ port }, lines.join('\r\n'), 'whole');
}

async function refused(target: string, ...fields: readonly string[]): Promise<void> {
  const answer = await ask(target, ...fields);
  assert.ok(!answer.includes(secret), `${target} ${fields.join()}: ${answer}`);
  const [status = 0] = statusesIn(answer);
  assert.ok(status >= 300 || answer.endsWith(inside), `${target} ${fields.join()}: ${answer}`);
  proved();
}

/** Ways to write "up" and "down". */
const ups = ['..', '%2e%2e', '.%2e', '%2E.', '%252e%252e', '%c0%ae%c0%ae', '%ff%ff', '..;', '...'];
const slashes = ['/', '%2f', '%2F', '%5c', '\\', '//', '/./', '%c0%af', '/%2e/', '%252f'];

/** Attempts to reach a file from a place in the path. */
function climbs(file: string): readonly string[] {
  const found: string[] = [];
  for (const up of ups) {
    for (const slash of slashes) {
      for (const times of [1, 2, 3]) found.push(`${`${up}${slash}`.repeat(times)}${file}`);
    }
  }
  return [
    ...found,
    ...[`dir/../../${file}`, `dir/../..${file}`, `%2e%2e%00/${file}`, `..%00/${file}`],
    ...[`a.txt/../../${file}`, `a.txt%00../../${file}`, `../${file}%00.txt`, `./../${file}/.`],
    ...[`%2e%2e\t/${file}`, `~/../${file}`, `..../${file}`, `.//..//${file}`, `../${file}/`],
    `${'d/'.repeat(500)}${'../'.repeat(501)}${file}`,
    `${'../'.repeat(1000)}${file}`,
    `${'x'.repeat(5000)}/../../${file}`,
  ];
}

const prefixes = ['/', '/dir/', '/img', '/img/', '/img/deep/', '/pics/', '/v', '/v/', '/listed/'];

for (const prefix of [...prefixes, '/links/', '/private/', 'http://x/', '/index/']) {
  test(`no path below "${prefix}" leads out`, async (t) => {
    const files = ['secret.txt', 'img-private/secret.txt'];
    const targets = files.flatMap(climbs).map((climb) => prefix + climb);
    for (const target of targets) await refused(target);
    t.diagnostic(`${targets.length} paths`);
  });
}

test('the two halves of a pattern are not put together to lead up', async () => {
  for (const target of ['/w./secret.txt-.', '/w/secret.txt-..', '/w/../secret.txt-', '/w/-..']) {
    await refused(target);
  }
});

test('the files inside are there, or the tables above would prove nothing', async () => {
  const good = ['/a.txt', '/dir/../a.txt', '/%61.txt', '/img/a.txt', '/imga.txt', '/pics/a.txt'];
  const more = ['/pics/deep/../a.txt', '/v/a.txt', '/vdeep/b.txt', '/w/deep-.', '/index/'];
  const byName = ['/try/?f=/dir/b.txt', '/try/?f=b.txt', '/rewritten/?f=dir/b.txt'];
  const other = ['/moved/?f=a.txt', '/error/?f=a.txt', '/aliased?f=a.txt', '/index/?f=a.txt'];
  for (const target of [...good, ...byName, ...other, '/accel/?to=/private/a.txt']) {
    const answer = await ask(target);
    assert.ok(answer.endsWith(inside), `${target}: ${answer}`);
    proved();
  }
  for (const target of more.slice(0, 3)) assert.match(await ask(target), /inside$/, target);
});

/** For variables, which are put into a path as they are. */
const rawClimbs = [
  ...['../secret.txt', '/../secret.txt', './../secret.txt', 'dir/../../secret.txt', '..'],
  ...['../../secret.txt', '../img-private/secret.txt', '//..//secret.txt', '../secret.txt/'],
  ...['%2e%2e/secret.txt', '..%2fsecret.txt', '../secret.txt%00', '/..//../secret.txt'],
];

const byArgument = ['/arg/x', '/aliased', '/try/', '/rewritten/', '/moved/', '/index/', '/error/'];

for (const place of byArgument) {
  test(`an argument that becomes part of a path cannot lead out: ${place}`, async () => {
    for (const climb of rawClimbs) await refused(`${place}?f=${climb}`);
  });
}

test('a folder that a client names stays below the one of the configuration', async () => {
  for (const [given, file] of [
    ['..', 'secret.txt'],
    ['../img-private', 'secret.txt'],
    ['dir/../..', 'secret.txt'],
    ['./..', 'sallyport.key'],
  ]) {
    await refused(`/field/../${file ?? ''}`, `X-Folder: ${given ?? ''}`);
    await refused(`/arg/${file ?? ''}?f=${given ?? ''}`);
    await refused(`/field/${file ?? ''}`, `X-Folder: ${given ?? ''}`);
  }
});

test('where an upstream server sends to is no way out', async () => {
  const targets = rawClimbs.flatMap((climb) => [`/private/${climb}`, `/private${climb}`, climb]);
  for (const to of [...targets, '/private/%252e%252e/secret.txt', '/accel/x', '@none', '']) {
    const answer = await ask(`/accel/?to=${encodeURIComponent(to)}`);
    assert.ok(!answer.includes(secret), `${to}: ${answer}`);
    proved();
  }
});

test('what is stored stays in its folder', async () => {
  const stored = path.join(folder, 'store');
  assert.match(await ask('/stored/?f=good'), /of the upstream/);
  await eventually('the copy', () => existsSync(path.join(stored, 'good')));
  const before = readdirSync(folder).sort();
  for (const climb of ['../evil', '../www/evil.txt', 'x/../../evil', '/../evil', '..']) {
    await ask(`/stored/?f=${climb}`);
    await ask(`/kept/?f=${climb}`);
    proved(2);
  }
  // Copies are published in order of their ends.
  await ask('/stored/?f=last');
  await eventually('the last copy', () => existsSync(path.join(stored, 'last')));
  assert.deepEqual(readdirSync(folder).sort(), before);
  assert.deepEqual(readdirSync(path.join(folder, 'www')).includes('evil.txt'), false);
});

test('a list of users is not taken from elsewhere', async () => {
  const login = (password: string): string =>
    `Authorization: Basic ${Buffer.from(`anna:${password}`).toString('base64')}`;
  assert.match(await ask('/guarded/a.txt?f=staff', login('right')), /inside$/);
  for (const climb of ['../others', 'x/../../others', './../others']) {
    const [status] = statusesIn(await ask(`/guarded/a.txt?f=${climb}`, login('stolen')));
    assert.equal(status, 500, climb);
    proved();
  }
});

test('a log that a client names is made in its folder alone', async () => {
  for (const name of ['../evil.log', '/../evil.log', 'x/../../evil.log', 'good.log']) {
    await ask('/a.txt', `X-Log: ${name}`);
    proved();
  }
  await eventually('the log', () => existsSync(path.join(folder, 'logs', 'good.log')));
  assert.ok(!existsSync(path.join(folder, 'evil.log')));
  assert.match(proxy.errorLog(), /a "\.\." that comes from the request leads up/);
});

test('links that are refused lead nowhere, and are not listed', async () => {
  for (const place of ['/links/', '/owner/']) {
    for (const name of ['linked-file', 'linked-folder/secret.txt', 'linked-folder/']) {
      await refused(place + name);
    }
    const listing = await ask(place);
    assert.match(listing, /a\.txt/, 'what is no link is listed');
    assert.doesNotMatch(listing, /linked-/);
    proved();
  }
  // The listing of a location that follows links shows them.
  assert.match(await ask('/listed/'), /linked-file/);
  const [status] = statusesIn(await ask('/any/'));
  assert.equal(status, 403, 'there is no file that may be chosen');
  proved();
});

test('a location that is internal is not to be had from outside', async () => {
  for (const target of ['/private/a.txt', '/private//a.txt', '/x/../private/a.txt']) {
    const [status] = statusesIn(await ask(target));
    assert.equal(status, 404, target);
    proved();
  }
});
