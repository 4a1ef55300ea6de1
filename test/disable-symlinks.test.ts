// `disable_symlinks` beside nginx: links in the middle of a path and at its end, of the owner and of
// others, with and without a part that is trusted.

import fs from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;
const isRoot = process.getuid?.() === 0;
const other = 65_534;

/** `www/` is itself reached by a link, as releases often are. */
function makeFiles(folder: string): void {
  const real = join(folder, 'releases/1');
  for (const name of ['sub/a.txt', 'sub/index.html', 'plain.txt', 'theirs/b.txt', 'theirs.txt']) {
    fs.mkdirSync(join(real, name, '..'), { recursive: true });
    fs.writeFileSync(join(real, name), `${name}\n`);
    fs.utimesSync(join(real, name), 1e9, 1e9);
  }
  if (isRoot)
    for (const name of ['theirs', 'theirs.txt']) fs.chownSync(join(real, name), other, other);
  fs.symlinkSync('releases/1', join(folder, 'www'));
  fs.symlinkSync('plain.txt', join(real, 'link.txt'));
  fs.symlinkSync('sub', join(real, 'linked'));
  fs.symlinkSync('theirs', join(real, 'linked-theirs'));
  fs.symlinkSync('theirs.txt', join(real, 'link-theirs.txt'));
  fs.symlinkSync('nowhere', join(real, 'dangling'));
  fs.symlinkSync('loop', join(real, 'loop'));
  fs.symlinkSync(join(real, 'sub'), join(real, 'sub/up'));
}

const rules: readonly (readonly [name: string, lines: string])[] = [
  ['off', 'disable_symlinks off;'],
  ['on', 'disable_symlinks on;'],
  ['owner', 'disable_symlinks if_not_owner;'],
  ['from', 'disable_symlinks on from=$document_root;'],
  ['from-fixed', 'disable_symlinks on from=FOLDER/www;'],
  ['from-other', 'disable_symlinks on from=FOLDER/ww;'],
  ['owner-from', 'disable_symlinks if_not_owner from=FOLDER/www/;'],
  ['cached', 'disable_symlinks on from=$document_root; open_file_cache max=100;'],
  ['tried', 'disable_symlinks on from=FOLDER/www; try_files $uri $uri/ =410;'],
];

const paths = [
  ...['plain.txt', 'sub/a.txt', 'sub/', 'sub', 'link.txt', 'linked/a.txt', 'linked/', 'linked'],
  ...['theirs/b.txt', 'linked-theirs/b.txt', 'link-theirs.txt', 'dangling', 'loop', 'sub/up/a.txt'],
  ...['none.txt', 'none/a.txt', 'plain.txt/a', 'sub//a.txt', ''],
];

test('links are followed where nginx follows them', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    config: ({ port, folder }) => {
      makeFiles(folder);
      const servers = rules.map(
        ([name, lines]) => `server { listen 127.0.0.1:${port}; server_name ${name}.test;
          root ${folder}/www; ${lines.replaceAll('FOLDER', folder)} }`,
      );
      return `events {} http { server_tokens off; ${servers.join('\n')} }`;
    },
    requests: rules.flatMap(([name]) =>
      paths.map((path) => ({
        name: `${name} /${path}`,
        path: `/${path}`,
        headers: { Host: `${name}.test` },
      })),
    ),
  });
  assertSameAsNginx(pairs);
});
