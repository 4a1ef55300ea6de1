import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { openLoop } from './open-loop.ts';

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

// Stands still for `stallMs` from the first request on, then answers everything at once.
async function stallingServer(stallMs: number): Promise<{ port: number; close(): void }> {
  let waiting: (() => void)[] | null = null;
  let isOver = false;
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {
      if (isOver) {
        socket.write(answer);
        return;
      }
      if (waiting === null) {
        waiting = [];
        setTimeout(() => {
          isOver = true;
          for (const go of waiting ?? []) go();
        }, stallMs);
      }
      waiting.push(() => socket.write(answer));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { port: (server.address() as AddressInfo).port, close: () => server.close() };
}

test('requests that would have come during a pause count with all that they waited', async (t) => {
  const server = await stallingServer(500);
  t.after(() => server.close());
  const target = { port: server.port, clientTls: false, caFile: '', path: '/' };
  const result = await openLoop({ ...target, connections: 4, rate: 200, seconds: 1 });
  assert.equal(result.requests + result.unanswered, 200);
  // Only four requests are under way when it stands still, 2 % of all; but half of all are due then.
  assert.ok(result.max >= 480);
  assert.ok(result.p90 >= 350, `p90 ${result.p90}`);
});

test('without a rate every connection asks as soon as it is answered', async (t) => {
  const server = await stallingServer(1);
  t.after(() => server.close());
  const target = { port: server.port, clientTls: false, caFile: '', path: '/' };
  const result = await openLoop({ ...target, connections: 4, rate: 0, seconds: 1 });
  assert.ok(result.requests > 4);
  assert.equal(result.unanswered, 0);
});
