// Which server a key, or a client, gets: the same as with nginx, for 1,000 keys each, with weights,
// with servers that are down, and with servers that are dead, so that the next choice counts too.

import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { namedServers, type NamedServer } from './kit/named-servers.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { freePort, freePorts } from './kit/ports.ts';
import { RawConnection } from './kit/raw-client.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;
const count = 1000;

/** Numbers by chance, the same in each run. */
function numbers(howMany: number): number[] {
  const list: number[] = [];
  let state = 20260917;
  for (let i = 0; i < howMany; i += 1) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    list.push(state >>> 8);
  }
  return list;
}

type Lines = (servers: readonly NamedServer[], dead: string) => readonly string[];

const plain: Lines = (servers) => servers.map(({ address }) => `${address}`);
const weighted: Lines = (servers) => servers.map(({ address }, i) => `${address} weight=${i + 1}`);
const oneDown: Lines = (servers) =>
  servers.map(({ address }, i) => (i === 1 ? `${address} down weight=3` : address));
const oneDead: Lines = (servers, dead) => [
  `${dead} max_fails=0 weight=3`,
  ...servers.map(({ address }) => address),
];

const variants: Readonly<Record<string, Lines>> = { plain, weighted, oneDown, oneDead };

function groups(method: string, servers: readonly NamedServer[], dead: string): string {
  return Object.entries(variants)
    .map(([name, lines]) => {
      const written = lines(servers, dead).map((line) => `server ${line};`);
      return `upstream ${name} { ${method} ${written.join(' ')} keepalive 8; }`;
    })
    .join('\n');
}

function config(port: number, upstreams: string): string {
  const locations = Object.keys(variants).map(
    (name) => `location /${name} { proxy_pass http://${name}; }`,
  );
  return `events { } http { access_log off; keepalive_requests 100000;
    proxy_http_version 1.1; proxy_set_header Connection "";
    ${upstreams}
    server { listen 127.0.0.1:${port}; ${locations.join(' ')} } }`;
}

/** What each request is answered with, over one connection, some of them at a time. */
async function answers(port: number, paths: readonly string[]): Promise<string[]> {
  const connection = await RawConnection.open({ port });
  const names: string[] = [];
  for (let at = 0; at < paths.length; at += 50) {
    const some = paths.slice(at, at + 50);
    await connection.send(some.map((one) => `GET ${one} HTTP/1.1\r\nHost: a\r\n\r\n`).join(''));
    for (let i = 0; i < some.length; i += 1) {
      const response = await connection.response();
      names.push(response.status === 200 ? String(response.body) : String(response.status));
    }
  }
  connection.close();
  return names;
}

for (const method of ['hash $arg_key;', 'hash $arg_key consistent;']) {
  test(`"${method}" chooses as nginx does, for 1,000 keys`, { skip }, async (t) => {
    const unixPath = path.join(tempFolder(t), 'e.sock');
    const servers = await namedServers(4, { scope: t, unixPath });
    const dead = `127.0.0.1:${await freePort()}`;
    const [ours = 0, theirs = 0] = await freePorts(2);
    const upstreams = groups(method, servers, dead);
    await startNginx(config(theirs, upstreams), { scope: t });
    await startProxy(config(ours, upstreams), { scope: t });
    for (const name of Object.keys(variants)) {
      const paths = numbers(count).map((n, i) => `/${name}?key=${n.toString(36)}/${i % 7}`);
      const expected = await answers(theirs, paths);
      assert.deepEqual(await answers(ours, paths), expected, name);
      assert.ok(new Set(expected).size >= 4, `${name}: not all on one server`);
    }
  });
}

/** What a client at an address of its own is answered. */
function answerTo(localAddress: string, port: number, to: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path: to, localAddress, agent: false as const };
    const request = httpRequest(options, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (text: string) => (body += text));
      response.on('end', () => resolve(response.statusCode === 200 ? body : 'no answer'));
    });
    request.on('error', reject).end();
  });
}

test('"ip_hash" chooses as nginx does, for 1,000 clients', { skip }, async (t) => {
  const servers = await namedServers(4, { scope: t });
  const dead = `127.0.0.1:${await freePort()}`;
  const [ours = 0, theirs = 0] = await freePorts(2);
  const upstreams = groups('ip_hash;', servers, dead);
  await startNginx(config(theirs, upstreams), { scope: t });
  await startProxy(config(ours, upstreams), { scope: t });
  const clients = numbers(count).map(
    (n) => `127.${n & 255}.${(n >>> 8) & 255}.${1 + ((n >>> 16) % 254)}`,
  );
  const names = Object.keys(variants);
  const seen = new Set<string>();
  for (const [i, client] of clients.entries()) {
    const to = `/${names[i % names.length] ?? ''}`;
    const expected = await answerTo(client, theirs, to);
    assert.equal(await answerTo(client, ours, to), expected, `${client} ${to}`);
    seen.add(expected);
  }
  assert.equal(seen.size, 4);
});

test('an empty key leaves the choice to round robin, as in nginx', { skip }, async (t) => {
  const servers = await namedServers(3, { scope: t });
  const [ours = 0, theirs = 0] = await freePorts(2);
  const upstreams = groups('hash $arg_key consistent;', servers, '127.0.0.1:1');
  await startNginx(config(theirs, upstreams), { scope: t });
  await startProxy(config(ours, upstreams), { scope: t });
  const paths = Array.from({ length: 12 }, () => '/weighted');
  const expected = await answers(theirs, paths);
  assert.deepEqual(await answers(ours, paths), expected);
  assert.equal(expected.join(''), 'cbacbccbacbc');
});
