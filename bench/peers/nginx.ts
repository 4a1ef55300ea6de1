// nginx as installed: the measure of all others.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../processes.ts';
import { proxyConfig } from './nginx-config.ts';
import { notInstalled } from './peer.ts';
import type { Peer } from './peer.ts';

export const nginx: Peer = {
  name: 'nginx',
  unavailable: () => notInstalled('nginx'),
  start(setup) {
    const file = join(setup.folder, 'nginx.conf');
    writeFileSync(file, proxyConfig(setup));
    return startServer({
      command: ['nginx', '-p', setup.folder, '-c', file, '-e', 'error.log'],
      port: setup.port,
      folder: setup.folder,
    });
  },
};
