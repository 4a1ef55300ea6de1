// Where access log lines go, beside nginx: several logs at a level, `off`, conditions, names with
// variables, buffers and compression; and what happens at a rotation and on a full disk.

import assert from 'node:assert/strict';
import {
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { compareWithNginx, type ComparedRequest, type Site } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;

function config({ port, folder }: Site): string {
  mkdirSync(join(folder, 'root'), { recursive: true });
  mkdirSync(join(folder, 'by-host'), { recursive: true });
  writeFileSync(join(folder, 'file.txt'), '');
  return `
events { }
http {
  log_format short '$uri $status';
  root ${folder}/root;
  log_not_found off;
  access_log ${folder}/top.log short;
  map $arg_log $wanted { default ""; yes 1; zero 0; text false; }
  server {
    listen 127.0.0.1:${port};
    server_name a.test b.test;
    location /top { return 200 "x"; }
    location /two { access_log ${folder}/one.log short; access_log ${folder}/two.log short; return 200; }
    location /off { access_log off; return 200; }
    location /mixed { access_log ${folder}/mixed.log short; access_log off; return 200; }
    location /if { access_log ${folder}/if.log short if=$wanted; return 200; }
    location /if-both { access_log ${folder}/if.log short if=$arg_a$arg_b; return 200; }
    location /if-constant { access_log ${folder}/if.log short if=0; return 200; }
    location /if-empty { access_log ${folder}/if.log short if=; return 200; }
    location /host { access_log ${folder}/by-host/$host.log short; return 200; }
    location /relative { access_log by-host/relative-$host.log short; return 200; }
    location /cached {
      open_log_file_cache max=2 inactive=10s valid=1s min_uses=1;
      access_log ${folder}/by-host/cached-$arg_n.log short;
      return 200;
    }
    location /no-root { root ${folder}/none; access_log ${folder}/by-host/never.log$arg_x short; return 200; }
    location /file-root { root ${folder}/file.txt; access_log ${folder}/by-host/never.log$arg_x short; return 200; }
    location /no-folder { access_log ${folder}/none/$host.log short; return 200; }
    location /branch {
      if ($arg_branch) { access_log ${folder}/branch.log short; }
      return 200;
    }
    location /except { limit_except GET { access_log ${folder}/except.log short; } return 200; }
    location /missing { access_log ${folder}/missing.log short; }
    location /buffered { access_log ${folder}/buffered.log short buffer=64k flush=100ms; return 200; }
    location /packed { access_log ${folder}/packed.log short gzip=9 flush=100ms; return 200; }
  }
}`;
}

const hosts = (path: string): ComparedRequest[] =>
  ['a.test', 'b.test', 'A.Test:80', 'c.test'].map((Host) => ({ path, headers: { Host } }));

const rows: ComparedRequest[] = [
  { path: '/top' },
  { path: '/two' },
  { path: '/off' },
  { path: '/mixed' },
  ...['yes', 'zero', 'text', 'other'].map((value) => ({ path: `/if?log=${value}` })),
  { path: '/if-both' },
  { path: '/if-both?a=1&b=2' },
  { path: '/if-both?b=0' },
  { path: '/if-both?a=0&b=0' },
  { path: '/if-constant' },
  { path: '/if-empty' },
  ...hosts('/host'),
  ...hosts('/relative'),
  ...[1, 2, 3, 1, 2, 3].map((n) => ({ path: `/cached?n=${n}` })),
  { path: '/cached?n=%00' },
  { path: '/no-root' },
  { path: '/file-root' },
  { path: '/no-folder' },
  { path: '/branch' },
  { path: '/branch?branch=1' },
  { path: '/except' },
  { method: 'POST', path: '/except' },
  { path: '/missing/x' },
  { path: '/buffered' },
  { path: '/buffered/2' },
  { path: '/packed' },
  { path: '/packed/2' },
];

/** All logs of a folder: name → text. */
function logsIn(folder: string): Record<string, string> {
  const names = globSync(['*.log', 'by-host/*'], { cwd: folder }).sort();
  const wanted = names.filter((name) => name !== 'error.log');
  return Object.fromEntries(
    wanted.map((name) => {
      const bytes = readFileSync(join(folder, name));
      const packed = name === 'packed.log' && bytes.length > 0;
      return [name, (packed ? gunzipSync(bytes) : bytes).toString('latin1')];
    }),
  );
}

function complaints(folder: string): string[] {
  const lines = readFileSync(join(folder, 'error.log'), 'utf8').split('\n');
  return lines
    .filter((line) => /\[(crit|error|alert)\]/.test(line) && !line.includes('forbidden'))
    .map((line) => line.replace(/^.*?\[/, '[').replace(/\d+#\d+: \*\d+/, 'ids'))
    .map((line) => line.replaceAll(folder, '<folder>').replace(/127\.0\.0\.1:\d+/, 'host'));
}

test('lines go where nginx puts them', { skip }, async (t) => {
  const sites: Site[] = [];
  await compareWithNginx({
    proxy: proxyStarter,
    config: (site) => {
      sites.push(site);
      return config(site);
    },
    requests: rows,
    scope: t,
  });
  const [nginx, proxy] = sites;
  assert.ok(nginx !== undefined && proxy !== undefined);
  await sleep(300);
  const expected = logsIn(nginx.folder);
  for (let i = 0; i < 20 && logsIn(proxy.folder)['packed.log'] === ''; i += 1) await sleep(50);
  assert.ok(Object.keys(expected).length > 15);
  assert.deepEqual(logsIn(proxy.folder), expected);
  assert.deepEqual(complaints(proxy.folder), complaints(nginx.folder));
});

function lines(folder: string, name: string): string[] {
  const path = join(folder, name);
  return existsSync(path) ? readFileSync(path, 'latin1').split('\n').slice(0, -1) : [];
}

async function linesWhenThere(folder: string, name: string, count: number): Promise<string[]> {
  for (let i = 0; i < 300 && lines(folder, name).length < count; i += 1) await sleep(10);
  return lines(folder, name);
}

const alone = (port: number, inside: string): string =>
  `http { log_format short '$uri'; ${inside}
    server { listen 127.0.0.1:${port}; location / { root .; return 200 "x"; } } }`;

test('a buffer without flush= is written when it is full, and at the end', async (t) => {
  const port = await freePort();
  const running = await startProxy(alone(port, 'access_log b.log short buffer=1k;'), { scope: t });
  const long = `/${'x'.repeat(399)}`;
  await request({ port, path: long });
  await request({ port, path: long });
  await sleep(250);
  assert.deepEqual(lines(running.folder, 'b.log'), []);
  await request({ port, path: long });
  assert.equal((await linesWhenThere(running.folder, 'b.log', 3)).length, 3);
  await request({ port, path: '/last' });
  await running.stop();
  assert.deepEqual(lines(running.folder, 'b.log'), [long, long, long, '/last']);
});

test('a rotation puts what is gathered into the old file, names with variables too', async (t) => {
  const port = await freePort();
  const cache = 'open_log_file_cache max=10 inactive=1h valid=1h;';
  const { folder, proxy } = await startProxy(
    alone(
      port,
      `${cache} access_log b.log short buffer=64k; access_log v-$server_port.log short;
       access_log p.log short gzip;`,
    ),
    { scope: t },
  );
  const named = `v-${port}.log`;
  await request({ port, path: '/before' });
  for (const name of ['b.log', named, 'p.log']) {
    renameSync(join(folder, name), join(folder, `${name}.1`));
  }
  proxy.reopenLogs();
  for (const name of ['b.log', named]) {
    assert.deepEqual(lines(folder, `${name}.1`), ['/before'], name);
  }
  assert.equal(gunzipSync(readFileSync(join(folder, 'p.log.1'))).toString(), '/before\n');
  await request({ port, path: '/after' });
  proxy.reopenLogs();
  for (const name of ['b.log', named]) assert.deepEqual(lines(folder, name), ['/after'], name);
  assert.equal(gunzipSync(readFileSync(join(folder, 'p.log'))).toString(), '/after\n');
});

test('each batch is a gzip member of its own: a file of several is read as one', async (t) => {
  const port = await freePort();
  const { folder, proxy } = await startProxy(alone(port, 'access_log p.log short gzip=4;'), {
    scope: t,
  });
  for (const path of ['/1', '/2', '/3']) {
    await request({ port, path });
    proxy.reopenLogs();
  }
  const bytes = readFileSync(join(folder, 'p.log'));
  assert.equal(bytes.toString('latin1').split('\x1f\x8b').length - 1, 3);
  assert.equal(gunzipSync(bytes).toString(), '/1\n/2\n/3\n');
});

test('without a cache a renamed file gets a successor by itself', async (t) => {
  const port = await freePort();
  const { folder } = await startProxy(alone(port, 'access_log v-$server_port.log short;'), {
    scope: t,
  });
  const name = `v-${port}.log`;
  await request({ port, path: '/1' });
  assert.deepEqual(await linesWhenThere(folder, name, 1), ['/1']);
  await sleep(250);
  renameSync(join(folder, name), join(folder, 'old.log'));
  await request({ port, path: '/2' });
  assert.deepEqual(await linesWhenThere(folder, name, 1), ['/2']);
  assert.deepEqual(lines(folder, 'old.log'), ['/1']);
});

test('a cached file is found to be another one after valid=', async (t) => {
  const port = await freePort();
  const inside = `open_log_file_cache max=2 inactive=1h valid=0; access_log v-$server_port.log short;`;
  const { folder } = await startProxy(alone(port, inside), { scope: t });
  const name = `v-${port}.log`;
  await request({ port, path: '/1' });
  await linesWhenThere(folder, name, 1);
  rmSync(join(folder, name));
  await request({ port, path: '/2' });
  assert.deepEqual(await linesWhenThere(folder, name, 1), ['/2']);
});

test('max= closes the file that was used longest ago, and loses no line', async (t) => {
  const port = await freePort();
  const inside = `open_log_file_cache max=2 inactive=1h; access_log v-$arg_n.log short;`;
  const running = await startProxy(alone(port, inside), { scope: t });
  for (let i = 0; i < 40; i += 1) await request({ port, path: `/${i}?n=${i % 8}` });
  await running.stop();
  // What a file still has to write when it makes room for another is written beside everything else.
  for (let n = 0; n < 8; n += 1) {
    const found = await linesWhenThere(running.folder, `v-${n}.log`, 5);
    assert.deepEqual(
      found,
      [0, 1, 2, 3, 4].map((k) => `/${n + 8 * k}`),
    );
  }
});

test('a full disk stops no service: lines are dropped, counted, and reported once', async (t) => {
  const port = await freePort();
  const inside = `access_log /dev/full short; access_log good.log short;
    access_log /dev/$arg_device short if=$arg_device;`;
  const running = await startProxy(alone(port, inside), { scope: t });
  for (let i = 0; i < 30; i += 1) {
    assert.equal((await request({ port, path: `/${i}?device=full` })).status, 200);
    if (i % 10 === 0) await sleep(150);
  }
  assert.equal((await linesWhenThere(running.folder, 'good.log', 30)).length, 30);
  const pattern =
    /\[alert\] \d+#\d+: write\(\) to "\/dev\/full" failed \(28: No space left on device\), \d+ lines dropped so far\n/g;
  // One for the file with a fixed name, one for those whose names come out of variables.
  assert.equal(running.errorLog().match(pattern)?.length, 2);
});

test('an error log on a full disk stops no service either', async (t) => {
  const port = await freePort();
  const running = await startProxy(
    `error_log /dev/full info; error_log error.log error;
     http { access_log access.log; server { listen 127.0.0.1:${port}; location / { root /none; } } }`,
    { scope: t },
  );
  for (let i = 0; i < 20; i += 1) assert.equal((await request({ port })).status, 404);
  assert.match(running.errorLog(), /\[error\].*\/none/);
});
