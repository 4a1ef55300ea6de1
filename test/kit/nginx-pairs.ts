// Random requests, sent raw through nginx and through this proxy, each in front of recording
// upstreams: what reached those, and what the client got. Many connections at a time, each with an
// upstream of its own, so that what arrives belongs to what was sent.

import { startNginx } from './nginx.ts';
import { freePorts } from './ports.ts';
import { RawConnection } from './raw-client.ts';
import { RecordingUpstream } from './recording-upstream.ts';
import type { RecordedRequest } from './request-reader.ts';
import { startProxy } from './sallyport.ts';
import type { Scope } from './scope.ts';

/** A connection's worth of work: a port of the proxy, and the upstream behind it. */
interface Lane {
  readonly port: number;
  readonly upstream: RecordingUpstream;
}

/** What became of the bytes of one connection. */
export interface Outcome {
  /** Complete requests as the upstream received them. */
  readonly received: readonly string[];
  /** Status codes of the final answers. */
  readonly statuses: readonly number[];
  /** Bodies and fields of the answers, for comparisons of responses. */
  readonly answer: string;
}

export interface OutcomePair {
  readonly nginx: Outcome;
  readonly proxy: Outcome;
}

/** Waits for the rest of a message end after a second: that decides what is cut off. */
const settings = `
  client_header_timeout 1s; client_body_timeout 1s; keepalive_timeout 1s; lingering_close off;
  proxy_read_timeout 1s; proxy_http_version 1.1; proxy_set_header Connection "";
  proxy_set_header Host $http_host; server_tokens off; proxy_next_upstream off;`;

function configuration(lanes: readonly Lane[]): string {
  const servers = lanes.map(
    ({ port, upstream }) =>
      `server { listen 127.0.0.1:${port}; location / { proxy_pass http://${upstream.address}; } }`,
  );
  return `events { worker_connections 512; }\nhttp { ${settings}\n${servers.join('\n')}\n}\n`;
}

async function startLanes(count: number, scope: Scope): Promise<Lane[]> {
  const ports = await freePorts(count);
  return Promise.all(
    ports.map(async (port) => ({ port, upstream: await RecordingUpstream.start({}, scope) })),
  );
}

function asText(request: RecordedRequest): string {
  const { method, target, version, headers, body } = request;
  const lines = headers
    .map(([name, value]) => `${name.toLowerCase()}: ${value}`)
    // How a body that was read completely is framed again is each proxy's own matter.
    .filter((line) => !/^(?:content-length|transfer-encoding|connection):/.test(line))
    .sort();
  return [`${method} ${target} ${version}`, ...lines, '', body.toString('latin1')].join('\n');
}

/** Both proxies with their lanes. */
export class NginxPairs {
  readonly #nginx: readonly Lane[];
  readonly #proxy: readonly Lane[];

  private constructor(nginx: readonly Lane[], proxy: readonly Lane[]) {
    this.#nginx = nginx;
    this.#proxy = proxy;
  }

  /** @param lanes - how many connections at a time */
  static async start(scope: Scope, lanes: number = 16): Promise<NginxPairs> {
    const nginx = await startLanes(lanes, scope);
    const proxy = await startLanes(lanes, scope);
    await startNginx(configuration(nginx), { scope });
    await startProxy(configuration(proxy), { scope });
    return new NginxPairs(nginx, proxy);
  }

  /** Calls `work` for every item, as many at a time as there are lanes. */
  async forEach<T>(
    items: readonly T[],
    work: (item: T, lane: number) => Promise<void>,
  ): Promise<void> {
    let next = 0;
    await Promise.all(
      this.#nginx.map(async (_, lane) => {
        while (next < items.length) {
          const item = items[next] as T;
          next += 1;
          await work(item, lane);
        }
      }),
    );
  }

  /** @param answer - what the upstream answers, exact bytes, and then it closes; default: 200 */
  async send(bytes: Buffer, lane: number, answer?: Buffer): Promise<OutcomePair> {
    const [nginx, proxy] = await Promise.all(
      [this.#nginx[lane], this.#proxy[lane]].map((one) => exchange(one as Lane, bytes, answer)),
    );
    return { nginx: nginx as Outcome, proxy: proxy as Outcome };
  }
}

async function exchange(
  { port, upstream }: Lane,
  bytes: Buffer,
  answer?: Buffer,
): Promise<Outcome> {
  upstream.clear();
  upstream.answer = answer === undefined ? {} : { raw: answer, close: true };
  const connection = await RawConnection.open({ port, limitMs: 20_000 });
  await connection.send(bytes).catch(() => undefined);
  // A reset is an end as well; what came before it counts.
  const text = await connection.closed().catch(() => connection.received.rest);
  connection.close();
  // What it began and could not end is of no consequence.
  const received = upstream.requests.filter(({ complete }) => complete).map(asText);
  upstream.dropConnections();
  const shown = text.toString('latin1');
  const statuses = [...shown.matchAll(/(?:^|\n)HTTP\/1\.1 ([2-9]\d\d)/g)].map(([, code]) =>
    Number(code),
  );
  return { received, statuses, answer: shown };
}
