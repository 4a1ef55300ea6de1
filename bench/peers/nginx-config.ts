// The configuration that nginx and Sallyport both run, word for word.

import { join } from 'node:path';
import type { ProxySetup } from '../setup.ts';
import { nothingBeside } from '../workloads.ts';
import type { Beside } from '../workloads.ts';

/** Directives that keep nginx inside a folder: for the main level, and for `http`. */
export function confinement(folder: string): { main: string; http: string } {
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const http = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/temp-${name};`)
    .join('\n  ');
  return { main: `daemon off;\npid ${join(folder, 'server.pid')};\n${user}`, http };
}

/**
 * The same work for both: left to themselves, Node's OpenSSL adds ML-KEM-768 to each handshake, which
 * that of an older nginx does not know.
 */
const keyExchange = 'X25519';

interface BesideText {
  readonly http: string;
  readonly server: string;
  readonly location: string;
}

const none: BesideText = { http: '', server: '', location: '' };

function each(count: number, line: (i: number) => string): string {
  return Array.from({ length: count }, (_, i) => line(i)).join('\n  ');
}

function besideText({ locations, serverNames, mapEntries }: Beside, port: number): BesideText {
  const servers = each(
    serverNames,
    (i) => `server { listen 127.0.0.1:${port}; server_name name-${i}.test; return 404; }`,
  );
  const map = `map $arg_key $mapped { default none; ${each(mapEntries, (i) => `key-${i} value-${i};`)} }`;
  const unnamed = `server { listen 127.0.0.1:${port} default_server; server_name unnamed.test; return 404; }`;
  return {
    http: `
  server_names_hash_max_size 65536;
  server_names_hash_bucket_size 128;
  map_hash_max_size 65536;
  map_hash_bucket_size 128;
  ${mapEntries > 0 ? map : ''}
  ${serverNames > 0 ? unnamed : ''}
  ${servers}`,
    server: each(locations, (i) => `location /location-${i}/ { return 404; }`),
    location: mapEntries > 0 ? 'proxy_set_header X-Mapped $mapped;' : '',
  };
}

function upstreamText({ upstreamPort, beside, newUpstreamConnections }: ProxySetup): string {
  const { upstreamServers } = beside ?? nothingBeside;
  const kept = `keepalive 128;
    keepalive_requests 100000000;`;
  return `upstream backend {
    ${each(upstreamServers, () => `server 127.0.0.1:${upstreamPort};`)}
    ${newUpstreamConnections ? '' : kept}
  }`;
}

/** One server that forwards everything to one upstream over kept connections. */
export function proxyConfig(setup: ProxySetup): string {
  const { folder, port, clientTls, upstreamTls, certificates } = setup;
  const beside = setup.beside === null ? none : besideText(setup.beside, port);
  const { main, http } = confinement(folder);
  const listenTls = `
    ssl_certificate ${certificates.certificate};
    ssl_certificate_key ${certificates.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ecdh_curve ${keyExchange};`;
  const verify = `
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate ${certificates.caFile};
      proxy_ssl_name localhost;
      proxy_ssl_server_name on;
      proxy_ssl_conf_command Groups ${keyExchange};`;
  return `${main}
worker_processes ${setup.workers};
error_log ${folder}/error.log warn;
events { worker_connections 16384; }
http {
  ${http}
  access_log ${folder}/access.log combined;
  keepalive_requests 100000000;
  keepalive_timeout 3600s;
  client_body_buffer_size 128k;
  client_max_body_size 0;
  ${beside.http}
  ${upstreamText(setup)}
  server {
    listen 127.0.0.1:${port}${clientTls ? ' ssl' : ''} backlog=4096;
    server_name localhost;${clientTls ? listenTls : ''}
    ${beside.server}
    location / {
      ${beside.location}
      proxy_pass ${upstreamTls ? 'https' : 'http'}://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "${setup.newUpstreamConnections ? 'close' : ''}";
      proxy_max_temp_file_size 0;${upstreamTls ? verify : ''}
    }
  }
}
`;
}
