// What a server sends, or does, on a connection of the pool while nobody has asked it anything: even
// where the next request is ready in the same moment, it gets the answer to itself and no other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../kit/eventually.ts';
import { RawConnection } from '../kit/raw-client.ts';
import { startLab, type Lab } from './kit/response-lab.ts';
import { honestBody, type Served } from './kit/response-script.ts';
import { proved } from './kit/proved.ts';
import { unasked } from './responses/unasked.ts';

const lab = await startLab();
let requests = 0;

/** Over which group of the lab. */
const hops = [
  { name: 'plain', server: lab.plain, path: '/0/usual' },
  { name: 'TLS', server: lab.secure, path: '/4/usual' },
] as const;

async function ask(client: RawConnection, method: string, path: string): Promise<string> {
  const target = `${path}/${method}${(requests += 1)}`;
  const answer = client.request({ method, path: target, body: method === 'POST' ? 'x' : '' });
  return (await answer).body.toString() === honestBody(target) ? 'its own' : 'not its own';
}

/** The connection of the pool that serves next. */
async function warm(from: Lab['plain'], client: RawConnection, path: string): Promise<Served> {
  assert.equal(await ask(client, 'GET', path), 'its own');
  return eventually('a connection', () => from.last);
}

for (const { name, bytes } of unasked) {
  test(`${name}, as the next request comes`, async () => {
    for (const hop of hops) {
      for (const method of ['GET', 'POST']) {
        for (const first of ['client', 'server']) {
          const client = await RawConnection.open({ port: lab.port });
          const served = await warm(hop.server, client, hop.path);
          const act = (): void => {
            if (bytes === 'fin') served.socket.end();
            else if (bytes === 'reset') served.raw.resetAndDestroy();
            else served.socket.write(bytes, 'latin1');
          };
          const label = `${hop.name}, ${method}, ${first} first`;
          // Both are in the kernel before the proxy, in this thread, reads either.
          if (first === 'server') act();
          const answer = ask(client, method, hop.path);
          if (first === 'client') act();
          assert.equal(await answer, 'its own', label);
          assert.notEqual(hop.server.last?.index, served.index, `${label}: another connection`);
          client.close();
        }
      }
    }
    proved(8);
  });
}
