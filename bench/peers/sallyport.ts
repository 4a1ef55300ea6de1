// Sallyport itself: the built program where there is one, else the sources.

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../processes.ts';
import { proxyConfig } from './nginx-config.ts';
import type { Peer } from './peer.ts';

const home = join(import.meta.dirname, '..', '..');
const built = join(home, 'dist', 'cli', 'main.js');
const launcher = join(home, 'bin', 'sallyport');

/** How it is started; `-c FILE` is added. The first one whose file is there is taken. */
const commands: readonly { readonly file: string; readonly command: [string, ...string[]] }[] = [
  { file: built, command: [process.execPath, built] },
  { file: launcher, command: [launcher] },
];

export const sallyport: Peer = {
  name: 'sallyport',
  unavailable: () => (chosen() === undefined ? `neither ${built} nor ${launcher} exists` : null),
  start(setup) {
    const file = join(setup.folder, 'sallyport.conf');
    writeFileSync(file, proxyConfig(setup));
    const command = chosen()?.command ?? [launcher];
    return startServer({
      command: [...command, '-c', file],
      port: setup.port,
      folder: setup.folder,
    });
  },
};

function chosen(): (typeof commands)[number] | undefined {
  return commands.find(({ file }) => existsSync(file));
}
