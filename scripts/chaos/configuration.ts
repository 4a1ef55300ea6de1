// The configurations that the proxy gets one after the other. All of them serve the same; what
// differs is what a reload must be able to change under load.

import type { Route } from './routes.ts';
import { routes } from './routes.ts';

/** What the configurations are made from. */
export interface Surroundings {
  readonly plainPort: number;
  readonly tlsPort: number;
  /** In every second configuration only. */
  readonly extraPort: number;
  /** Of the group; the first is always well. */
  readonly group: readonly number[];
  readonly shortPort: number;
  readonly resolver: string;
  readonly caFile: string;
}

/** Which of them: the number of the reload. */
export interface Variant {
  readonly round: number;
  readonly withExtra: boolean;
  readonly broken: boolean;
}

const mistakes: readonly ((around: Surroundings) => string)[] = [
  ({ tlsPort }) => `server { listen 127.0.0.1:${tlsPort} ssl; ssl_certificate missing.crt; }`,
  () => 'bogus on;',
  () => 'server { location / { proxy_pass https://nowhere.invalid; } ',
  // Somebody else's: the first server of the group has it.
  ({ group }) => `server { listen 127.0.0.1:${group[0]}; }`,
];

function passOf(route: Route, around: Surroundings): string {
  const { group, shortPort } = around;
  const passes: Readonly<Record<Route, string>> = {
    calm: `proxy_pass https://127.0.0.1:${group[0]};`,
    group: 'proxy_pass https://flapping;',
    named: `set $far far.test:${group[0]}; proxy_pass https://$far;`,
    short: `proxy_pass https://127.0.0.1:${shortPort};`,
  };
  return passes[route];
}

function locations(around: Surroundings): string {
  const ways = {
    stored: '',
    streamed: 'proxy_request_buffering off; proxy_buffering off;',
  };
  return routes
    .flatMap((route) =>
      Object.entries(ways).map(
        ([way, directives]) =>
          `location /${route}/${way}/ { ${passOf(route, around)} ${directives} }`,
      ),
    )
    .join('\n    ');
}

/** The text of a configuration. */
export function configuration(around: Surroundings, variant: Variant): string {
  const { round, withExtra, broken } = variant;
  const [well, ...others] = around.group;
  const servers = others.map((port, i) => {
    const left = round % 4 === 3 && i === others.length - 1;
    return left ? '' : `server 127.0.0.1:${port} weight=${1 + ((round + i) % 3)} fail_timeout=1s;`;
  });
  return `
daemon off;
worker_processes 2;
pid sallyport.pid;
error_log error.log info;
worker_shutdown_timeout 30s;
events { worker_connections 4000; }
http {
  log_format chaos '$msec $remote_port $http_x_id "$request" $status $body_bytes_sent '
    '$request_time $upstream_addr $upstream_status';
  access_log access.log chaos;
  client_max_body_size 0;
  client_body_temp_path bodies;
  proxy_temp_path answers;
  client_body_buffer_size ${round % 2 === 0 ? '16k' : '64k'};
  proxy_connect_timeout 3s;
  proxy_read_timeout 5s;
  proxy_send_timeout 5s;
  resolver ${around.resolver} valid=1s ipv6=off;
  resolver_timeout 2s;
  proxy_ssl_name a.test;
  proxy_ssl_trusted_certificate ${around.caFile};
  proxy_set_header Upgrade $http_upgrade;
  proxy_set_header Connection $upgrading;
  map $http_upgrade $upgrading { default upgrade; '' ''; }
  add_header X-Echo $http_x_id always;
  keepalive_requests ${100_000 + round};
  upstream flapping {
    ${round % 3 === 0 ? 'least_conn;' : ''}
    zone flapping 256k;
    server 127.0.0.1:${well};
    ${servers.join('\n    ')}
    keepalive ${8 + (round % 3) * 8};
    keepalive_timeout 2s;
  }
  proxy_buffers ${4 + (round % 3) * 4} 16k;
  server {
    listen 127.0.0.1:${around.plainPort};
    listen 127.0.0.1:${around.tlsPort} ssl;
    ${withExtra ? `listen 127.0.0.1:${around.extraPort} ssl;` : ''}
    ssl_certificate front.crt;
    ssl_certificate_key front.key;
    ${locations(around)}
    location = /status { access_log off; stub_status; }
  }
  ${broken ? (mistakes[round % mistakes.length]?.(around) ?? '') : ''}
}`;
}
