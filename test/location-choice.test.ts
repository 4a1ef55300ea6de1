// Which location serves a request: a table of the cases that the documentation names, and random
// sets of locations with random URIs. Every location answers with its own name, in nginx and here.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { RandomSites } from './kit/random-sites.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const config = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  server {
    listen 127.0.0.1:${port};
    location = / { return 200 "= / $uri"; }
    location / { return 200 "/ $uri"; }
    location = /exact { return 200 "= /exact $uri"; }
    location /exact { return 200 "/exact $uri"; }
    location /prefix { return 200 "/prefix $uri"; }
    location /prefix/long { return 200 "/prefix/long $uri"; }
    location ^~ /images/ { return 200 "^~ /images/ $uri"; }
    location /images/icons/ { return 200 "/images/icons/ $uri"; }
    location ~ \\.php$ { return 200 "~ php $uri"; }
    location ~* \\.(gif|jpe?g)$ { return 200 "~* $1 $uri"; }
    location ~ ^/user/(?<name>\\w+)/(\\d+) { return 200 "~ user $name $1 $2 $uri"; }
    location ~* ^/user/ { return 200 "~* user [$name] $uri"; }
    location ~*\\.joined$ { return 200 "joined $uri"; }
    location "~ quoted" { return 200 "a prefix with a tilde $uri"; }
    location /nest/ {
      location /nest/a/ { return 200 "/nest/a/ $uri";
        location /nest/a/b/ { return 200 "/nest/a/b/ $uri"; }
        location = /nest/a/exact { return 200 "= /nest/a/exact $uri"; }
        location ~ \\.txt$ { return 200 "/nest/a/ ~ txt $uri"; }
      }
      location ~ \\.txt$ { return 200 "/nest/ ~ txt $uri"; }
      location ~ ^/nest/r/ {
        location ~ z$ { return 200 "/nest/r ~ z $uri"; }
        return 200 "/nest/r $uri";
      }
      location ^~ /nest/strong/ { return 200 "^~ /nest/strong/ $uri"; }
      location = /nest/ { return 200 "= /nest/ $uri"; }
      return 200 "/nest/ $uri";
    }
    location ^~ /strong/ {
      location ~ \\.php$ { return 200 "nested php $uri"; }
      location /strong/deep/ { return 200 "/strong/deep/ $uri"; }
      return 200 "^~ /strong/ $uri";
    }
    location ~ ^/outer/ {
      location ~ in(ner)?2 { return 200 "regex in regex $1 $uri"; }
      return 200 "~ /outer/ $uri";
    }
    location /auto/ { proxy_pass http://${upstream}; }
    location /auto/deep/ { proxy_pass http://${upstream}; }
    location /both/ { proxy_pass http://${upstream}; }
    location = /both { return 200 "= /both"; }
    location /no-auto/ { return 200 "/no-auto/ $uri"; }
    location ^~ /auto-strong/ { proxy_pass http://${upstream}; }
    location ~ ^/auto-beaten { return 200 "~ auto-beaten $uri"; }
    location /auto-beaten/ { proxy_pass http://${upstream}; }
    location /auto-esc%20aped/ { proxy_pass http://${upstream}; }
    location "/auto escaped/" { proxy_pass http://${upstream}; }
    location /auto-é/ { proxy_pass http://${upstream}; }
    location /auto-nest/ {
      return 200 "/auto-nest/ $uri";
      location /auto-nest/in/ { proxy_pass http://${upstream}; }
    }
    location /missing { error_page 404 @named; return 404; }
    location /missing-unnamed { error_page 404 @absent; return 404; }
    location @named { return 200 "@named $uri"; }
    location /café { return 200 "/café $uri"; }
    location "/a b" { return 200 "/a b $uri"; }
    location /Case { return 200 "/Case $uri"; }
    location /case { return 200 "/case $uri"; }
    location /percent%41 { return 200 "/percent%41 $uri"; }
    location = /query?x { return 200 "= /query?x $uri"; }
    location ~ "^/repeat/a{2,3}$" { return 200 "~ repeat $uri"; }
    location ~ ^/slash\\/x { return 200 "~ slash $uri"; }
    location ~ ^/dollar\\$$ { return 200 "~ dollar $uri"; }
    location ~ ^/nul.$ { return 200 "~ nul $uri"; }
    location ~ (?i)^/inline$ { return 200 "~ inline $uri"; }
    location ~ [.]in[$.[]l$ { return 200 "~ class $uri"; }
    location ~ é { return 200 "~ é $uri"; }
  }
}`;

const paths = `
/ /? /?a /other /exact /exact/ /exactly /%65xact /exact?a=b //exact /./exact /x/../exact
/prefix /prefixed /prefix/ /prefix/long /prefix/longer /prefix/lon
/images/a.gif /images/icons/a.gif /images /images/ /imagesx /images/icons/a.php
/a.php /a.php/ /a.phpx /prefix/a.php /a.PHP /A.GIF /a.jpeg /x/a.jpg?y /a.php?b.gif /a.gif.php
/user/bob/12/x /user/bob/x /USER/bob/12 /x.joined /X.JOINED /~
/nest /nest/ /nest/a /nest/a/ /nest/a/b/ /nest/a/b/x.txt /nest/a/exact /nest/a/x.txt /nest/x.txt
/nest/r/ /nest/r/z /nest/r/a.php /nest/r/a.phpz /nest/strong/x.txt /nest/strong/x.php /nest/x.php /nest/a/x.php /nest/a/b/x.php
/strong/ /strong/x.php /strong/deep/x.php /strong/deep/x /strong/x.gif
/outer/ /outer/inner /outer/inner2 /outer/in2 /outer/inner/x.php /outer/x.php
/auto /auto?a=b /auto/ /auto/deep /auto/deep?c /auto/deeper /auto//deep /autox /both /both/ /no-auto /auto-strong
/auto-beaten /auto-beaten/ /auto%20escaped /auto-esc%2520aped /auto-%C3%A9 /auto-%C3%A9?%C3%A9 /auto-nest/in /auto-nest
/missing /missing/x?y /missing-unnamed /caf%C3%A9 /caf%c3%a9/x /a%20b /a%20bc /Case /CASE /case /caSE
/percent%41 /percentA /percent%2541 /query?x /query%3Fx /repeat/a /repeat/aa /repeat/aaaa
/slash/x /dollar$ /dollar%24 /nul%01 /nul%0D /a.php%0A /a.php%0D /a.gif%0A%0A /x.php%0Ay /INLINE /a.in[l /repeat/aa%0A /nul%0A /nul%0Ax /nul%FF /%C3%A9 /x%E9 /x%0d%0aX-Injected:1
/.. /../ /a/../.. /a/../../b /%2e%2e/ /%2e%2e%2fa /. /./ /.. /... /.hidden /a/. /a/.. /a/./b /a/b/../c/ /..a /a/..b /a../b
/% /%1 /%zz /%00 /a%00b /a%2500 /%2F /%2f%2fexact /a%2F..%2Fexact /a/%2E%2E/exact /exact%3Fa /exact%23a
//images//a.gif /images/../exact /images//../exact /images/%2e%2e/exact`
  .trim()
  .split(/\s+/);

test('the cases of the documentation are decided as nginx decides them', { skip }, async (t) => {
  const requests: ComparedRequest[] = paths.map((path) => ({ path }));
  requests.push({ path: '/caf\xc3\xa9' }, { path: '/auto-\xc3\xa9' }, { path: '/x\xe9' });
  requests.push(
    { method: 'OPTIONS', path: '*', name: 'OPTIONS *' },
    { method: 'POST', path: '/missing', body: 'a' },
    { method: 'HEAD', path: '/missing' },
    { path: 'http://localhost/exact' },
    { path: 'http://localhost' },
    { path: 'http://localhost/%65xact?x' },
  );
  const pairs = await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t });
  assertSameAsNginx(pairs);
});

test('random locations and URIs are matched as nginx matches them', { skip }, async (t) => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
  const random = new RandomSites(seed);
  const servers = Array.from({ length: 20 }, (_, i) => random.server(`s${i}.test`));
  const requests: ComparedRequest[] = servers.flatMap(({ name, words }) =>
    Array.from({ length: 40 }, () => {
      const path = random.target(words);
      return { name: `SEED=${seed} ${name} ${path}`, path, headers: { Host: name } };
    }),
  );
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: ({ port }) =>
      `events {}\nhttp {\n${servers.map((one) => one.config(port)).join('\n')}\n}\n`,
    requests,
    scope: t,
  });
  assertSameAsNginx(pairs);
  const found = pairs.filter((pair) => pair.nginx.answers[0]?.statusLine === 'HTTP/1.1 200 OK');
  assert.ok(found.length > 300, `only ${found.length} URIs were valid`);
});
