// Upstream servers that answer each request with their own name, and count what they get.

import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { freePorts } from './ports.ts';
import { atEnd, type Scope } from './scope.ts';

/** One of them. Its name is a letter. */
export interface NamedServer {
  readonly name: string;
  /** As `server` takes it. */
  readonly address: string;
  /** Requests so far. */
  readonly requests: number;
  /** Being served now. */
  readonly open: number;
  /** Most that were served at once. */
  readonly most: number;
}

export interface NamedServersOptions {
  readonly scope?: Scope;
  /** Milliseconds before an answer. Default 0. */
  readonly delayMs?: number;
  /** Fields of each answer. */
  readonly headers?: Readonly<Record<string, string>> | ((name: string) => Record<string, string>);
  /** Path of a unix socket for one more server, the last. */
  readonly unixPath?: string;
}

/** Starts servers `a`, `b`, `c`, … */
export async function namedServers(
  count: number,
  options: NamedServersOptions = {},
): Promise<NamedServer[]> {
  const ports = await freePorts(count);
  const places = [...ports, ...(options.unixPath === undefined ? [] : [options.unixPath])];
  return Promise.all(places.map((place, i) => start(place, String.fromCharCode(97 + i), options)));
}

async function start(
  place: number | string,
  name: string,
  { delayMs = 0, headers = {}, scope }: NamedServersOptions,
): Promise<NamedServer> {
  const fields = typeof headers === 'function' ? headers(name) : { ...headers };
  const state = { requests: 0, open: 0, most: 0 };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    state.requests += 1;
    state.open += 1;
    state.most = Math.max(state.most, state.open);
    request.resume();
    const answer = (): void => void response.writeHead(200, fields).end(name);
    const timer = delayMs === 0 ? undefined : setTimeout(answer, delayMs);
    response.on('close', () => {
      clearTimeout(timer);
      state.open -= 1;
    });
    if (delayMs === 0) answer();
  });
  await listen(server, place);
  atEnd(scope, async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  const address = typeof place === 'number' ? `127.0.0.1:${place}` : `unix:${place}`;
  return {
    name,
    address,
    get requests() {
      return state.requests;
    },
    get open() {
      return state.open;
    },
    get most() {
      return state.most;
    },
  };
}

async function listen(server: Server, place: number | string): Promise<void> {
  if (typeof place === 'number') server.listen(place, '127.0.0.1');
  else server.listen(place);
  await once(server, 'listening');
}
