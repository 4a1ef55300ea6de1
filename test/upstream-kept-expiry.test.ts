// A connection that is kept, and a TLS session, count as long as what was verified at the full
// handshake: when a certificate of the chain expires, the next request is answered over a new
// connection with a full handshake, or refused. Where nothing is verified, nothing expires.

import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import {
  caExtensions,
  leafExtensions,
  makeCertificate,
  type Draft,
  type Made,
} from './kit/certificate-maker.ts';
import { eventually } from './kit/eventually.ts';
import { freePorts } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { startProxy, type RunningProxy } from './kit/sallyport.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

/** Enough for a slow machine to begin in. */
const lifeMs = 8_000;

interface Chain {
  readonly leaf: Made;
  /** When the first of it expires. */
  readonly end: number;
}

const root = await makeCertificate({
  commonName: 'Root',
  issuer: null,
  extensions: caExtensions(),
});

function leafBelow(issuer: Made, more: Partial<Draft> = {}): Promise<Made> {
  const extensions = leafExtensions({ dns: ['a.test'] });
  return makeCertificate({ commonName: 'a.test', issuer, extensions, ...more });
}

// Certificates count whole seconds.
function soon(): Date {
  return new Date(Math.floor((Date.now() + lifeMs) / 1000) * 1000);
}

async function shortLeaf(): Promise<Chain> {
  const notAfter = soon();
  return { leaf: await leafBelow(root, { notAfter }), end: notAfter.getTime() };
}

async function shortIssuer(): Promise<Chain> {
  const notAfter = soon();
  const extensions = caExtensions();
  const issuer = await makeCertificate({
    commonName: 'Issuer',
    issuer: root,
    extensions,
    notAfter,
  });
  return { leaf: await leafBelow(issuer), end: notAfter.getTime() };
}

/** A server that says over which of its connections a request has come. */
class Upstream {
  readonly server: Server;
  #connections = 0;

  constructor({ leaf }: Chain) {
    const numbers = new WeakMap<object, number>();
    this.server = createServer(identityOf(leaf), (incoming, answer) => {
      answer.end(`${numbers.get(incoming.socket) ?? 0}`);
    });
    this.server.on('secureConnection', (socket) => {
      this.#connections += 1;
      numbers.set(socket, this.#connections);
    });
    this.server.keepAliveTimeout = 120_000;
  }

  async start(): Promise<number> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return (this.server.address() as AddressInfo).port;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

function identityOf(leaf: Made): { cert: string; key: string } {
  return { cert: leaf.chainPem, key: leaf.keyPem };
}

/** One answer: its status, the number of the connection, and whether its session was resumed. */
async function ask(port: number, path: string): Promise<string> {
  const { status, body, headers } = await request({ port, path });
  const reused = headers.find(([name]) => name.toLowerCase() === 'x-reused')?.[1] ?? '';
  return status === 200 ? `200 ${body.toString()} ${reused}` : String(status);
}

describe('what was verified counts no longer', { concurrency: true }, () => {
  for (const [name, make] of [
    ['its own certificate', shortLeaf],
    ['a CA of its chain', shortIssuer],
  ] as const) {
    describe(`when ${name} expires`, () => {
      const ends: (() => unknown)[] = [];
      const scope = { after: (end: () => unknown) => void ends.push(end) };
      let upstream: Upstream;
      let port = 0;
      let proxy: RunningProxy;
      let end = 0;

      before(async () => {
        [port = 0] = await freePorts(1);
        const folder = tempFolder(scope);
        const ca = writeIn(folder, 'ca.crt', root.pem);
        const chain = await make();
        ({ end } = chain);
        upstream = new Upstream(chain);
        ends.push(() => upstream.stop());
        const at = `127.0.0.1:${await upstream.start()}`;
        const groups = ['kept', 'unkept', 'unverified'].map((group) => {
          const idle = group === 'unkept' ? 0 : 4;
          return `upstream ${group} { server ${at}; keepalive ${idle}; keepalive_timeout 300s; }`;
        });
        proxy = await startProxy(
          `http { ${groups.join('\n')}
            server { listen 127.0.0.1:${port};
              proxy_ssl_trusted_certificate ${ca}; proxy_ssl_name a.test; proxy_ssl_server_name off;
              add_header X-Reused $upstream_ssl_reused;
              location /kept { proxy_pass https://kept; }
              location /unkept { proxy_pass https://unkept; }
              location /unverified { proxy_pass https://unverified; proxy_ssl_verify off; }
            } }`,
          { folder, scope },
        );
      });
      after(async () => {
        for (const one of ends.reverse()) await one();
      });

      test('kept connections and sessions serve until then and no longer', async () => {
        assert.deepEqual(
          [await ask(port, '/kept'), await ask(port, '/kept')],
          ['200 1 .', '200 1 .'],
        );
        assert.deepEqual(
          [await ask(port, '/unkept'), await ask(port, '/unkept')],
          ['200 2 r', '200 3 r'],
        );
        assert.deepEqual(
          [await ask(port, '/unverified'), await ask(port, '/unverified')],
          ['200 4 .', '200 4 .'],
        );
        // Else this proves nothing.
        assert.ok(Date.now() < end, 'the machine is too slow');
        await eventually('the end of the certificate', () => Date.now() > end + 1000, lifeMs * 2);
        assert.equal(await ask(port, '/kept'), '502');
        assert.equal(await ask(port, '/unkept'), '502');
        assert.equal(await ask(port, '/unverified'), '200 4 .');
        const refusals = proxy.errorLog().match(/UPSTREAM_TLS_EXPIRED/g) ?? [];
        assert.equal(refusals.length, 2);
        // A certificate that was renewed meanwhile is asked for at the first request.
        upstream.server.setSecureContext(identityOf(await leafBelow(root)));
        assert.match(await ask(port, '/kept'), /^200 \d+ \.$/);
        assert.match(await ask(port, '/unkept'), /^200 \d+ r$/);
      });
    });
  }
});
