// Who waits for a port to open, as scripts and orchestrators do, finds somebody behind it: from the
// first connection that is accepted on, none is refused or dropped.

import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { eventually } from './kit/eventually.ts';
import { freePort } from './kit/ports.ts';
import { startProgram } from './kit/program.ts';

type Outcome = 'answered' | 'refused' | 'dropped';

/** One connection with one request. */
function ask(port: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket: Socket = connect(port, '127.0.0.1');
    let opened = false;
    let text = '';
    socket.on('connect', () => {
      opened = true;
      socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    });
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', () => undefined);
    socket.on('close', () => {
      if (text.startsWith('HTTP/1.1 200 ')) resolve('answered');
      else resolve(opened ? 'dropped' : 'refused');
    });
  });
}

test('the port opens when there is somebody to answer, and stays open', async (t) => {
  const port = await freePort();
  const outcomes: Outcome[] = [];
  const watch = { on: true };
  const watching = (async (): Promise<void> => {
    while (watch.on) outcomes.push(await ask(port));
  })();
  t.after(() => (watch.on = false));
  await startProgram(
    `worker_processes 2; events {} http { server { listen 127.0.0.1:${port};
      location / { return 200 ok; } } }`,
    { scope: t },
  );
  await eventually('some answers', () => outcomes.filter((one) => one === 'answered').length > 20);
  watch.on = false;
  await watching;
  const first = outcomes.findIndex((one) => one !== 'refused');
  assert.deepEqual(new Set(outcomes.slice(first)), new Set(['answered']));
});
