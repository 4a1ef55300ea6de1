// The program behind the fast-proxy row: `node fast-proxy-server.ts SETUP.json`.

import { Agent, request as plainRequest } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { keepalive, logAnswer, serve, setup, upstreamUrl, verified } from './node-server.ts';

type Forward = (
  request: IncomingMessage,
  response: ServerResponse,
  url: string,
  options: object,
) => void;
type FastProxy = (options: object) => { proxy: Forward };

const packageName = 'fast-proxy';
const loaded = (await import(packageName)) as { default: FastProxy };

// Its own agents cannot be told a CA: the requests are given one each.
const agent = new Agent(keepalive);
const tlsAgent = new TlsAgent({ ...keepalive, ...verified });
const { proxy } = loaded.default({
  base: upstreamUrl,
  requests: {
    http: { request: (options: object) => plainRequest({ ...options, agent }) },
    https: { request: (options: object) => tlsRequest({ ...options, agent: tlsAgent }) },
  },
  ...(setup.newUpstreamConnections ? { keepAliveMsecs: 1 } : {}),
});

serve((request, response) => {
  logAnswer(request, response);
  proxy(request, response, request.url ?? '/', {});
});
