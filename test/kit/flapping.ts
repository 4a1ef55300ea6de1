// The failure drill: one server that is well and three that come and go in every way, requests at a
// steady rate, and a count of what became of them.

import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage, type Server } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts } from './ports.ts';
import { startProxy } from './sallyport.ts';
import type { Scope } from './scope.ts';

/** What a server that comes and goes may be at a time. */
const moods = ['up', 'closed', 'resetting', 'silent', 'slow', 'half', 'up'] as const;
type Mood = (typeof moods)[number];

/** Requests that arrived, by their number, whatever became of them. */
type Arrivals = Map<string, number>;

class FlappingServer {
  readonly port: number;
  mood: Mood = 'up';
  readonly #server: Server;

  constructor(port: number, arrivals: Arrivals) {
    this.port = port;
    this.#server = createServer((message, response) => {
      const id = String(message.headers['x-id']);
      arrivals.set(id, (arrivals.get(id) ?? 0) + 1);
      message.resume();
      if (this.mood === 'silent') return;
      if (this.mood === 'resetting') message.socket.resetAndDestroy();
      else if (this.mood === 'half') message.socket.end('HTTP/1.1 200 OK\r\nContent-Len');
      else setTimeout(() => response.end('ok'), this.mood === 'slow' ? 100 : 0);
    });
    this.#server.on('clientError', (_, socket) => socket.destroy());
  }

  async listen(): Promise<void> {
    if (this.#server.listening) return;
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async become(mood: Mood): Promise<void> {
    if (this.mood === 'silent' || mood === 'closed') this.#server.closeAllConnections();
    this.mood = mood;
    if (mood === 'closed') await this.close();
    else await this.listen();
  }
}

/** What became of the requests. */
export interface DrillResult {
  readonly requests: number;
  /** GETs that were not answered with 200. */
  readonly failedGets: number;
  /** POSTs that were not; that may be, since they are sent once only. */
  readonly failedPosts: number;
  /** POSTs that arrived more than once, at one server or at several. */
  readonly repeatedPosts: number;
  /** GETs that arrived more than once: those that another server had to answer. */
  readonly retriedGets: number;
  readonly changes: number;
}

/** @param seconds - how long; 500 requests are sent in each */
export async function failureDrill(seconds: number, scope?: Scope): Promise<DrillResult> {
  const [port = 0, ...ports] = await freePorts(5);
  const arrivals: Arrivals = new Map();
  const servers = ports.map((one) => new FlappingServer(one, arrivals));
  await Promise.all(servers.map((server) => server.listen()));
  const group = ports.map((one) => `server 127.0.0.1:${one} fail_timeout=1s;`).join(' ');
  const proxy = await startProxy(
    `events { worker_connections 4096; }
     http { access_log off; upstream drill { ${group} }
     server { listen 127.0.0.1:${port}; keepalive_requests 1000000;
       location / { proxy_pass http://drill; proxy_connect_timeout 2s; proxy_read_timeout 2s; } } }`,
    scope === undefined ? {} : { scope },
  );
  const ending = new AbortController();
  const flapping = servers.slice(1).map((server) => flap(server, ending.signal));
  const counts = await load(port, seconds);
  ending.abort();
  const changes = await Promise.all(flapping);
  await proxy.stop();
  await Promise.all(servers.map((server) => server.close()));
  const several = [...arrivals].filter(([, count]) => count > 1);
  return {
    ...counts,
    repeatedPosts: several.filter(([id]) => id.startsWith('POST')).length,
    retriedGets: several.filter(([id]) => id.startsWith('GET')).length,
    changes: changes.reduce((sum, count) => sum + count, 0),
  };
}

// Each change comes after 50 to 350 ms, or after longer than the proxy waits for an answer. @returns how
// many there were.
async function flap(server: FlappingServer, signal: AbortSignal): Promise<number> {
  let changes = 0;
  while (!signal.aborted) {
    const patient = server.mood === 'silent' && Math.random() < 0.5;
    await sleep(50 + Math.random() * 300 + (patient ? 2_100 : 0));
    await server.become(moods[Math.floor(Math.random() * moods.length)] ?? 'up');
    changes += 1;
  }
  return changes;
}

async function load(
  port: number,
  seconds: number,
): Promise<Pick<DrillResult, 'requests' | 'failedGets' | 'failedPosts'>> {
  const agent = new Agent({ keepAlive: true, maxSockets: 400 });
  const counts = { requests: 0, failedGets: 0, failedPosts: 0 };
  const under: Promise<void>[] = [];
  const began = Date.now();
  while (counts.requests < seconds * 500) {
    const due = Math.min(seconds * 500, Math.floor((Date.now() - began) / 2));
    for (; counts.requests < due; counts.requests += 1) {
      const method = counts.requests % 5 === 0 ? 'POST' : 'GET';
      const sent = send(agent, port, `${method} ${counts.requests}`).then((ok) => {
        if (!ok && method === 'GET') counts.failedGets += 1;
        if (!ok && method === 'POST') counts.failedPosts += 1;
      });
      under.push(sent);
    }
    await sleep(5);
  }
  await Promise.all(under);
  agent.destroy();
  return counts;
}

function send(agent: Agent, port: number, id: string): Promise<boolean> {
  const [method] = id.split(' ');
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, agent, method, headers: { 'X-Id': id } };
    const sent = request(options, (response: IncomingMessage) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200));
      response.on('error', () => resolve(false));
    });
    sent.on('error', () => resolve(false));
    sent.end(method === 'POST' ? 'some content' : undefined);
  });
}
