// The program behind the http-proxy row: `node http-proxy-server.ts SETUP.json`.

import { createWriteStream, readFileSync } from 'node:fs';
import { Agent, createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent as TlsAgent, createServer as createTlsServer } from 'node:https';
import { join } from 'node:path';
import type { ProxySetup } from '../setup.ts';

// The part of the package that is used here; it may be absent, so nothing of it is imported.
interface ProxyServer {
  web(request: IncomingMessage, response: ServerResponse): void;
  on(event: 'error', listener: (error: Error, request: unknown, response: unknown) => void): void;
}
interface HttpProxy {
  createProxyServer(options: object): ProxyServer;
}

const packageName = 'http-proxy';
const loaded = (await import(packageName)) as { default: HttpProxy };
const setup = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as ProxySetup;
const { upstreamTls, certificates } = setup;
const agentOptions = { keepAlive: true, maxFreeSockets: 128 };
const ca = readFileSync(certificates.caFile);

const proxy = loaded.default.createProxyServer({
  target: `${upstreamTls ? 'https' : 'http'}://127.0.0.1:${setup.upstreamPort}`,
  agent: upstreamTls
    ? new TlsAgent({ ...agentOptions, ca, servername: 'localhost', rejectUnauthorized: true })
    : new Agent(agentOptions),
  secure: true,
});
proxy.on('error', (error, _request, response) => {
  console.error(error.message);
  (response as ServerResponse).writeHead(502).end();
});

const log = createWriteStream(join(setup.folder, 'access.log'));
function serve(request: IncomingMessage, response: ServerResponse): void {
  response.on('finish', () => {
    const line = `${request.method} ${request.url} ${response.statusCode}`;
    log.write(`${request.socket.remoteAddress} [${new Date().toISOString()}] "${line}"\n`);
  });
  proxy.web(request, response);
}

const server = setup.clientTls
  ? createTlsServer(
      { cert: readFileSync(certificates.certificate), key: readFileSync(certificates.key) },
      serve,
    )
  : createServer(serve);
server.listen({ port: setup.port, host: '127.0.0.1', backlog: 4096 });
