// `open_file_cache` beside nginx: what both still believe after files have changed on disk, and that
// they see it when the time is over.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx, type ComparedRequest } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;

// As a deployment does it: a new file takes the name of the old one.
function replace(folder: string, name: string, content: string): void {
  fs.mkdirSync(join(folder, 'www/sub'), { recursive: true });
  fs.writeFileSync(join(folder, 'new'), content);
  fs.utimesSync(join(folder, 'new'), 1e9, 1e9);
  fs.renameSync(join(folder, 'new'), join(folder, 'www', name));
}

const locations = `
  open_file_cache max=100 inactive=1h;
  open_file_cache_valid 1h;
  location / { }
  location /errors/ { open_file_cache_errors on; alias www/; }
  location /fresh/ { open_file_cache off; alias www/; }
  location /never-valid/ { open_file_cache_valid 0; alias www/; }
  location /try/ { open_file_cache_errors on; rewrite ^/try(.*)$ $1 break; try_files $uri =410; }
  location /index/ { alias www/; open_file_cache_errors on; index sub/none.html later.html; }
`;

test('what is cached stays as it was found', { skip }, async (t) => {
  const folders: string[] = [];
  // Both sides get every change before they are asked: it is the same the second time.
  const after = (path: string, ...changes: [name: string, content: string][]): ComparedRequest => ({
    name: `${path} after ${JSON.stringify(changes)}`,
    exchange: async (connection) => {
      for (const folder of folders) {
        for (const [name, content] of changes) replace(folder, name, content);
      }
      return [await connection.request({ path })];
    },
  });
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    config: ({ port, folder }) => {
      folders.push(folder);
      replace(folder, 'a.txt', 'old');
      return `events {} http { server_tokens off; server { listen 127.0.0.1:${port}; root ${folder}/www;
        ${locations.replaceAll('alias www', `alias ${folder}/www`)} } }`;
    },
    requests: [
      after('/a.txt'),
      after('/a.txt', ['a.txt', 'brand new']),
      after('/fresh/a.txt'),
      after('/never-valid/a.txt'),
      after('/never-valid/a.txt', ['a.txt', 'newer']),
      after('/b.txt'),
      after('/b.txt', ['b.txt', 'found']),
      after('/errors/c.txt'),
      after('/errors/c.txt', ['c.txt', 'not found']),
      after('/c.txt'),
      after('/fresh/c.txt'),
      after('/try/d.txt'),
      after('/try/d.txt', ['d.txt', 'not tried']),
      after('/index/'),
      after('/index/', ['later.html', 'not seen']),
      after('/index/later.html'),
      after('/sub'),
      after('/sub/'),
    ],
  });
  assertSameAsNginx(pairs);
});

test('a file that is replaced on disk is seen when the time is over', async (t) => {
  const port = await freePort();
  const { folder } = await startProxy(
    `http { server { listen 127.0.0.1:${port}; root www; open_file_cache max=10;
      open_file_cache_valid 1s; } }`,
    { scope: t },
  );
  const body = async (): Promise<string> => {
    const connection = await RawConnection.open({ port });
    const response = await connection.request({ path: '/a.txt' });
    connection.close();
    return response.body.toString();
  };
  replace(folder, 'a.txt', 'old');
  assert.equal(await body(), 'old');
  replace(folder, 'a.txt', 'new');
  await eventually('the new file', async () => (await body()) === 'new');
});
