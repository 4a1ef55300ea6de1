// Proxies for Node.js: each is a package and a program of a few lines here that uses it, with a
// keepalive agent, verified TLS and an access log, as its README would have it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startServer } from '../processes.ts';
import { missingPackage } from './peer.ts';
import type { Peer } from './peer.ts';

/**
 * A peer that runs `PROGRAM SETUP.json`.
 *
 * @param packages - what has to be installed
 * @param program - a file beside this one
 */
export function nodePeer(name: string, packages: readonly string[], program: string): Peer {
  return {
    name,
    unavailable() {
      for (const needed of packages) {
        const reason = missingPackage(needed);
        if (reason !== null) return reason;
      }
      return null;
    },
    start(setup) {
      const file = join(setup.folder, 'setup.json');
      writeFileSync(file, JSON.stringify(setup));
      const script = join(import.meta.dirname, program);
      return startServer({
        command: [process.execPath, ...setup.nodeArgs, script, file],
        // Some call long-deprecated functions; the warnings belong to them.
        env: { NODE_NO_WARNINGS: '1' },
        port: setup.port,
        folder: setup.folder,
      });
    },
  };
}

export const httpProxy = nodePeer('http-proxy', ['http-proxy'], 'http-proxy-server.ts');
export const fastProxy = nodePeer('fast-proxy', ['fast-proxy'], 'fast-proxy-server.ts');
export const fastifyHttpProxy = nodePeer(
  'fastify-http-proxy',
  ['@fastify/http-proxy', 'fastify'],
  'fastify-http-proxy-server.ts',
);
