// `valid_referers` and `secure_link` beside real nginx: which links are good.

import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const shown = (port: number, name: string, what: string): string => `
  server {
    listen 127.0.0.1:${port};
    server_name ${name};
    ${what}
  }`;

const answer = 'return 200 "[$invalid_referer]";';

const referers = ({ port }: Site): string => `
events {}
http {
  ${shown(
    port,
    'own.test *.own.test',
    `
    location / { ${answer} }
    location /none { valid_referers none x.test; ${answer} }
    location /blocked { valid_referers blocked x.test; ${answer} }
    location /names { valid_referers none blocked server_names; ${answer} }
    location /hosts {
      valid_referers a.test *.b.test .c.test d.* e.test/path/ f.test/
                     ~^g[0-9]\\.test/ "~h\\.test(:|/)";
      ${answer}
    }
    location /if {
      valid_referers a.test;
      if ($invalid_referer) { return 403; }
      return 200 "linked";
    }
    location /outer {
      valid_referers a.test;
      location /outer/inner { ${answer} }
      location /outer/own { valid_referers none x.test; ${answer} }
    }`,
  )}
  server {
    listen 127.0.0.1:${port};
    server_name server.test;
    valid_referers a.test;
    set $before "[$invalid_referer]";
    location / { return 200 "$before"; }
  }
}`;

const values = [
  'http://a.test',
  'http://a.test/',
  'https://a.test/x',
  'HTTP://A.TEST/x',
  'http://a.test:8080/x',
  'http://aa.test/',
  'a.test',
  'ftp://a.test/',
  'http://',
  'http://a.b',
  'http://b.test/',
  'http://x.b.test/',
  'http://x.y.b.test/',
  'http://c.test/',
  'http://x.c.test',
  'http://d.com/',
  'http://d.co.uk/',
  'http://d/x/y/z/long',
  'http://e.test/path/x',
  'http://e.test/path',
  'http://e.test/Path/',
  'http://e.test',
  'http://e.test:80/path/',
  'http://f.test',
  'http://f.test/x',
  'http://g1.test/x',
  'https://G1.TEST/x',
  'http://g1.test',
  'http://xh.test:80',
  'http://own.test/',
  'http://x.own.test/',
  'http://server.test/',
  `http://${'l'.repeat(300)}.test/`,
  '',
  '-',
];

const places = ['/none', '/blocked', '/names', '/hosts', '/if', '/outer/inner', '/outer/own'];

const linked: ComparedRequest[] = [
  ...places.flatMap((path) => [
    { name: `${path} without`, path, headers: { Host: 'own.test' } },
    ...values.map((value) => ({
      name: `${path} ${value}`,
      path,
      headers: { Host: 'own.test', Referer: value },
    })),
  ]),
  { path: '/', headers: { Host: 'own.test' } },
  { path: '/', headers: { Host: 'server.test', Referer: 'http://a.test/' } },
  { path: '/', headers: { Host: 'server.test', Referer: 'http://b.test/' } },
];

test('the same referers are valid as in nginx', { skip, timeout: 60_000 }, async (t) => {
  assertSameAsNginx(
    await compareWithNginx({ proxy: proxyStarter, config: referers, requests: linked, scope: t }),
  );
});

const secured = ({ port }: Site): string => `
events {}
http {
  ${shown(
    port,
    'a.test',
    `
    location /s/ {
      secure_link $arg_md5,$arg_expires;
      secure_link_md5 "$secure_link_expires$uri secret";
      return 200 "[$secure_link][$secure_link_expires]";
    }
    location /plain/ {
      secure_link $arg_md5;
      secure_link_md5 "$uri secret";
      if ($secure_link = "") { return 403; }
      return 200 "[$secure_link][$secure_link_expires]";
    }
    location /p/ {
      secure_link_secret word;
      if ($secure_link = "") { return 403; }
      rewrite ^ /found/$secure_link;
    }
    location /found/ { internal; return 200 "[$uri]"; }
    location /half/ { secure_link $arg_md5; return 200 "[$secure_link]"; }
    location /outer/ {
      secure_link $arg_md5;
      secure_link_md5 "$uri secret";
      location /outer/in/ { return 200 "[$secure_link]"; }
      location /outer/secret/ { secure_link_secret word; return 200 "[$secure_link]"; }
    }`,
  )}
}`;

function md5(text: string, encoding: 'base64url' | 'base64' | 'hex'): string {
  return createHash('md5').update(text).digest(encoding);
}

const later = '4102444800';
const past = '946684800';

function timed(uri: string, expires: string, hashed = expires): string {
  return `${uri}?md5=${md5(`${hashed}${uri} secret`, 'base64url')}&expires=${expires}`;
}

const links: string[] = [
  timed('/s/a', later),
  timed('/s/a', past),
  timed('/s/a', later, past),
  timed('/s/a', '0'),
  timed('/s/a', '-1'),
  timed('/s/a', 'x'),
  timed('/s/a', `${later}x`),
  timed('/s/a', ''),
  `${timed('/s/a', later)}0`,
  timed('/s/a', later).replace('/s/a', '/s/b'),
  '/s/a',
  '/s/a?md5=&expires=1',
  ...['base64url', 'base64'].flatMap((encoding) =>
    Array.from({ length: 6 }, (_, i) => {
      const uri = `/plain/${i}`;
      return `${uri}?md5=${md5(`${uri} secret`, encoding as 'base64')}`;
    }),
  ),
  `/plain/x?md5=${md5('/plain/x secret', 'base64url')}==`,
  `/plain/x?md5=${md5('/plain/x secret', 'base64url')}AA`,
  `/plain/x?md5=${md5('/plain/x secret', 'hex')}`,
  '/plain/x?md5=****',
  '/plain/x',
  `/p/${md5('a/bword', 'hex')}/a/b`,
  `/p/${md5('a/bword', 'hex').toUpperCase()}/a/b`,
  `/p/${md5('a/bwords', 'hex')}/a/b`,
  `/p/${md5('word', 'hex')}/`,
  `/p/${md5('word', 'hex')}`,
  `/p/${md5('aword', 'hex')}0/a`,
  `/p/${md5('aword', 'hex').slice(1)}/a`,
  '/p/x/a',
  '/p/',
  '/half/?md5=x',
  `/outer/in/x?md5=${md5('/outer/in/x secret', 'base64url')}`,
  `/outer/secret/${md5('word', 'hex')}/x`,
];

test('the same links are good as in nginx', { skip, timeout: 60_000 }, async (t) => {
  const requests = links.map((path) => ({ path }));
  assertSameAsNginx(
    await compareWithNginx({ proxy: proxyStarter, config: secured, requests, scope: t }),
  );
});
