// Caddy on one processor a worker, HTTP/1.1 on both sides as the others.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../processes.ts';
import type { ProxySetup } from '../setup.ts';
import { notInstalled } from './peer.ts';
import type { Peer } from './peer.ts';

export const caddy: Peer = {
  name: 'caddy',
  unavailable: () => notInstalled('caddy'),
  start(setup) {
    const file = join(setup.folder, 'Caddyfile');
    writeFileSync(file, config(setup));
    return startServer({
      command: ['caddy', 'run', '--adapter', 'caddyfile', '--config', file],
      // Its state would otherwise go to the user's home.
      env: {
        GOMAXPROCS: `${setup.workers}`,
        XDG_DATA_HOME: setup.folder,
        XDG_CONFIG_HOME: setup.folder,
      },
      port: setup.port,
      folder: setup.folder,
    });
  },
};

function config(setup: ProxySetup): string {
  const { folder, port, clientTls, upstreamTls, upstreamPort, certificates } = setup;
  const verify = `
      tls_server_name localhost
      tls_trusted_ca_certs ${certificates.caFile}`;
  return `{
  admin off
  auto_https off
  servers {
    protocols h1
  }
}
${clientTls ? 'https' : 'http'}://localhost:${port} {
  bind 127.0.0.1
  ${clientTls ? `tls ${certificates.certificate} ${certificates.key}` : ''}
  log {
    output file ${folder}/access.log
  }
  reverse_proxy ${upstreamTls ? 'https' : 'http'}://127.0.0.1:${upstreamPort} {
    transport http {
      versions 1.1
      ${setup.newUpstreamConnections ? 'keepalive off' : 'keepalive_idle_conns_per_host 128'}${upstreamTls ? verify : ''}
    }
  }
}
`;
}
