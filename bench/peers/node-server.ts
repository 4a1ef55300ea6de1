// What the programs of Node.js peers share: their setup, and an access log line after each answer.

import { createWriteStream, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import type { ProxySetup } from '../setup.ts';

/** The setup that the command line names. */
export const setup = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ProxySetup;

export const upstreamUrl = `${setup.upstreamTls ? 'https' : 'http'}://127.0.0.1:${setup.upstreamPort}`;

/** Of kept connections to the upstream server; with a CA and a name only where TLS is spoken. */
export const keepalive = { keepAlive: !setup.newUpstreamConnections, maxFreeSockets: 128 };

/** How the upstream server's certificate is verified. */
export const verified = {
  ca: readFileSync(setup.certificates.caFile),
  servername: 'localhost',
  rejectUnauthorized: true,
};

/** Certificate and key towards clients. */
export const serverTls = {
  cert: readFileSync(setup.certificates.certificate),
  key: readFileSync(setup.certificates.key),
};

const log = createWriteStream(join(setup.folder, 'access.log'));

/** Writes the log line of an answer that is on its way once it is complete. */
export function logAnswer(request: IncomingMessage, response: ServerResponse): void {
  response.on('finish', () => {
    const line = `${request.method} ${request.url} ${response.statusCode}`;
    log.write(`${request.socket.remoteAddress} [${new Date().toISOString()}] "${line}"\n`);
  });
}

/** Serves with `node:http` or `node:https`. */
export function serve(handler: RequestListener): void {
  const server = setup.clientTls ? createTlsServer(serverTls, handler) : createServer(handler);
  server.listen({ port: setup.port, host: '127.0.0.1', backlog: 4096 });
}
