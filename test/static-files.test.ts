// Files beside real nginx: which file a path stands for, types, directories, methods, and paths
// that try to leave the folder.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';
import { writeIn } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

const config = ({ port, folder }: Site): string => `
events {}
http {
  include types.conf;
  default_type application/octet-stream;
  root ${folder}/www;
  server {
    listen 127.0.0.1:${port};
    location / { }
    location /prefix/ { root ${folder}/other/; }
    location /alias/ { alias ${folder}/www/sub/; }
    location /alias-noslash { alias ${folder}/www/sub; }
    location /traversal { alias ${folder}/www/sub/; }
    location = /one { alias ${folder}/www/a.html; }
    location ~ ^/regex/(.*)$ { alias ${folder}/www/$1; }
    location /index/ { alias ${folder}/www/index/; index missing.html second.html index.html; }
    location /no-index/ { alias ${folder}/www/index/; index nothing.html; }
    location /relative/ { root www; }
    location /variable/ { root ${folder}/$arg_root; }
    location /typed/ { alias ${folder}/www/; default_type text/x-default; types { text/x-html html; } }
    location /errors/ { error_page 404 /a.html; error_page 403 =200 /empty.txt; alias ${folder}/www/; }
    location /no-merge-types/ { types { } default_type text/plain; alias ${folder}/www/; }
    location /nested/ { location ~ \\.html$ { root ${folder}/other; } }
  }
}`;

const bytes = Buffer.from(Array.from({ length: 400_000 }, (_, i) => (i * 31 + (i >> 8)) & 0xff));

function fill(folder: string): void {
  for (const name of [
    'www',
    'www/sub',
    'www/index',
    'www/empty',
    'www/dir.html',
    'other',
    'other/prefix',
    'other/nested',
    'www/relative',
    'www/variable',
  ]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  writeIn(
    folder,
    'types.conf',
    'types {\n text/html html htm;\n text/css css;\n image/png png;\n application/x-gz tar.gz gz;\n}\n',
  );
  writeIn(folder, 'secret.txt', 'secret');
  const www = join(folder, 'www');
  const files: Readonly<Record<string, string | Buffer>> = {
    'a.html': '<p>a</p>',
    'a.HTM': 'upper',
    'b.css': 'p {}',
    'c.unknown': 'c',
    noextension: 'n',
    '.hidden': 'h',
    'x.tar.gz': 'gz',
    'empty.txt': '',
    'large.bin': bytes,
    'a b.html': 'space',
    'caf\u00e9.html': 'utf-8',
    'per%cent.html': 'percent',
    'quote".html': 'quote',
    'q?.html': 'question',
    'sub/x.html': 'sub x',
    'subx.html': 'beside sub',
    'index/index.html': 'the index',
    'index/second.html': 'the second',
    'relative/r.html': 'relative',
  };
  for (const [name, text] of Object.entries(files)) writeIn(www, name, text);
  writeIn(folder, 'other/prefix/p.html', 'prefix p');
  writeIn(folder, 'other/nested/n.html', 'nested n');
  symlinkSync('a.html', join(www, 'link.html'));
  symlinkSync('sub', join(www, 'linked'));
  symlinkSync('nowhere', join(www, 'broken.html'));
  symlinkSync('../secret.txt', join(www, 'out.txt'));
  writeIn(www, 'unreadable.html', 'no');
  chmodSync(join(www, 'unreadable.html'), 0);
  const then = new Date('2020-02-03T04:05:06Z');
  for (const name of [...Object.keys(files), 'sub/x.html']) utimesSync(join(www, name), then, then);
  utimesSync(join(folder, 'other/prefix/p.html'), then, then);
  utimesSync(join(folder, 'other/nested/n.html'), then, then);
}

const paths = `
/a.html /a.HTM /b.css /c.unknown /noextension /.hidden /x.tar.gz /empty.txt /large.bin /a%20b.html
/caf%C3%A9.html /per%25cent.html /quote%22.html /q%3F.html /a.html?query=1 /missing.html /a.html/ /a.html/x
/ /sub /sub/ /sub?a=b /index /index/ /index/?a=b /empty /empty/ /dir.html /dir.html/ //sub /sub// /sub/../a.html
/link.html /linked/x.html /linked /broken.html /out.txt /%2e%2e/secret.txt /..%2fsecret.txt /sub/..%2f..%2fsecret.txt
/prefix/p.html /prefix/ /prefix /prefix/../a.html /alias/x.html /alias/ /alias /alias/../secret.txt
/alias-noslash/x.html /alias-noslash /alias-noslashx.html /alias-noslash/
/traversal../secret.txt /traversal../a.html /traversal..%2fsecret.txt /traversalx.html /traversal/x.html /traversal%2e%2e/a.html
/one /one?x /regex/a.html /regex/sub/x.html /regex/sub /regex/missing /regex/
/index/second.html /no-index/ /relative/r.html /relative/ /variable/r.html?root=www /variable/?root=www
/typed/a.html /typed/b.css /typed/c.unknown /errors/missing /errors/sub/ /errors/a.html /no-merge-types/a.html
/nested/n.html /nested/m.html /a%00b /a.html%00 /a%0Ab ${'/long'.repeat(100)} /${'n'.repeat(300)}`
  .trim()
  .split(/\s+/);

// Where nginx would serve what lies beside an alias without a slash.
const outside = new Set(['/traversal../a.html', '/traversal%2e%2e/a.html']);

test('files are found and served as by nginx', { skip }, async (t) => {
  const requests: ComparedRequest[] = paths.flatMap((path) =>
    ['GET', 'HEAD', 'POST', 'PUT'].map((method): ComparedRequest => ({
      method,
      path,
      ...(outside.has(path) && method !== 'PUT'
        ? { differs: 'a path never leads from an alias to what lies beside it' }
        : {}),
    })),
  );
  requests.push({ path: '/large.bin', version: '1.0' }, { method: 'DELETE', path: '/sub/' });
  const isHead = (row: ComparedRequest): boolean => row.method === 'HEAD';
  const comparison = {
    proxy: proxyStarter,
    config: (site: Site) => {
      fill(site.folder);
      return config(site);
    },
    scope: t,
  };
  const others = await compareWithNginx({
    ...comparison,
    requests: requests.filter((row) => !isHead(row)),
    ignore: { answerHeaders: ['date', 'server', 'accept-ranges'] },
  });
  assertSameAsNginx(others);
  // To HEAD only the length of an error page shows, and with it the length of the product's name.
  const heads = await compareWithNginx({
    ...comparison,
    requests: requests.filter(isHead),
    ignore: { answerHeaders: ['date', 'server', 'accept-ranges'], errorPages: true },
  });
  assertSameAsNginx(heads);
  const large = others.find((pair) => pair.name === 'GET /large.bin');
  assert.ok(large?.proxy.rawAnswers[0]?.body.equals(bytes));
});
