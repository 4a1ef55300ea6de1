// HAProxy. It writes no log files: its log goes to standard output, and that to a file.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../processes.ts';
import type { ProxySetup } from '../setup.ts';
import { notInstalled } from './peer.ts';
import type { Peer } from './peer.ts';

export const haproxy: Peer = {
  name: 'haproxy',
  unavailable: () => notInstalled('haproxy'),
  start(setup) {
    const file = join(setup.folder, 'haproxy.cfg');
    writeFileSync(file, config(setup));
    return startServer({
      command: ['haproxy', '-db', '-f', file],
      port: setup.port,
      folder: setup.folder,
    });
  },
};

function config(setup: ProxySetup): string {
  const { port, clientTls, upstreamTls, upstreamPort, certificates, workers } = setup;
  const bindTls = ` ssl crt ${certificates.combined}`;
  const verify = ` ssl verify required ca-file ${certificates.caFile} sni str(localhost) verifyhost localhost`;
  return `global
  nbthread ${workers}
  maxconn 8192
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  http-reuse ${setup.newUpstreamConnections ? 'never' : 'always'}${setup.newUpstreamConnections ? '\n  option http-server-close' : ''}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend front
  bind 127.0.0.1:${port} backlog 4096${clientTls ? bindTls : ''}
  default_backend back
backend back
  server one 127.0.0.1:${upstreamPort}${upstreamTls ? verify : ''}
`;
}
