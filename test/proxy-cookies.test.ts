// Set-Cookie of upstream responses, rewritten by `proxy_cookie_domain`, `proxy_cookie_path` and
// `proxy_cookie_flags`, beside real nginx.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../src/index.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { checkConfig, nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

const cookies = [
  'a=1; Domain=.up.test; Path=/one/x; Secure; httponly; SameSite=Lax',
  'b=2;path=/one; domain=UP.test ;Max-Age=3',
  'sess = x y ; PATH = "/one/"; Domain=up.test',
  '=v; Path=/one',
  'novalue; Domain=up.test; secure',
  'c=; domain=; path=',
  'd=1; SameSite = strict ; Secure;; ',
  'e=1;Domain=..up.test',
  'f=1; Path=/one; Path=/one/two; Domain=up.test; domain=other.test',
  'g=1; Secure; SameSite; samesite=lax; HttpOnly=yes; Secure',
  'plain=1',
];

const places: Readonly<Record<string, string>> = {
  none: '',
  'domain/text': 'proxy_cookie_domain up.test new.test;',
  'domain/dots': 'proxy_cookie_domain .up.test .new.test;',
  'domain/regex': 'proxy_cookie_domain ~\\.(up)\\.test$ $1.re.test;',
  'domain/several': 'proxy_cookie_domain ~up ($arg_a); proxy_cookie_domain "" empty;',
  'domain/variable': 'proxy_cookie_domain $arg_a $host;',
  'path/text': 'proxy_cookie_path /one /two;',
  'path/regex': 'proxy_cookie_path ~*^/ONE/(?<rest>.*) /r/$rest; proxy_cookie_path ~^/ONE /never;',
  'path/variable': 'proxy_cookie_path /$arg_a /$arg_b;',
  'path/attributes': 'proxy_cookie_path /one "/; HttpOnly";',
  both: 'proxy_cookie_path / /p/; proxy_cookie_domain up.test d.test;',
  'flags/all': 'proxy_cookie_flags ~. secure httponly samesite=none;',
  'flags/none': 'proxy_cookie_flags ~. nosecure nohttponly nosamesite;',
  'flags/strict': 'proxy_cookie_flags ~^[aG] samesite=strict;',
  'flags/first': 'proxy_cookie_flags A nosecure; proxy_cookie_flags ~. secure samesite=lax;',
  'flags/variable': 'proxy_cookie_flags $arg_name $arg_flag $arg_other;',
  'flags/together': 'proxy_cookie_domain up.test x.test; proxy_cookie_flags plain secure;',
};

test('cookies of upstream servers are rewritten as in nginx', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    upstreams: {
      upstream: {
        answer: { headers: cookies.map((cookie): [string, string] => ['Set-Cookie', cookie]) },
      },
    },
    config: ({ port, upstreams }) => `events {}
http {
  server {
    listen 127.0.0.1:${port};
    ${Object.entries(places)
      .map(
        ([name, lines]) => `location /${name} {
      ${lines}
      proxy_pass http://${upstreams.upstream};
    }`,
      )
      .join('\n')}
    location /inherited {
      proxy_cookie_domain up.test outer.test;
      proxy_cookie_path /one /outer;
      proxy_cookie_flags plain secure;
      proxy_pass http://${upstreams.upstream};
      location /inherited/off {
        proxy_cookie_domain off;
        proxy_cookie_path off;
        proxy_cookie_flags off;
        proxy_pass http://${upstreams.upstream};
      }
      location /inherited/inner {
        proxy_cookie_path /one /inner;
        proxy_pass http://${upstreams.upstream};
      }
    }
  }
}`,
    ignore: { upstreamVersion: true, upstreamHeaders: ['connection'] },
    requests: [
      ...Object.keys(places).map((name) => ({ path: `/${name}` })),
      { path: '/domain/several?a=q' },
      { path: '/domain/variable?a=UP.test' },
      { path: '/path/variable?a=one&b=other' },
      { path: '/flags/variable?name=D&flag=SECURE' },
      { path: '/flags/variable?name=plain&flag=samesite=Strict&other=httponly' },
      { path: '/flags/variable?name=plain&flag=wrong' },
      { path: '/inherited' },
      { path: '/inherited/off' },
      { path: '/inherited/inner' },
    ],
  });
  assertSameAsNginx(pairs);
  const seen = new Set(pairs.map(({ proxy }) => JSON.stringify(proxy.answers)));
  assert.ok(seen.size > 12, 'the places differ from each other');
});

const refused = [
  'proxy_cookie_domain x;',
  'proxy_cookie_domain off; proxy_cookie_domain a b;',
  'proxy_cookie_path a b; proxy_cookie_path off;',
  'proxy_cookie_flags a;',
  'proxy_cookie_flags off; proxy_cookie_flags off;',
  'proxy_cookie_path / $unknown;',
];

for (const lines of refused) {
  test(`is refused in nginx's words: ${lines}`, { skip }, async (t) => {
    const text = `events {}
http { server { listen 127.0.0.1:8080; location / { ${lines} proxy_pass http://127.0.0.1:1; } } }`;
    const folder = tempFolder(t);
    const nginx = checkConfig(text, { folder, scope: t });
    const loaded = await loadConfig({ file: `${folder}/nginx.conf`, text, prefix: folder });
    const [message = ''] = nginx.messages;
    assert.ok(!nginx.ok && !loaded.ok);
    const ours = loaded.diagnostics.filter(({ severity }) => severity === 'error');
    assert.ok(
      ours.some((one) => message.includes(one.message)),
      `${message}\n${ours.map((one) => one.message).join('\n')}`,
    );
  });
}
