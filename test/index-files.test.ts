// `index` and `random_index` beside nginx: names with variables, names that are paths of their own,
// folders and files in the way.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;

function makeFiles(folder: string): void {
  const names = [
    'a/index.html',
    'a/index.de.html',
    'b/other.txt',
    'c/index.html/x',
    'd/.hidden',
    'one/1',
  ];
  for (const name of names) {
    fs.mkdirSync(join(folder, 'www', name, '..'), { recursive: true });
    fs.writeFileSync(join(folder, 'www', name), `${name}\n`);
    fs.utimesSync(join(folder, 'www', name), 1e9, 1e9);
  }
  fs.symlinkSync('1', join(folder, 'www/one/.link'));
}

const servers: readonly (readonly [name: string, lines: string])[] = [
  ['default', ''],
  ['variable', 'index index.$arg_lang.html index.html;'],
  ['fallback', 'index index.html /b/other.txt;'],
  ['first', 'index /b/other.txt index.html;'],
  ['path-variable', 'index $arg_path index.html;'],
  ['elsewhere', 'index index.html ../b/other.txt;'],
  ['two-lines', 'index none.html; index index.html;'],
  ['random', 'location / { random_index on; }'],
  ['random-and-list', 'location / { random_index on; autoindex on; autoindex_format json; }'],
  ['location', 'location ~ html$ { return 200 "$uri $args $request_uri"; }'],
  ['quiet', 'log_not_found off; location /a/ { index none.html; }'],
];

const paths = [
  ...['/a/', '/a/?lang=de', '/a/?lang=fr', '/a/?path=/b/other.txt', '/a/?path=index.de.html', '/a'],
  ...['/b/', '/c/', '/none/', '/a/index.html/', '/b/other.txt/x/'],
];
const anyFile = ['/d/', '/one/', '/none/', '/a/index.html/'];

test('a folder is answered by the file that nginx takes', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    config: ({ port, folder }) => {
      makeFiles(folder);
      const blocks = servers.map(
        ([name, lines]) =>
          `server { listen 127.0.0.1:${port}; server_name ${name}.test; root ${folder}/www; ${lines} }`,
      );
      return `events {} http { server_tokens off; ${blocks.join('\n')} }`;
    },
    requests: servers.flatMap(([name]) =>
      (name.startsWith('random') ? anyFile : paths).flatMap((path) =>
        ['GET', 'POST'].map((method) => ({
          name: `${name} ${method} ${path}`,
          method,
          path,
          headers: { Host: `${name}.test` },
          ...(method === 'POST' ? { body: 'x' } : {}),
        })),
      ),
    ),
    // Only the listing's date differs between the two folders.
    ignore: { answerHeaders: ['date', 'server', 'last-modified'] },
  });
  const listed = pairs.filter(({ name }) => !name.startsWith('random-and-list GET /d/'));
  assertSameAsNginx(listed);
});

test('each file of a folder is found at random', async (t) => {
  const port = await freePort();
  const { folder } = await startProxy(
    `http { server { listen 127.0.0.1:${port}; root www; location / { random_index on; } } }`,
    { scope: t },
  );
  fs.mkdirSync(join(folder, 'www/folder'), { recursive: true });
  for (const name of ['1', '2', '3', '.4']) fs.writeFileSync(join(folder, 'www', name), name);
  const connection = await RawConnection.open({ port });
  const seen = new Set<string>();
  for (let i = 0; i < 100; i += 1) {
    seen.add((await connection.request({ path: '/' })).body.toString());
  }
  connection.close();
  assert.deepEqual([...seen].sort(), ['1', '2', '3']);
});
