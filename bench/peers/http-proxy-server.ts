// The program behind the http-proxy row: `node http-proxy-server.ts SETUP.json`.

import { Agent } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { keepalive, logAnswer, serve, setup, upstreamUrl, verified } from './node-server.ts';

// The part of the package that is used here; it brings no types.
interface ProxyServer {
  web(request: IncomingMessage, response: ServerResponse): void;
  on(event: 'error', listener: (error: Error, request: unknown, response: unknown) => void): void;
}
interface HttpProxy {
  createProxyServer(options: object): ProxyServer;
}

const packageName = 'http-proxy';
const loaded = (await import(packageName)) as { default: HttpProxy };

const proxy = loaded.default.createProxyServer({
  target: upstreamUrl,
  agent: setup.upstreamTls ? new TlsAgent({ ...keepalive, ...verified }) : new Agent(keepalive),
  secure: true,
});
proxy.on('error', (error, _request, response) => {
  console.error(error.message);
  (response as ServerResponse).writeHead(502).end();
});

serve((request, response) => {
  logAnswer(request, response);
  proxy.web(request, response);
});
