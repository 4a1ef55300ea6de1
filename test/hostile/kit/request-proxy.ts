// The proxy under test for the tables of requests, with an upstream behind it that writes down
// every byte. Its servers ("doors") differ in what they pass on.

import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import type { TestPki } from '../../kit/pki.ts';
import { freePort } from '../../kit/ports.ts';
import { request } from '../../kit/raw-client.ts';
import type { Target } from '../../kit/raw-client.ts';
import { RecordingUpstream } from '../../kit/recording-upstream.ts';
import type { Scope } from '../../kit/scope.ts';
import type { Transport } from './delivery.ts';
import type { Door } from './request-form.ts';

/** What each door adds to "location / { proxy_pass http://backend; }". */
const doorLines: Readonly<Record<Door, string>> = {
  plain: '',
  upgrades:
    'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; ' +
    'proxy_set_header Connection upgrade;',
  // CONNECT names no path, and locations are looked for as for "/".
  tunnels: 'location = / { tunnel_pass backend; }',
  identity:
    'proxy_set_header X-Real-IP $remote_addr; proxy_set_header X-Forwarded-For $remote_addr; ' +
    'proxy_set_header X-Verified-By sallyport; proxy_set_header Forwarded for=$remote_addr;',
  underscores: 'underscores_in_headers on;',
  'all names': 'ignore_invalid_headers off;',
  small: 'client_max_body_size 10;',
};

/** What nginx 1.22 doesn't understand. */
const ours: ReadonlySet<Door> = new Set(['tunnels']);

/** How bodies go upstream: kept until they are complete, or as they come. */
export type Passing = 'buffered' | 'streamed';

/** Where to find a door, over each transport that there is. */
export type Doors = ReadonlyMap<Door, Partial<Readonly<Record<Transport, Target>>>>;

interface DoorsOptions {
  /** As a configuration writes it. */
  readonly upstreamAddress: string;
  readonly passing: Passing;
  /** Each door has a listener with TLS as well. Default: plain ones alone. */
  readonly pki?: TestPki;
  /** Without the doors that nginx doesn't understand. */
  readonly forNginx?: true;
}

/** A configuration with all doors. */
export async function doorsConfiguration(
  options: DoorsOptions,
): Promise<{ text: string; doors: Doors }> {
  const found = new Map<Door, Partial<Record<Transport, Target>>>();
  const servers: string[] = [];
  const { upstreamAddress, passing, pki } = options;
  for (const [door, lines] of Object.entries(doorLines) as [Door, string][]) {
    if (options.forNginx === true && ours.has(door)) continue;
    const plain = await freePort();
    const places: Partial<Record<Transport, Target>> = { plain: { port: plain } };
    let secure = '';
    if (pki !== undefined) {
      const port = await freePort();
      places.TLS = { port, tls: { ca: pki.ca, servername: 'b.test' } };
      const { certificate, key } = pki.b;
      secure = `listen 127.0.0.1:${port} ssl; ssl_certificate ${certificate}; ssl_certificate_key ${key};`;
    }
    found.set(door, places);
    const streamed = passing === 'streamed' ? 'proxy_request_buffering off;' : '';
    servers.push(
      `server { listen 127.0.0.1:${plain}; ${secure} ${lines} ${streamed} ` +
        'location / { proxy_pass http://backend; } }',
    );
  }
  const text = `http {
upstream backend { server ${upstreamAddress}; }
${servers.join('\n')}
}`;
  return { text, doors: found };
}

/** Where a door is. */
export function targetOf(doors: Doors, door: Door, transport: Transport): Target {
  const target = doors.get(door)?.[transport];
  assert.ok(target !== undefined, `the door "${door}" is open over ${transport}`);
  return target;
}

/** The upstream, and every byte that it got. */
export class Witness {
  readonly upstream: RecordingUpstream;
  /** Numbers of the connections that are closed, as in `RecordedRequest.connection`. */
  readonly closed: ReadonlySet<number>;
  readonly #chunks: Buffer[];

  private constructor(upstream: RecordingUpstream, chunks: Buffer[], closed: Set<number>) {
    this.upstream = upstream;
    this.closed = closed;
    this.#chunks = chunks;
  }

  static async start(scope: Scope): Promise<Witness> {
    const chunks: Buffer[] = [];
    const closed = new Set<number>();
    let connections = 0;
    const onConnection = (socket: Socket): void => {
      connections += 1;
      const number = connections;
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('close', () => closed.add(number));
    };
    const upstream = await RecordingUpstream.start({ answer: { body: 'ok' }, onConnection }, scope);
    return new Witness(upstream, chunks, closed);
  }

  /** All that has come since the last call. One character is one byte. */
  take(): string {
    const text = Buffer.concat(this.#chunks).toString('latin1');
    this.#chunks.length = 0;
    this.upstream.clear();
    return text;
  }
}

const fence = { path: '/fence', headers: { Host: 'fence', Connection: 'close' } };

/**
 * What the upstream has got since the last look, once a further request has come through: what the
 * proxy had to pass on before is there by then. What comes later still is found by the next look.
 */
export async function seenUpstream(
  witness: Witness,
  doors: Doors,
  { exactly }: { readonly exactly: boolean } = { exactly: true },
): Promise<string> {
  const target = targetOf(doors, 'plain', 'plain');
  assert.equal((await request({ ...target, ...fence })).status, 200, 'the proxy still serves');
  const text = witness.take();
  const at = text.indexOf('GET /fence ');
  assert.ok(at >= 0, 'the last request came through');
  if (exactly) assert.equal(text.slice(at), 'GET /fence HTTP/1.1\r\nHost: backend\r\n\r\n');
  return text.slice(0, at);
}
