// What the configuration, and the server itself by X-Accel-* fields, change about upstream responses,
// beside real nginx: hidden fields, Location, redirects to other locations, parts, stored copies.

import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest } from './kit/both.ts';
import { eventually } from './kit/eventually.ts';
import { nginxAvailable } from './kit/nginx.ts';
import type { RecordedRequest } from './kit/recording-upstream.ts';
import { RecordingUpstream, type Answer } from './kit/recording-upstream.ts';
import { freePort } from './kit/ports.ts';
import { RawConnection, request } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';

const skip = !nginxAvailable;
const ignore = { upstreamVersion: true, upstreamHeaders: ['connection'] };

/** Answers with the fields that the request names in X-Answer, one a line. */
function echo({ header }: Pick<RecordedRequest, 'header'>, extra: Answer = {}): Answer {
  const lines = (header('x-answer') ?? '').split('|').filter((line) => line !== '');
  const headers = lines.map((line): [string, string] => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()];
  });
  const status = Number(header('x-status') ?? '200');
  return { status, reason: status === 200 ? 'OK' : 'Other', headers, ...extra };
}

const script = (received: RecordedRequest): Answer =>
  echo({ header: (name) => received.header(name) });

const asking = (
  place: string,
  answer: readonly string[],
  others: Partial<ComparedRequest> & { status?: number } = {},
): ComparedRequest => ({
  path: place,
  name: `${place} ${answer.join('|')}`,
  ...others,
  headers: [
    ['Host', 'front.test'],
    ['X-Answer', answer.join('|')],
    ['X-Status', String(others.status ?? 200)],
    ...((others.headers ?? []) as [string, string][]),
  ],
});

test('fields are hidden and let through as in nginx', { skip }, async (t) => {
  const fields = [
    'Content-Type: text/x',
    'Date: then',
    'Server: other',
    'X-Pad: p',
    'X-Accel-Expires: 3',
    'X-Accel-Foo: f',
    'X-One: 1',
    'X-Two: 2',
    'Cache-Control: a',
    'Cache-Control: b',
    'ETag: "x"',
    'Expires: never',
    'Via: 1.1 v',
    'Keep-Alive: timeout=3',
  ];
  const places: Readonly<Record<string, string>> = {
    default: '',
    hide: 'proxy_hide_header X-One; proxy_hide_header cache-control; proxy_hide_header ETag;',
    pass: 'proxy_pass_header Server; proxy_pass_header Date; proxy_pass_header X-Accel-Expires;',
    both: 'proxy_hide_header X-One; proxy_pass_header X-One; proxy_hide_header X-Two;',
    type: 'proxy_hide_header Content-Type; proxy_hide_header Content-Length;',
    pads: 'proxy_pass_header X-Pad; proxy_hide_header Expires; proxy_hide_header Via;',
  };
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    upstreams: { upstream: { answer: script } },
    config: ({ port, upstreams }) => `events {}
http { server { listen 127.0.0.1:${port};
  ${Object.entries(places)
    .map(
      ([name, lines]) => `location /${name} { ${lines} proxy_pass http://${upstreams.upstream}; }`,
    )
    .join('\n')}
  location /outer { proxy_hide_header X-One; proxy_pass_header X-Pad;
    location /outer/inner { proxy_hide_header X-Two; proxy_pass http://${upstreams.upstream}; } }
} }`,
    requests: [...Object.keys(places), 'outer/inner'].map((place) => asking(`/${place}`, fields)),
    ignore: { ...ignore, answerHeaders: [] },
  });
  // The proxy's own name and time are what they are.
  for (const { name, nginx, proxy } of pairs) {
    const own = ([field]: readonly [string, string]): boolean =>
      field !== 'server' && field !== 'date';
    const kept = (side: typeof nginx, field: string): string | undefined =>
      side.answers[0]?.headers.find(([one]) => one === field)?.[1];
    assert.deepEqual(
      proxy.answers[0]?.headers.filter(own),
      nginx.answers[0]?.headers.filter(own),
      name,
    );
    const passed = name.startsWith('/pass');
    assert.equal(kept(proxy, 'server') === 'other', passed, name);
    assert.equal(kept(proxy, 'date') === 'then', passed, name);
  }
});

test('Location and Refresh are rewritten as in nginx', { skip }, async (t) => {
  const values = (address: string): string[] => [
    `http://${address}/up/x?y`,
    `http://${address}/`,
    `http://${address}`,
    `HTTP://${address}/up/`,
    `http://other.test/up/1`,
    `http://other.test:8080/UP/2/3`,
    '/up/x',
    'up/x',
    '',
  ];
  const places = (address: string): Readonly<Record<string, string>> => ({
    'default/': `proxy_pass http://${address}/up/;`,
    'plain/': `proxy_pass http://${address};`,
    'explicit/': `proxy_pass http://${address}/up/; proxy_redirect default;`,
    'off/': `proxy_pass http://${address}/up/; proxy_redirect off;`,
    'one/': `proxy_pass http://${address}/up/; proxy_redirect http://other.test/ /one/;`,
    'absolute/': `proxy_pass http://${address}; proxy_redirect http://other.test/ http://$host/abs/;`,
    'several/': `proxy_pass http://${address}; proxy_redirect http://other.test:8080/ /s1/; proxy_redirect http://other.test/ /s2/; proxy_redirect default;`,
    'regex/': `proxy_pass http://${address}; proxy_redirect ~^http://other[^/]*(:\\d+)?/UP/(.*)$ /r/$2;`,
    'caseless/': `proxy_pass http://${address}; proxy_redirect ~*/up/(?<rest>.+) http://$http_host/c/$rest;`,
    'variables/': `proxy_pass http://${address}; proxy_redirect http://$arg_from/ http://$host:$server_port/;`,
    'path/': `proxy_pass http://${address}; proxy_redirect /up /down;`,
    'empty/': `proxy_pass http://${address}; proxy_redirect http://other.test "";`,
  });
  const requests = (address: string): ComparedRequest[] =>
    Object.keys(places('x')).flatMap((place) =>
      values(address).flatMap((value) => [
        asking(`/${place}a?from=other.test`, [`Location: ${value}`], { status: 302 }),
        asking(`/${place}a?from=other.test`, [`Refresh: 5; url=${value}`]),
      ]),
    );
  for (const address of ['up.test']) {
    const pairs = await compareWithNginx({
      proxy: proxyStarter,
      scope: t,
      upstreams: { upstream: { answer: script } },
      config: ({ port, upstreams }) => `events {}
http {
  upstream up.test { server ${upstreams.upstream}; }
  server { listen 127.0.0.1:${port}; server_name front.test;
  ${Object.entries(places('up.test'))
    .map(([name, lines]) => `location /${name} { ${lines} }`)
    .join('\n')}
  location /outer/ { proxy_redirect http://other.test/ /outer/;
    location /outer/inherits/ { proxy_pass http://up.test; }
    location /outer/off/ { proxy_redirect off; proxy_pass http://up.test; }
  }
} }`,
      requests: [
        ...requests(address),
        asking('/outer/inherits/', ['Location: http://other.test/q'], { status: 301 }),
        asking('/outer/off/', ['Location: http://other.test/q'], { status: 301 }),
      ],
      ignore,
    });
    assertSameAsNginx(pairs);
  }
});

test('X-Accel-Redirect answers with another location, as in nginx', { skip }, async (t) => {
  const kept = [
    'Content-Type: application/x-kept',
    'Set-Cookie: a=1; Path=/up',
    'Set-Cookie: b=2',
    'Content-Disposition: attachment',
    'Cache-Control: private',
    'Cache-Control: no-store',
    'Expires: soon',
    'Accept-Ranges: none',
    'ETag: "upstream"',
    'Last-Modified: Thu, 01 Jan 1970 00:00:01 GMT',
    'X-Other: gone',
    'Location: /gone',
    'Vary: gone',
  ];
  const redirects = (target: string): string[] => [`X-Accel-Redirect: ${target}`, ...kept];
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    upstreams: { upstream: { answer: script }, second: {} },
    config: ({ port, upstreams, folder }) => {
      mkdirSync(path.join(folder, 'files'), { recursive: true });
      writeFileSync(path.join(folder, 'files', 'a b.txt'), 'the file\n');
      return `events {}
http {
  types { text/plain txt; }
  server { listen 127.0.0.1:${port};
    proxy_set_header Host h;
    location / { proxy_cookie_path /up /down; proxy_pass http://${upstreams.upstream}; }
    location /ignored { proxy_ignore_headers X-Accel-Redirect; proxy_pass http://${upstreams.upstream}; }
    location /passed { proxy_pass_header X-Accel-Redirect; proxy_ignore_headers X-Accel-Redirect; proxy_pass http://${upstreams.upstream}; }
    location /hidden { proxy_hide_header Set-Cookie; proxy_pass http://${upstreams.upstream}; }
    location /intercepted { proxy_intercept_errors on; error_page 404 /page; proxy_pass http://${upstreams.upstream}; }
    location /page { return 200 "page"; }
    location /files/ { internal; root ${folder}; add_header X-From $upstream_http_x_other; add_header X-Method $request_method; }
    location /return { internal; return 200 "returned $request_method $uri $args"; }
    location /missing { internal; return 404; }
    location /second { internal; proxy_pass http://${upstreams.second}; }
    location @named { return 201 "named $uri $args"; }
    location @second { proxy_pass http://${upstreams.second}; }
  }
}`;
    },
    requests: [
      asking('/x', redirects('/files/a%20b.txt')),
      asking('/x', ['X-Accel-Redirect: /files/a%20b.txt', 'X-Other: shown']),
      asking('/x', redirects('/files/none')),
      asking('/x', redirects('/return?p=1&q=%20')),
      asking('/x', ['X-Accel-Redirect: /return'], { method: 'POST', body: 'abc' }),
      asking('/x', redirects('/files/a%20b.txt'), { method: 'HEAD' }),
      asking('/x?orig=1', redirects('@named')),
      asking('/x', redirects('@nowhere')),
      asking('/x', redirects('/missing')),
      asking('/x', redirects('/second')),
      asking('/x', redirects('@second'), { method: 'POST', body: 'abc' }),
      asking('/x', redirects('/a/../files/x')),
      asking('/x', redirects('/files/%2e%2e/x')),
      asking('/x', redirects('/return'), { status: 404 }),
      asking('/x', redirects('/return'), { status: 500 }),
      asking('/intercepted', redirects('/return'), { status: 404 }),
      asking('/ignored', redirects('/return')),
      asking('/passed', redirects('/return')),
      asking('/hidden', redirects('/return')),
    ],
    ignore: { ...ignore, errorPages: true },
  });
  assertSameAsNginx(pairs);
});

test(
  'X-Accel-Charset names a charset that the configuration knows, as in nginx',
  { skip },
  async (t) => {
    const types = [
      'text/html',
      'text/html; charset=utf-8',
      'text/html; charset=koi8-r',
      'image/png',
    ];
    const pairs = await compareWithNginx({
      proxy: proxyStarter,
      scope: t,
      upstreams: { upstream: { answer: script } },
      config: ({ port, upstreams }) => `events {}
http { server { listen 127.0.0.1:${port};
  location / { proxy_pass http://${upstreams.upstream}; }
  location /ignored { proxy_ignore_headers X-Accel-Charset; proxy_pass http://${upstreams.upstream}; }
  location /known { charset utf-8; return 200; }
} }`,
      requests: ['/', '/ignored'].flatMap((place) =>
        types.flatMap((type) =>
          ['utf-8', 'UTF-8', 'unknown', ''].map((charset) =>
            asking(place, [`Content-Type: ${type}`, `X-Accel-Charset: ${charset}`]),
          ),
        ),
      ),
      ignore,
    });
    assertSameAsNginx(pairs);
  },
);

test('proxy_force_ranges gives parts as nginx does', { skip }, async (t) => {
  const digits = '0123456789'.repeat(3000);
  const answer = (received: RecordedRequest): Answer =>
    echo(
      { header: (name) => received.header(name) },
      received.target.startsWith('/chunked')
        ? { headers: { 'Transfer-Encoding': 'chunked' }, body: digits }
        : { body: digits },
    );
  const ranges = [
    'bytes=0-9',
    'bytes=10-',
    'bytes=-5',
    'bytes=29990-40000',
    'bytes=30000-',
    'bytes=5-4',
    'bytes=0-1,3-4',
    'bytes=',
    'items=0-1',
    'bytes=0-',
    'bytes=-0',
    'bytes=16380-16390',
  ];
  const validators = ['ETag: "tag"', 'Last-Modified: Thu, 01 Jan 2015 00:00:01 GMT'];
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    upstreams: { upstream: { answer } },
    config: ({ port, upstreams }) => `events {}
http { server { listen 127.0.0.1:${port}; proxy_force_ranges on; proxy_http_version 1.1; proxy_set_header Connection "";
  location / { add_header X-Always 1; proxy_pass http://${upstreams.upstream}; }
  location /off { proxy_force_ranges off; proxy_pass http://${upstreams.upstream}; }
  location /none { max_ranges 0; proxy_pass http://${upstreams.upstream}; }
  location /unbuffered { proxy_buffering off; proxy_pass http://${upstreams.upstream}; }
  location /sub { sub_filter 0123 abcd; sub_filter_types *; proxy_pass http://${upstreams.upstream}; }
} }`,
    requests: [
      ...ranges.flatMap((range) => [
        asking('/x', ['Accept-Ranges: bytes', ...validators], { headers: [['Range', range]] }),
        asking('/unbuffered', [], { headers: [['Range', range]] }),
      ]),
      ...['/off', '/none', '/chunked', '/sub'].map((place) =>
        asking(place, ['Accept-Ranges: none'], { headers: [['Range', 'bytes=0-1']] }),
      ),
      asking('/x', [], {}),
      asking('/x', [], { status: 404, headers: [['Range', 'bytes=0-1']] }),
      asking('/x', [], { method: 'HEAD', headers: [['Range', 'bytes=0-1']] }),
      ...[
        '"tag"',
        '"other"',
        'Thu, 01 Jan 2015 00:00:01 GMT',
        'Thu, 01 Jan 2016 00:00:01 GMT',
        'x',
      ].map((condition) =>
        asking('/x', validators, {
          headers: [
            ['Range', 'bytes=0-1'],
            ['If-Range', condition],
          ],
        }),
      ),
    ],
    ignore: { ...ignore, framing: false },
  });
  assertSameAsNginx(pairs);
});

test('proxy_store keeps copies as nginx does', { skip }, async (t) => {
  const folders: string[] = [];
  const places = [
    ['/on/a/b.txt', ['Last-Modified: Thu, 01 Jan 2015 00:00:01 GMT'], {}],
    ['/on/error.txt', [], { status: 404 }],
    ['/path/c.txt', [], {}],
    ['/access/d.txt', [], {}],
    ['/off/e.txt', [], {}],
    ['/unbuffered/f.txt', [], {}],
    ['/on/head.txt', [], { method: 'HEAD' }],
    ['/on/chunked.txt', ['Transfer-Encoding: chunked'], {}],
  ] as const;
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    scope: t,
    upstreams: { upstream: { answer: script } },
    config: ({ port, upstreams, folder }) => {
      folders.push(folder);
      return `events {}
http { server { listen 127.0.0.1:${port}; root ${folder}/data; proxy_http_version 1.1;
  location /on { proxy_store on; proxy_pass http://${upstreams.upstream}; }
  location /path { proxy_store ${folder}/other$uri; proxy_pass http://${upstreams.upstream}; }
  location /access { proxy_store on; proxy_store_access group:rw all:r; proxy_pass http://${upstreams.upstream}; }
  location /off { proxy_store off; proxy_pass http://${upstreams.upstream}; }
  location /unbuffered { proxy_store on; proxy_buffering off; proxy_pass http://${upstreams.upstream}; }
} }`;
    },
    requests: places.map(([place, answer, others]) => asking(place, [...answer], others)),
    ignore,
  });
  assertSameAsNginx(pairs);
  const [nginx = '', proxy = ''] = folders;
  const facts = (folder: string, file: string): unknown => {
    const name = path.join(folder, file);
    try {
      const { mode, mtimeMs } = statSync(name);
      const parent = statSync(path.dirname(name)).mode & 0o777;
      const time = mtimeMs < 1.5e12 ? mtimeMs : 'now';
      return { mode: mode & 0o777, parent, time, text: readFileSync(name, 'utf8') };
    } catch {
      return null;
    }
  };
  const files = places.map(([place]) =>
    place.startsWith('/path') ? `other${place}` : `data${place}`,
  );
  await eventually('the last copy', () => facts(proxy, 'data/on/chunked.txt') !== null);
  for (const file of files) assert.deepEqual(facts(proxy, file), facts(nginx, file), file);
  assert.notEqual(facts(proxy, 'data/access/d.txt'), null);
  assert.equal(facts(proxy, 'data/off/e.txt'), null);
});

// ---- newer than the nginx beside us: by its documentation

test('early hints go to the clients that early_hints names', async (t) => {
  const hints =
    'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nX-Secret: s\r\nX-Accel-Expires: 1\r\n\r\n';
  const raw = `${hints}HTTP/1.1 100 Continue\r\n\r\n${hints}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`;
  const upstream = await RecordingUpstream.start({ answer: { raw } }, t);
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port}; proxy_hide_header X-Secret;
      location / { proxy_pass http://${upstream.address}; }
      location /all { early_hints 1; proxy_pass http://${upstream.address}; }
      location /some { early_hints $arg_a $arg_b; proxy_pass http://${upstream.address}; } } }`,
    { scope: t },
  );
  const interim = async (path: string, version: '1.0' | '1.1' = '1.1'): Promise<string[]> => {
    const answer = await request({ port, path, version });
    assert.equal(answer.body.toString(), 'ok');
    return answer.interim.map((head) => head.raw.toString());
  };
  const shown = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
  assert.deepEqual(await interim('/'), []);
  assert.deepEqual(await interim('/all'), [shown, shown]);
  assert.deepEqual(await interim('/all', '1.0'), []);
  assert.deepEqual(await interim('/some'), []);
  assert.deepEqual(await interim('/some?a=0'), []);
  assert.deepEqual(await interim('/some?a=0&b=x'), [shown, shown]);
});

test('trailers go on where proxy_pass_trailers says so', async (t) => {
  const raw =
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, X-Secret\r\n\r\n' +
    '2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Secret: s\r\nContent-Length: 3\r\n\r\n';
  const upstream = await RecordingUpstream.start({ answer: { raw } }, t);
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port}; proxy_hide_header X-Secret; gzip_min_length 1; gzip_types *;
      location / { proxy_pass http://${upstream.address}; }
      location /on { proxy_pass_trailers on; proxy_pass http://${upstream.address}; }
      location /gzip { gzip on; proxy_pass_trailers on; proxy_pass http://${upstream.address}; }
      location /more { proxy_pass_trailers on; add_trailer X-Own $upstream_status; proxy_pass http://${upstream.address}; } } }`,
    { scope: t },
  );
  const client = await RawConnection.open({ port });
  const trailers = async (path: string, gzip = false): Promise<unknown> =>
    (await client.request({ path, headers: gzip ? { 'Accept-Encoding': 'gzip' } : {} })).trailers;
  assert.deepEqual(await trailers('/'), []);
  assert.deepEqual(await trailers('/on'), [['X-Sum', '1']]);
  assert.deepEqual(await trailers('/gzip', true), [['X-Sum', '1']]);
  assert.deepEqual(await trailers('/more'), [
    ['X-Sum', '1'],
    ['X-Own', '200'],
  ]);
  const answer = await client.request({ path: '/on' });
  assert.deepEqual(
    answer.headers.filter(([name]) => name === 'Trailer'),
    [['Trailer', 'X-Sum, X-Secret']],
  );
  assert.equal((await request({ port, path: '/on', version: '1.0' })).body.toString(), 'ok');
  client.close();
});

test('proxy_limit_rate reads no faster than it says, and all of it', async (t) => {
  const text = 'x'.repeat(6000);
  const upstream = await RecordingUpstream.start({ answer: { body: text } }, t);
  const port = await freePort();
  await startProxy(
    `http { server { listen 127.0.0.1:${port};
      location / { proxy_limit_rate $arg_rate; proxy_pass http://${upstream.address}; }
      location /unbuffered { proxy_limit_rate 1k; proxy_buffering off; proxy_pass http://${upstream.address}; } } }`,
    { scope: t },
  );
  assert.equal((await request({ port, path: '/?rate=4k' })).body.toString(), text);
  assert.equal((await request({ port, path: '/' })).body.toString(), text);
  assert.equal((await request({ port, path: '/?rate=nonsense' })).body.toString(), text);
  assert.equal((await request({ port, path: '/unbuffered' })).body.toString(), text);
});
