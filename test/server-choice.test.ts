// Which virtual server answers: by address and port, then by name, beside real nginx.

import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import type { ComparedRequest, Site } from './kit/both.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { freePorts } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import type { Target } from './kit/raw-client.ts';
import { proxyStarter, startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

const names = ({ ports: [byName, unnamed, byDefault, catchAll] }: Site): string => `
events {}
http {
  server { listen 127.0.0.1:${byName}; server_name first.test; return 200 "first $server_name $host"; }
  server { listen 127.0.0.1:${byName}; server_name exact.test Second.TEST third.test.; return 200 "exact $server_name $host"; }
  server { listen 127.0.0.1:${byName}; server_name *.wild.test; return 200 "*.wild $server_name $host"; }
  server { listen 127.0.0.1:${byName}; server_name *.deep.wild.test; return 200 "*.deep.wild $host"; }
  server { listen 127.0.0.1:${byName}; server_name .both.test; return 200 ".both $server_name $host"; }
  server { listen 127.0.0.1:${byName}; server_name mail.*; return 200 "mail.* $host"; }
  server { listen 127.0.0.1:${byName}; server_name mail.more.*; return 200 "mail.more.* $host"; }
  server { listen 127.0.0.1:${byName}; server_name ~^(?<user>\\w+)\\.users\\.test$ ~^plain(\\d+)\\.test$; return 200 "regex user=$user 1=$1 $server_name $host"; }
  server { listen 127.0.0.1:${byName}; server_name ~users; return 200 "second regex $host"; }
  server { listen 127.0.0.1:${byName}; server_name ~^UPPER\\.case; return 200 "upper regex $host"; }
  server { listen 127.0.0.1:${byName}; server_name 192.0.2.1 [::1]; return 200 "address $host"; }
  server { listen 127.0.0.1:${byName}; server_name ""; return 200 "empty [$server_name] $host"; }
  server { listen 127.0.0.1:${byName}; server_name _; return 200 "underscore $host"; }
  server { listen 127.0.0.1:${byName}; server_name captured.test;
    location ~ ^/(?<user>a)(b)? { return 200 "location user=$user 1=$1 2=$2"; }
    return 404;
  }
  server { listen 127.0.0.1:${byName}; server_name ~^(?<sub>.+)\\.keep\\.test$;
    location / { return 200 "sub=$sub 1=$1"; }
    location ~ ^/regex/(x)? { return 200 "sub=$sub 1=$1"; }
  }

  server { listen 127.0.0.1:${unnamed}; return 200 "unnamed [$server_name] $host"; }
  server { listen 127.0.0.1:${unnamed}; server_name named.test; return 200 "named $server_name"; }

  server { listen 127.0.0.1:${byDefault}; server_name a.test; return 200 "a $host"; }
  server { listen 127.0.0.1:${byDefault} default_server; server_name b.test; return 200 "b $host"; }
  server { listen 127.0.0.1:${byDefault}; server_name c.test d.test; return 200 "c $server_name $host"; }

  server { listen 127.0.0.1:${catchAll}; listen 127.0.0.1:${byDefault}; server_name both-ports.test; return 200 "both ports $server_port"; }
  server { listen 127.0.0.1:${catchAll} default_server; server_name _ x.test; return 444; }
}`;

const hosts = [
  'first.test',
  'exact.test',
  'EXACT.test',
  'exact.test.',
  'exact.test:81',
  'exact.test.:81',
  'second.test',
  'third.test',
  'unknown.test',
  'wild.test',
  'a.wild.test',
  'a.b.wild.test',
  'deep.wild.test',
  'a.deep.wild.test',
  'awild.test',
  '.wild.test',
  'both.test',
  'a.both.test',
  'a.b.both.test',
  'mail.test',
  'mail.example.test',
  'mail.more.test',
  'mail.more.example.test',
  'mail',
  'mail.',
  'bob.users.test',
  'b-b.users.test',
  'BOB.users.test',
  'plain12.test',
  'upper.case',
  '192.0.2.1',
  '192.0.2.1:80',
  '[::1]',
  '[::1]:80',
  '[2001:db8::1]',
  '_',
  'captured.test',
  'x.keep.test',
  'named.test',
  'a.test',
  'b.test',
  'c.test',
  'd.test',
  'both-ports.test',
  'x.test',
  'a_b.test',
  'xn--caf-dma.test',
  'first.test:',
  'first.test:0',
  '*.wild.test',
  '.',
  'a..b',
  'first.test/',
  'first test',
  'first.test:80:80',
  'first.test:abc',
  'caf\xe9.test',
  '[::1',
  '[::1]x',
  '',
  'a@first.test',
  '%66irst.test',
];

// What nginx takes for a host, or answers from the default server, is refused here: two readers
// could see two hosts in it (RFC 9112, 3.2).
const strictHosts = new Set<string>([
  '.wild.test',
  'first.test:80:80',
  'first.test:abc',
  'a@first.test',
  '[::1',
  '[::1]x',
  'caf\xe9.test',
]);

test('names are matched as nginx matches them, on each of several ports', { skip }, async (t) => {
  const requests: ComparedRequest[] = [0, 1, 2, 3].flatMap((to) =>
    hosts.map((host) => ({
      name: `host "${host}" on port ${to}`,
      to,
      headers: { Host: host },
      ...(strictHosts.has(host) ? { differs: 'an invalid Host is refused' } : {}),
    })),
  );
  requests.push(
    ...[0, 1, 2, 3].flatMap((to): ComparedRequest[] => [
      { name: `HTTP/1.0 without Host on port ${to}`, to, raw: 'GET / HTTP/1.0\r\n\r\n' },
      { name: `HTTP/1.1 without Host on port ${to}`, to, raw: 'GET / HTTP/1.1\r\n\r\n' },
    ]),
    { path: '/ab', headers: { Host: 'captured.test' } },
    { path: '/a', headers: { Host: 'captured.test' } },
    { path: '/regex/x', headers: { Host: 'x.keep.test' } },
    { path: '/regex/', headers: { Host: 'x.y.keep.test' } },
    { path: 'http://exact.test/', headers: { Host: 'exact.test' } },
    {
      name: 'two Hosts',
      headers: [
        ['Host', 'first.test'],
        ['Host', 'exact.test'],
      ],
    },
  );
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: names,
    requests,
    listens: 4,
    scope: t,
  });
  assertSameAsNginx(pairs);
});

test('after the first request of a connection another name may follow', { skip }, async (t) => {
  const pairs = await compareWithNginx({
    proxy: proxyStarter,
    config: names,
    listens: 4,
    requests: [
      {
        name: 'three hosts on one connection',
        exchange: async (connection) => {
          const answers = [];
          for (const host of ['exact.test', 'bob.users.test', 'x.keep.test', 'nobody.test']) {
            answers.push(await connection.request({ headers: { Host: host } }));
          }
          return answers;
        },
      },
    ],
    scope: t,
  });
  assertSameAsNginx(pairs);
});

function canListen(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(0, host, () => server.close(() => resolve(true)));
  });
}

async function answered(target: Target, headers: Record<string, string>): Promise<string> {
  const { status, body } = await request({ ...target, headers });
  return `${status} ${body.toString()}`;
}

test('single addresses stand beside the address of all, and unix sockets', { skip }, async (t) => {
  const withIpv6 = await canListen('::1');
  const sides = [
    { start: (text: string, folder: string) => startNginx(text, { folder, scope: t }) },
    { start: (text: string, folder: string) => startProxy(text, { folder, scope: t }) },
  ];
  const seen: string[][] = [];
  for (const side of sides) {
    const folder = tempFolder(t);
    const [port = 0, other = 0] = await freePorts(2);
    const socketPath = `${folder}/s.sock`;
    await side.start(
      `events {}
http {
  server { listen ${port}; server_name any.test; return 200 "any $server_addr $server_name"; }
  server { listen 127.0.0.1:${port}; server_name single.test; return 200 "single $server_addr"; }
  server { listen 127.0.0.2:${port}; server_name two.test; return 200 "two $server_addr"; }
  server { listen 127.0.0.2:${port}; server_name more.test; return 200 "more $server_addr"; }
  server { listen *:${other}; server_name all.test; return 200 "all $server_addr"; }
  server { listen localhost:${other}; server_name local.test; return 200 "localhost"; }
  server { listen unix:${socketPath}; server_name unix.test; return 200 "unix $server_name $remote_addr $remote_port"; }
  server { listen unix:${socketPath} default_server; server_name u2.test; return 200 "unix default $server_name"; }
  ${withIpv6 ? `server { listen [::1]:${port}; server_name six.test; return 200 "six $server_addr $remote_addr"; }` : ''}
}`,
      folder,
    );
    const results: string[] = [];
    for (const host of ['any.test', 'single.test', 'two.test', 'more.test', 'none.test']) {
      for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
        results.push(await answered({ port, host: address }, { Host: host }));
      }
    }
    for (const host of ['all.test', 'local.test', 'none.test']) {
      results.push(await answered({ port: other }, { Host: host }));
      results.push(await answered({ port: other, host: '127.0.0.9' }, { Host: host }));
    }
    for (const host of ['unix.test', 'u2.test', 'none.test']) {
      results.push(await answered({ socketPath }, { Host: host }));
    }
    if (withIpv6) results.push(await answered({ port, host: '::1' }, { Host: 'six.test' }));
    seen.push(results);
  }
  assert.deepEqual(seen[1], seen[0]);
});
