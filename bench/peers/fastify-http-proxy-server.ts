// The program behind the fastify-http-proxy row: `node fastify-http-proxy-server.ts SETUP.json`. It
// uses its default client, undici, which has to be told to verify.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { logAnswer, serverTls, setup, upstreamUrl, verified } from './node-server.ts';

interface Server {
  addHook(name: 'onRequest', hook: (request: Raw, reply: RawReply, done: () => void) => void): void;
  register(plugin: unknown, options: object): void;
  listen(options: object): Promise<string>;
}
interface Raw {
  readonly raw: IncomingMessage;
}
interface RawReply {
  readonly raw: ServerResponse;
}

const names = ['fastify', '@fastify/http-proxy'];
const [fastify, httpProxy] = (await Promise.all(names.map((name) => import(name)))) as [
  { default: (options: object) => Server },
  { default: unknown },
];

const server = fastify.default(setup.clientTls ? { https: serverTls } : {});
server.addHook('onRequest', (request, reply, done) => {
  logAnswer(request.raw, reply.raw);
  done();
});
server.register(httpProxy.default, {
  // undici opens a connection anew where the host of the URL is not the name that was verified.
  upstream: upstreamUrl.replace('127.0.0.1', 'localhost'),
  undici: {
    connections: 128,
    pipelining: setup.newUpstreamConnections ? 0 : 1,
    // reply-from hands this on to every connection.
    tls: verified,
    connect: verified,
  },
});
await server.listen({ port: setup.port, host: '127.0.0.1', backlog: 4096 });
