// `set_real_ip_from` and its like beside real nginx: whose address counts.

import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const config = ({ port, folder, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  log_format who "$remote_addr $realip_remote_addr";
  access_log ${folder}/access.log who;
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    set_real_ip_from 127.0.0.0/8;
    set_real_ip_from 10.0.0.0/8;
    set_real_ip_from 2001:db8::/32;
    location / { return 200 "$remote_addr|$remote_port|$realip_remote_addr\\n"; }
    location /xff/ {
      real_ip_header X-Forwarded-For;
      try_files /none @show;
    }
    location /recursive/ {
      real_ip_header X-Forwarded-For;
      real_ip_recursive on;
      try_files /none @show;
    }
    location /own/ { real_ip_header X-Client; try_files /none @show; }
    location /localhost/ { set_real_ip_from localhost; real_ip_header X-Client; try_files /none @show; }
    location /elsewhere/ { set_real_ip_from 192.0.2.0/24; real_ip_header X-Client; try_files /none @show; }
    location /unix/ { set_real_ip_from unix:; real_ip_header X-Client; try_files /none @show; }
    location /protocol/ { real_ip_header proxy_protocol; try_files /none @show; }
    location /denied/ { deny 192.0.2.1; allow all; try_files /none @show; }
    location /denied-here/ { real_ip_header X-Client; deny 192.0.2.1; allow all; try_files /none @show; }
    location /passed/ {
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_pass http://group;
    }
    location @show { return 200 "$remote_addr|$remote_port|$realip_remote_addr\\n"; }
  }
}`;

const lists = [
  '192.0.2.1',
  '192.0.2.1:8080',
  '[2001:db8::1]:443',
  '2001:DB8:0:0::1',
  '::ffff:192.0.2.1',
  '192.0.2.1, 10.0.0.1',
  '192.0.2.1,10.0.0.1,10.0.0.2',
  '192.0.2.1 10.0.0.1',
  '192.0.2.2, 192.0.2.1, 10.0.0.1',
  'unknown, 10.0.0.1',
  'unknown',
  '10.0.0.1, unknown',
  '192.0.2.1,',
  ' , 192.0.2.1 , ',
  '10.0.0.1, 10.0.0.2',
  '',
  ',',
  '192.0.2.300',
  '192.0.2.1:0',
  '192.0.2.1:99999',
  '[::1]',
];

function hidden(name: string): (value: string) => ComparedRequest {
  return (value) => ({
    name: `${name} "${value}"`,
    path: `/${name}/`,
    headers: {
      [name === '' ? 'X-Real-IP' : name === 'own' ? 'X-Client' : 'X-Forwarded-For']: value,
    },
  });
}

// The port of the connection itself differs from one to the next.
const known = (value: string): boolean => /^(192|\[?2001)/.test(value);

const requests: ComparedRequest[] = [
  ...lists
    .filter(known)
    .map(hidden(''))
    .map((one) => ({ ...one, path: '/' })),
  ...lists.map(hidden('passed')),
  ...['xff', 'recursive', 'own'].flatMap((name) =>
    lists.map(hidden(name)).map((one) => ({ ...one, path: `/${name}/x` })),
  ),
  {
    name: 'several lines',
    path: '/recursive/',
    headers: [
      ['X-Forwarded-For', '192.0.2.9, 192.0.2.1'],
      ['X-Forwarded-For', '10.0.0.3, 10.0.0.1'],
    ],
  },
  {
    name: 'several lines, not recursive',
    path: '/xff/',
    headers: [
      ['X-Forwarded-For', '192.0.2.9'],
      ['X-Forwarded-For', '192.0.2.1'],
    ],
  },
  {
    name: 'several lines of another field',
    path: '/own/',
    headers: [
      ['X-Client', '192.0.2.9'],
      ['X-Client', '192.0.2.1'],
    ],
  },
  {
    name: 'both levels',
    path: '/own/',
    headers: { 'X-Client': '192.0.2.9', 'X-Real-IP': '192.0.2.1' },
  },
  ...['localhost', 'denied-here'].map((name) => ({
    path: `/${name}/`,
    headers: { 'X-Client': '192.0.2.1' },
  })),
  { path: '/denied/', headers: { 'X-Real-IP': '192.0.2.1' } },
  { path: '/denied/x', headers: { 'X-Real-IP': '192.0.2.2' } },
];

test('the address of the client is what nginx takes', { skip, timeout: 60_000 }, async (t) => {
  const pairs = await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t });
  const blind = (text: string): string => text.replace(/127\.0\.0\.1\|\d+\|/g, '127.0.0.1|*|');
  assertSameAsNginx(
    pairs.map((pair) => ({
      ...pair,
      nginx: {
        ...pair.nginx,
        answers: pair.nginx.answers.map((one) => ({ ...one, body: blind(one.body) })),
      },
      proxy: {
        ...pair.proxy,
        answers: pair.proxy.answers.map((one) => ({ ...one, body: blind(one.body) })),
      },
    })),
  );
});
