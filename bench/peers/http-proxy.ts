// The npm package http-proxy with a keepalive agent: what most Node proxies are built on.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../processes.ts';
import type { Peer } from './peer.ts';

const server = join(import.meta.dirname, 'http-proxy-server.ts');

export const httpProxy: Peer = {
  name: 'http-proxy',
  unavailable() {
    try {
      import.meta.resolve('http-proxy');
      return null;
    } catch {
      return 'the package http-proxy is not installed';
    }
  },
  start(setup) {
    const file = join(setup.folder, 'setup.json');
    writeFileSync(file, JSON.stringify(setup));
    return startServer({
      command: [process.execPath, server, file],
      // It calls long-deprecated functions; the warnings belong to it.
      env: { NODE_NO_WARNINGS: '1' },
      port: setup.port,
      folder: setup.folder,
    });
  },
};
