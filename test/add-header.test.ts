// `add_header`, `add_trailer` and `expires` beside real nginx.

import { test } from 'node:test';
import type { ComparedRequest, Site } from './kit/both.ts';
import { assertSameAsNginx, compareWithNginx } from './kit/both.ts';
import { nginxAvailable } from './kit/nginx.ts';
import { proxyStarter } from './kit/sallyport.ts';

const skip = !nginxAvailable;

const config = ({ port, upstreams: { upstream } }: Site): string => `
events {}
http {
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  add_header X-Http http;
  upstream group { server ${upstream}; keepalive 4; }
  server {
    listen 127.0.0.1:${port};
    location / { return 200 inherited; }
    location /own/ { add_header X-Own own; add_header X-Two "a b"; return 200 own; }
    location /empty/ { add_header X-Empty ""; add_header X-Var $arg_v; return 200 empty; }
    location /status/ { add_header X-Usual 1; add_header X-Always 1 always; return 418; }
    location /not-found/ { add_header X-Usual 1; add_header X-Always 1 always; return 404; }
    location /redirect/ { add_header X-Usual 1; return 301 /x; }
    location /no-content/ { add_header X-Usual 1; return 204; }
    location /proxied/ { add_header X-Status $upstream_status; proxy_pass http://group; }
    location /cache-control/ { add_header Cache-Control private; add_header Cache-Control no-store;
      expires 1h; return 200 x; }
    location /last-modified/ { add_header Last-Modified "Thu, 01 Jan 2015 00:00:00 GMT"; return 200 x; }
    location /trailer/ { add_trailer X-Trailer "$status"; return 200 "with trailer"; }
    location /trailer-proxied/ { add_trailer X-Trailer "$upstream_status"; proxy_pass http://group; }
    location /if/ { if ($arg_a) { add_header X-If 1; } return 200 outside; }
    location /if-proxied/ { if ($arg_a) { add_header X-If 1; } proxy_pass http://group; }
    location /epoch/ { expires epoch; return 200 x; }
    location /max/ { expires max; return 200 x; }
    location /hour/ { expires 1h; return 200 x; }
    location /past/ { expires -1; return 200 x; }
    location /variable/ { expires $arg_e; return 200 x; }
    location /off/ { expires off; return 200 x; }
    location /hour-error/ { expires 1h; return 404; }
    location /crlf/ { add_header X-Uri $uri; return 200 x; }
  }
}`;

const requests: ComparedRequest[] = [
  ...[
    '/',
    '/own/',
    '/empty/',
    '/empty/?v=1',
    '/status/',
    '/not-found/',
    '/redirect/',
    '/no-content/',
    '/proxied/',
    '/cache-control/',
    '/last-modified/',
    '/trailer/',
    '/trailer-proxied/',
    '/if/?a=1',
    '/if/',
    '/if-proxied/?a=1',
    '/if-proxied/',
    '/epoch/',
    '/max/',
    '/hour/',
    '/past/',
    '/variable/?e=epoch',
    '/variable/?e=1h',
    '/variable/?e=nonsense',
    '/variable/',
    '/off/',
    '/hour-error/',
    '/crlf/abc',
  ].map((path) => ({ path })),
  { method: 'HEAD', path: '/trailer/' },
  { method: 'HEAD', path: '/own/' },
];

test(
  'fields that the configuration adds are those of nginx',
  { skip, timeout: 60_000 },
  async (t) => {
    assertSameAsNginx(await compareWithNginx({ proxy: proxyStarter, config, requests, scope: t }));
  },
);
