// What a proxy is told for one workload, and the server that all of them forward to: real nginx
// with one worker, plain and TLS, with a certificate of a CA made for the run.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CertificateAuthority } from '../src/pki/authority.ts';
import { confinement } from './peers/nginx-config.ts';
import { freePort, startServer } from './processes.ts';
import type { Running } from './processes.ts';
import type { Beside } from './workloads.ts';

/** Files of the run's CA. The host name in both certificates is `localhost`. */
export interface Certificates {
  readonly caFile: string;
  readonly certificate: string;
  readonly key: string;
  /** Certificate and key in one file. */
  readonly combined: string;
}

/** One proxy for one workload. */
export interface ProxySetup {
  /** What stands beside the location that answers. */
  readonly beside: Beside | null;
  readonly workers: number;
  /** No connection to the upstream server is kept. */
  readonly newUpstreamConnections: boolean;
  /** Further arguments for the Node that runs it, where it is one. */
  readonly nodeArgs: readonly string[];
  /** Its own folder: configuration and logs. */
  readonly folder: string;
  readonly port: number;
  readonly clientTls: boolean;
  readonly upstreamTls: boolean;
  /** On 127.0.0.1; its certificate is for `localhost`. */
  readonly upstreamPort: number;
  readonly certificates: Certificates;
}

/** The server behind the proxies. */
export interface Upstream extends Running {
  readonly plainPort: number;
  readonly tlsPort: number;
}

/** Makes the CA and one server certificate, used by the proxies and by the upstream. */
export async function makeCertificates(folder: string): Promise<Certificates> {
  const authority = await CertificateAuthority.create({ commonName: 'Bench root' });
  const issued = await authority.issue({ commonName: 'localhost', purpose: 'server' });
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  return {
    caFile: write('ca.crt', authority.certificatePem),
    certificate: write('server.crt', issued.chainPem),
    key: write('server.key', issued.keyPem),
    combined: write('server.pem', issued.chainPem + issued.keyPem),
  };
}

/** Starts the upstream in its own folder. */
export async function startUpstream(folder: string, certificates: Certificates): Promise<Upstream> {
  const plainPort = await freePort();
  const tlsPort = await freePort();
  const files = join(folder, 'files');
  mkdirSync(files, { recursive: true });
  writeFileSync(join(files, '16k'), Buffer.alloc(16_384, 'x'));
  writeFileSync(join(files, '1m'), Buffer.alloc(1_048_576, 'x'));
  const config = upstreamConfig({ folder, files, plainPort, tlsPort, certificates });
  writeFileSync(join(folder, 'nginx.conf'), config);
  const running = await startServer({
    command: ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'error.log'],
    port: tlsPort,
    folder,
  });
  return { ...running, plainPort, tlsPort };
}

interface UpstreamFacts {
  readonly folder: string;
  readonly files: string;
  readonly plainPort: number;
  readonly tlsPort: number;
  readonly certificates: Certificates;
}

// `return` answers before it has read a request body; going once through itself makes the upstream
// read the upload to its end first, as an application would.
function upstreamConfig(facts: UpstreamFacts): string {
  const { folder, files, plainPort, tlsPort, certificates } = facts;
  const { main, http } = confinement(folder);
  return `${main}
worker_processes 1;
error_log ${folder}/error.log warn;
events { worker_connections 4096; }
http {
  ${http}
  access_log off;
  sendfile on;
  keepalive_requests 100000000;
  client_body_buffer_size 128k;
  client_max_body_size 0;
  upstream sink { server unix:${folder}/sink.sock; keepalive 64; }
  server { listen unix:${folder}/sink.sock; location / { return 200 "${'x'.repeat(100)}"; } }
  server {
    listen 127.0.0.1:${plainPort} backlog=4096;
    listen 127.0.0.1:${tlsPort} ssl backlog=4096;
    server_name localhost;
    ssl_certificate ${certificates.certificate};
    ssl_certificate_key ${certificates.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    root ${files};
    location = /small { return 200 "${'x'.repeat(100)}"; }
    location = /upload {
      proxy_pass http://sink;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Content-Length "";
      proxy_pass_request_body off;
    }
  }
}
`;
}
