// `sticky`: a cookie of the proxy's own, a route that the request carries, sessions that are learnt
// from responses; what happens when the server that a request is bound to cannot serve it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { namedServers, type NamedServer } from './kit/named-servers.ts';
import { freePort } from './kit/ports.ts';
import { request, type RawResponse } from './kit/raw-client.ts';
import { startProxy } from './kit/sallyport.ts';

function config(port: number, group: string, main = ''): string {
  return `${main} events { }
    http { upstream backend { ${group} }
    server { listen 127.0.0.1:${port}; location / { proxy_pass http://backend; } } }`;
}

function lines(servers: readonly NamedServer[], parameters: readonly string[] = []): string {
  return servers.map(({ address }, i) => `server ${address} ${parameters[i] ?? ''};`).join(' ');
}

function sidOf({ address }: NamedServer): string {
  return createHash('md5').update(address).digest('hex');
}

function cookies({ headers }: RawResponse): string[] {
  return headers.filter(([name]) => name === 'Set-Cookie').map(([, value]) => value);
}

function ask(port: number, cookie = '', path = '/'): Promise<RawResponse> {
  const headers = cookie === '' ? {} : { Cookie: cookie };
  return request({ port, path, headers });
}

async function names(port: number, cookie: string, count = 6): Promise<string> {
  let text = '';
  for (let i = 0; i < count; i += 1) text += String((await ask(port, cookie)).body);
  return text;
}

test('cookie: an answer names its server, and requests with that cookie go there', async (t) => {
  const port = await freePort();
  const servers = await namedServers(3, { scope: t, headers: { 'Set-Cookie': 'own=1' } });
  await startProxy(config(port, `${lines(servers)} sticky cookie srv;`), { scope: t });
  for (const server of servers) {
    assert.deepEqual(cookies(await ask(port, `srv=${sidOf(server)}`)), [
      `srv=${sidOf(server)}`,
      'own=1',
    ]);
    assert.equal(await names(port, `a=b; srv=${sidOf(server)}`), server.name.repeat(6));
  }
  assert.equal(new Set(await names(port, '')).size, 3, 'unbound requests are balanced');
  assert.equal(new Set(await names(port, 'srv=unknown')).size, 3);
});

test('cookie: attributes in the order and the letters of nginx', async (t) => {
  const port = await freePort();
  const servers = await namedServers(2, { scope: t });
  const parameters = 'expires=1h domain=.$host path=/app httponly secure samesite=$arg_same';
  const group = `${lines(servers, ['route=one', 'route=one'])} sticky cookie srv ${parameters};`;
  await startProxy(config(port, group), { scope: t });
  const [cookie = ''] = cookies(await ask(port, '', '/?same=Lax'));
  assert.match(
    cookie,
    /^srv=one; expires=\w{3}, \d\d-\w{3}-\d\d \d\d:\d\d:\d\d GMT; max-age=3600; domain=\.localhost; httponly; secure; samesite=Lax; path=\/app$/,
  );
  const [strict = ''] = cookies(await ask(port, '', '/?same=nonsense'));
  assert.match(strict, /; samesite=strict; path=/);
  const [none = ''] = cookies(await ask(port));
  assert.doesNotMatch(none, /samesite/);
});

test('cookie: expires=max, and nothing more than was asked for', async (t) => {
  const port = await freePort();
  const servers = await namedServers(1, { scope: t });
  const group = `${lines(servers, ['route=x'])} sticky cookie srv expires=max;`;
  await startProxy(config(port, group), { scope: t });
  assert.deepEqual(cookies(await ask(port)), [
    'srv=x; expires=Thu, 31-Dec-37 23:55:55 GMT; max-age=315360000',
  ]);
});

test('cookie: a dead server is left, and the answer names the one that took its place', async (t) => {
  const port = await freePort();
  const [alive] = await namedServers(1, { scope: t });
  assert.ok(alive !== undefined);
  const group = `server 127.0.0.1:${await freePort()} route=dead; server ${alive.address} route=alive;`;
  await startProxy(config(port, `${group} sticky cookie srv;`), { scope: t });
  for (let i = 0; i < 3; i += 1) {
    const answer = await ask(port, 'srv=dead');
    assert.equal(answer.status, 200);
    assert.deepEqual(cookies(answer), ['srv=alive']);
  }
});

test('a server that drains keeps those that are bound to it, and gets no others', async (t) => {
  const port = await freePort();
  const servers = await namedServers(2, { scope: t });
  for (const method of ['', 'least_conn;', 'hash $arg_k consistent;', 'ip_hash;', 'random two;']) {
    const group = `${method} ${lines(servers, ['drain route=d', 'route=r'])} sticky cookie srv;`;
    const proxy = await startProxy(config(port, group), { scope: t });
    assert.equal(await names(port, 'srv=d'), 'aaaaaa', method);
    assert.equal(await names(port, ''), 'bbbbbb', method);
    await proxy.stop();
  }
});

test('a server that serves bound requests gets fewer of the others', async (t) => {
  const port = await freePort();
  const servers = await namedServers(2, { scope: t });
  const group = `${lines(servers, ['route=a', 'route=b'])} sticky cookie srv;`;
  await startProxy(config(port, group), { scope: t });
  let others = '';
  for (let i = 0; i < 12; i += 1) {
    assert.equal(String((await ask(port, 'srv=a')).body), 'a');
    others += String((await ask(port)).body);
  }
  assert.ok(others.split('b').length - 1 >= 11, others);
});

test('route: the first variable with a value has the route', async (t) => {
  const port = await freePort();
  const servers = await namedServers(3, { scope: t });
  const routes = ['route=a', 'route=b', ''];
  const group = `${lines(servers, routes)} sticky route $cookie_route $arg_route;`;
  await startProxy(config(port, group), { scope: t });
  const of = async (path: string, cookie: string): Promise<string> =>
    String((await ask(port, cookie, path)).body);
  for (let i = 0; i < 4; i += 1) {
    assert.equal(await of('/?route=b', ''), 'b');
    assert.equal(await of('/?route=b', 'route=a'), 'a');
    assert.equal(await of('/?route=b', 'route='), 'b');
    assert.equal(await of(`/?route=${sidOf(servers[2] ?? assert.fail())}`, ''), 'c');
  }
  assert.deepEqual(cookies(await ask(port, 'route=a')), []);
});

function openedByFirst(name: string): Record<string, string> {
  return name === 'a' ? { 'Set-Cookie': 'session=s1; path=/' } : {};
}

for (const when of ['', 'header']) {
  test(`learn ${when}: a session stays with the server that opened it, in all workers`, async (t) => {
    const port = await freePort();
    const [opening, other] = await namedServers(2, { scope: t, headers: openedByFirst });
    assert.ok(opening !== undefined && other !== undefined);
    const learn =
      'sticky learn create=$upstream_cookie_session lookup=$cookie_session lookup=$arg_session ' +
      `zone=sessions:1m ${when};`;
    const group = `server ${opening.address}; server ${other.address}; ${learn}`;
    await startProxy(config(port, group, 'worker_processes 2; master_process on;'), { scope: t });
    const unbound = await Promise.all(Array.from({ length: 20 }, () => ask(port)));
    assert.equal(new Set(unbound.map(({ body }) => String(body))).size, 2);
    const bound = await Promise.all(Array.from({ length: 30 }, () => ask(port, 'session=s1')));
    assert.deepEqual(new Set(bound.map(({ body }) => String(body))), new Set(['a']));
    const asked = opening.requests;
    assert.equal(String((await ask(port, '', '/?session=s1')).body), 'a');
    assert.equal(opening.requests, asked + 1);
    const unknown = await Promise.all(Array.from({ length: 20 }, () => ask(port, 'session=s2')));
    assert.equal(new Set(unknown.map(({ body }) => String(body))).size, 2);
  });
}

test('learn: a session that is not used for the time given is forgotten', async (t) => {
  const port = await freePort();
  const [opening, other] = await namedServers(2, { scope: t, headers: openedByFirst });
  assert.ok(opening !== undefined && other !== undefined);
  const learn =
    'sticky learn create=$upstream_cookie_session lookup=$cookie_session zone=s:1m timeout=150ms;';
  const group = `server ${opening.address}; server ${other.address}; ${learn}`;
  await startProxy(config(port, group), { scope: t });
  assert.equal(await names(port, '', 2), 'ab');
  for (let i = 0; i < 4; i += 1) {
    assert.equal(String((await ask(port, 'session=s1')).body), 'a');
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.equal(String((await ask(port, 'session=s1')).body), 'b');
});
