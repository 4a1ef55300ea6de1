// What clients notice of the core settings about connections, heads and built-in pages, beside
// nginx: keepalive_disable, msie_*, lingering_close, timeouts, unusual field names, server_tokens.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { freePort, freePorts } from './kit/ports.ts';
import { formatRequest, RawConnection, request } from './kit/raw-client.ts';
import { RecordingUpstream } from './kit/recording-upstream.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

const agents = {
  none: '',
  msie5: 'Mozilla/4.0 (compatible; MSIE 5.5; Windows 98)',
  msie6: 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)',
  sp2: 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1; SV1)',
  msie7: 'Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 6.0)',
  short: 'MSIE 6',
  noDot: 'MSIE 60 and more',
  opera: 'Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1) Opera 9',
  gecko: 'Mozilla/5.0 Gecko/20100101 Firefox/99.0 Chrome/1 Safari/1 Mac OS X',
  chrome: 'Mozilla/5.0 (Macintosh; Mac OS X) KHTML, like Geckos Chrome/99.0 Safari/537.36',
  safari: 'Mozilla/5.0 (Macintosh; Mac OS X) KHTML, like Geckos Version/16.1 Safari/605.1',
  iphone: 'Mozilla/5.0 (iPhone) KHTML Version/16.1 Safari/605.1',
} as const;

const paths = {
  keepalive: ['/x', '/none', '/safari', '/both'],
  pages: ['/e404', '/e503', '/e400', '/e444', '/unpadded', '/own-page', '/moved', '/text404'],
  redirects: [
    '/r301',
    '/r302',
    '/r303',
    '/r307',
    '/relative',
    '/full',
    '/off',
    '/by-error',
    '/dir',
  ],
} as const;

const config = ({ ports: [port, loose, tokens] }: Site): string => `
events { }
http {
  access_log off;
  server_tokens off;
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "x"; }
    location /none { keepalive_disable none; return 200 "x"; }
    location /safari { keepalive_disable safari; return 200 "x"; }
    location /both { keepalive_disable msie6 safari; return 200 "x"; }
    location /e404 { return 404; }
    location /e503 { return 503; }
    location /e400 { return 400; }
    location /e444 { return 444; }
    location /unpadded { msie_padding off; return 404; }
    location /own-page { error_page 404 /x; return 404; }
    location /moved { return 301 /there; }
    location /text404 { return 404 "text"; }
    location /r301 { msie_refresh on; return 301 "/a b\\"c%20'd<>&\\xc3!#()*+,-./:;=?@[]^_\`{|}~"; }
    location /r302 { msie_refresh on; return 302 /x; }
    location /r303 { msie_refresh on; return 303 /x; }
    location /r307 { msie_refresh on; return 307 /x; }
    location /relative { msie_refresh on; absolute_redirect off; return 302 /x; }
    location /full { msie_refresh on; return 302 http://other.test/$arg_a; }
    location /off { msie_refresh off; return 302 /x; }
    location /by-error { msie_refresh on; error_page 404 http://other.test/; return 404; }
    location /dir/ { msie_refresh on; proxy_pass http://127.0.0.1:1; }
  }
  server {
    listen 127.0.0.1:${loose};
    ignore_invalid_headers off;
    location / { return 200 "[$http_x_a] [$http_x_b]"; }
    location /proxied { proxy_pass http://127.0.0.1:1; }
  }
  server {
    listen 127.0.0.1:${tokens};
    underscores_in_headers on;
    location / { return 200 "[$http_x_a] [$http_x_b]"; }
  }
}`;

const browsers: ComparedRequest[] = Object.entries(agents).flatMap(([name, agent]) =>
  [...paths.keepalive, ...paths.pages, ...paths.redirects].flatMap((path) =>
    ['GET', 'POST', 'HEAD'].map((method) => ({
      name: `${name} ${method} ${path}`,
      method,
      path,
      headers: { 'User-Agent': agent },
      ...(method === 'POST' ? { body: 'a=1' } : {}),
    })),
  ),
);

const fieldNames: ComparedRequest[] = [1, 2].flatMap((to) =>
  [
    { 'X-A': '1' },
    { X_A: '1' },
    { X_A: '1', 'X.B': '2' },
    { "X'A": '1' },
    { 'X!': '1', 'X#': '2', X$: '3', 'X%': '4', 'X&': '5', 'X*': '6', 'X+': '7', 'X~': '8' },
    { Host_Name: 'x' },
    { Content_Length: '5' },
  ].map((headers) => ({ name: `${to} ${JSON.stringify(headers)}`, to, headers })),
);

test('browsers and field names are dealt with as by nginx', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config,
    requests: [...browsers, ...fieldNames],
    listens: 3,
    scope: t,
    // The built-in pages are signed with the product's name.
    ignore: { answerHeaders: ['date', 'server', 'content-length'] },
  });
  const renamed = pairs.map((pair) => ({
    ...pair,
    nginx: withoutName(pair.nginx),
    proxy: withoutName(pair.proxy),
  }));
  assertSameAsNginx(renamed);
});

function withoutName<O extends { readonly answers: readonly { readonly body: string }[] }>(
  observed: O,
): O {
  const answers = observed.answers.map((answer) => ({
    ...answer,
    body: answer.body.replace(/<center>(nginx|sallyport)<\/center>/, '<center>name</center>'),
  }));
  return { ...observed, answers };
}

// ---- how connections end

/** What a client sees of an end: all bytes, and whether it was a reset. */
async function ending(
  port: number,
  talk: (connection: RawConnection) => Promise<void>,
): Promise<{ text: string; reset: boolean }> {
  const connection = await RawConnection.open({ port });
  let reset = false;
  connection.socket.on('error', (error: NodeJS.ErrnoException) => {
    reset ||= error.code === 'ECONNRESET';
  });
  const closed = new Promise<void>((resolve) => connection.socket.on('close', () => resolve()));
  await talk(connection);
  const text = await connection.closed().catch(() => Buffer.alloc(0));
  connection.end();
  await Promise.race([closed, sleep(300)]);
  return { text: text.toString('latin1').replace(/\r\n.*/s, ''), reset };
}

const post = 'POST /proxied HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nab';

const endings = (port: number, upstream: string, more: string): string => `
events { }
http {
  access_log off; client_header_timeout 300ms; client_body_timeout 300ms; ${more}
  server {
    listen 127.0.0.1:${port};
    location / { return 200 "x"; }
    location /444 { return 444; }
    location /proxied { proxy_pass http://${upstream}; }
  }
}`;

const talks: Readonly<Record<string, (connection: RawConnection) => Promise<void>>> = {
  'half a head': (connection) => connection.send('GET / HTTP/1.1\r\nHost'),
  'half a body': (connection) => connection.send(post),
  'return 444': (connection) => connection.send('GET /444 HTTP/1.1\r\nHost: a\r\n\r\n'),
};

type Endings = Record<string, { text: string; reset: boolean }>;

for (const setting of ['off', 'on']) {
  test(`reset_timedout_connection ${setting}: connections end as in nginx`, { skip }, async (t) => {
    const upstream = await RecordingUpstream.start({}, t);
    const seen: Endings[] = [];
    for (const start of ['nginx', 'proxy']) {
      const port = await freePort();
      const text = endings(port, upstream.address, `reset_timedout_connection ${setting};`);
      const folder = tempFolder(t);
      if (start === 'nginx') await startNginx(text, { folder, scope: t });
      else await startProxy(text, { folder, scope: t });
      const found: Endings = {};
      for (const [name, talk] of Object.entries(talks)) found[name] = await ending(port, talk);
      seen.push(found);
    }
    const [theirs, ours] = seen;
    assert.deepEqual(theirs?.['half a head'], { text: '', reset: setting === 'on' });
    // Without a reset there is an answer to a body that does not come: RFC 9110, 15.5.9.
    if (setting === 'off' && theirs !== undefined && ours !== undefined) {
      assert.equal(ours['half a body']?.text, 'HTTP/1.1 408 Request Time-out');
      delete theirs['half a body'];
      delete ours['half a body'];
    }
    assert.deepEqual(ours, theirs);
  });
}

/** Sends a request that closes the connection, and more after the answer: is it reset for that? */
async function isReset(port: number, head: string): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  let reset = false;
  socket.on('error', () => (reset = true));
  const ended = new Promise((resolve) => socket.on('end', resolve));
  socket.resume();
  socket.write(head);
  await ended;
  for (let i = 0; i < 10 && !reset; i += 1) {
    socket.write('x');
    await sleep(20);
  }
  socket.destroy();
  return reset;
}

test('lingering_close: reading goes on as the client may send more', async (t) => {
  const rows: [string, string, boolean][] = [];
  const plain = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
  const withBody =
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 900\r\n\r\nab';
  for (const setting of ['off', 'on', 'always']) {
    const port = await freePort();
    const text = `http { lingering_close ${setting}; access_log off;
      server { listen 127.0.0.1:${port}; location / { return 200 "x"; } } }`;
    await startProxy(text, { scope: t });
    rows.push([setting, 'whole', await isReset(port, plain)]);
    rows.push([setting, 'part', await isReset(port, withBody)]);
  }
  assert.deepEqual(rows, [
    ['off', 'whole', true],
    ['off', 'part', true],
    ['on', 'whole', true],
    ['on', 'part', false],
    ['always', 'whole', false],
    ['always', 'part', false],
  ]);
});

test('keepalive_min_timeout: an idle connection outlives the end of its worker', async (t) => {
  const [port = 0, other = 0] = await freePorts(2);
  const running = await startProxy(
    `http { access_log off; keepalive_min_timeout 700ms;
      server { listen 127.0.0.1:${port}; location / { return 200 "x"; } }
      server { listen 127.0.0.1:${other}; keepalive_min_timeout 0; location / { return 200 "x"; } } }`,
    { scope: t },
  );
  const stays = await RawConnection.open({ port });
  const ends = await RawConnection.open({ port: other });
  for (const one of [stays, ends]) assert.equal((await one.request()).status, 200);
  const quit = running.proxy.quit();
  await ends.closed();
  const last = await stays.request();
  assert.equal(last.status, 200);
  assert.deepEqual(
    last.headers.filter(([name]) => name === 'Connection'),
    [['Connection', 'close']],
  );
  await quit;
});

test('keepalive_min_timeout is over in time', async (t) => {
  const port = await freePort();
  const running = await startProxy(
    `http { access_log off; keepalive_min_timeout 200ms;
      server { listen 127.0.0.1:${port}; location / { return 200 "x"; } } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  await connection.request();
  await running.proxy.quit();
  await connection.closed();
});

test('tcp_nodelay off is taken, and large and small answers are whole', async (t) => {
  const port = await freePort();
  await startProxy(
    `http { access_log off; server { listen 127.0.0.1:${port};
      location / { tcp_nodelay off; return 200 "x"; }
      location /on { tcp_nodelay on; return 200 "y"; } } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  for (const path of ['/', '/', '/on', '/']) {
    const answer = await connection.request({ path });
    assert.equal(answer.body.toString(), path === '/on' ? 'y' : 'x');
  }
});

// ---- server_tokens

test('server_tokens: a text of the configuration, with variables, or nothing', async (t) => {
  const port = await freePort();
  await startProxy(
    `http { access_log off; server_tokens on; server { listen 127.0.0.1:${port};
      location /on { return 404; }
      location /off { server_tokens off; return 404; }
      location /build { server_tokens build; return 404; }
      location /text { server_tokens "my gateway"; return 404; }
      location /variable { server_tokens "for $arg_a"; return 404; }
      location /nothing { server_tokens ""; return 404; }
      location /empty { server_tokens $arg_none; return 404; } } }`,
    { scope: t },
  );
  const get = async (path: string): Promise<[string | undefined, string | undefined]> => {
    const answer = await request({ port, path });
    const [, server] = answer.headers.find(([name]) => name === 'Server') ?? [];
    return [server, /<hr><center>(.*)<\/center>/.exec(answer.body.toString())?.[1]];
  };
  const [version] = await get('/on');
  assert.match(version ?? '', /^sallyport\/\d+\.\d+\.\d+$/);
  assert.deepEqual(await get('/on'), [version, version]);
  assert.deepEqual(await get('/build'), [version, version]);
  assert.deepEqual(await get('/off'), ['sallyport', 'sallyport']);
  assert.deepEqual(await get('/text'), ['my gateway', 'my gateway']);
  assert.deepEqual(await get('/variable?a=1'), ['for 1', 'for 1']);
  assert.deepEqual(await get('/variable?a=<b>'), ['for <b>', 'for &lt;b&gt;']);
  assert.deepEqual(await get('/nothing'), [undefined, undefined]);
  assert.deepEqual(await get('/empty'), [undefined, undefined]);
});

test('one browser after the other gets its own page', async (t) => {
  const port = await freePort();
  await startProxy(
    `http { access_log off; server { listen 127.0.0.1:${port}; location / { return 404; } } }`,
    { scope: t },
  );
  const connection = await RawConnection.open({ port });
  const lengths: number[] = [];
  for (const agent of [agents.gecko, agents.chrome, agents.gecko]) {
    await connection.send(formatRequest({ headers: { 'User-Agent': agent } }));
    lengths.push((await connection.response()).body.length);
  }
  assert.equal(lengths[0], lengths[2]);
  assert.equal((lengths[1] ?? 0) - (lengths[0] ?? 0), 6 * 67);
});
