import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HopSummary } from '../modules/hop.ts';
import { describe, test, type TestContext } from 'node:test';
import {
  allGreetings,
  greeting,
  greetingAtLast,
  loadStub,
  portOf,
  supervise,
  visit,
} from './supervised.test-kit.ts';

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'supervisor-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function occupiedPort(context: TestContext): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  context.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

const inline = { masterProcess: false };

describe('start', () => {
  test('serves in the calling thread with master_process off', async (context) => {
    const { supervisor } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a', process: inline }));
    assert.equal(await greeting(portOf(supervisor)), '0 a');
  });

  test('gives each worker a socket on the same port', async (context) => {
    const { supervisor } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a', process: { workerProcesses: 2 } }));
    assert.deepEqual(await allGreetings(portOf(supervisor), 2), ['0 a', '1 a']);
  });

  for (const process of [inline, { workerProcesses: 1 }, { workerProcesses: 2 }]) {
    const how = JSON.stringify(process);
    test(`refuses a port that somebody listens on, and names it as nginx does: ${how}`, async (context) => {
      const port = await occupiedPort(context);
      const { supervisor } = supervise(context);
      const listens = [`127.0.0.1:${port}`];
      await assert.rejects(supervisor.start(await loadStub({ name: 'a', listens, process })), {
        code: 'LISTEN_FAILED',
        message: `bind() to 127.0.0.1:${port} failed (98: Address already in use)`,
      });
      await supervisor.start(await loadStub({ name: 'b', process }));
      assert.match(await greeting(portOf(supervisor)), / b$/);
    });
  }

  test('does not share a port with another proxy that would share it', async (context) => {
    const first = supervise(context).supervisor;
    const second = supervise(context).supervisor;
    const process = { workerProcesses: 2 };
    await first.start(await loadStub({ name: 'a', process }));
    const listens = [`127.0.0.1:${portOf(first)}`];
    await assert.rejects(second.start(await loadStub({ name: 'b', process, listens })), {
      code: 'LISTEN_FAILED',
    });
  });

  test('refuses an unsafe environment', async (context) => {
    const checkEnvironment = () => ({ refuse: 'VARIABLE=0 is unsafe', notes: [] });
    const { supervisor } = supervise(context, { parts: { checkEnvironment } });
    await assert.rejects(supervisor.start(await loadStub({ name: 'a' })), {
      code: 'ENVIRONMENT_UNSAFE',
      message: 'VARIABLE=0 is unsafe',
    });
  });

  test('refuses a configuration with errors', async (context) => {
    const { supervisor } = supervise(context);
    await assert.rejects(supervisor.start(await loadStub({ name: 'a', error: 'wrong' })), {
      code: 'CONFIG_INVALID',
      message: 'wrong',
    });
  });

  test('fails with the reason where a worker cannot get ready', async (context) => {
    const { supervisor } = supervise(context);
    await assert.rejects(supervisor.start(await loadStub({ name: 'a', failInWorker: true })), {
      message: 'cannot compile here',
    });
    assert.deepEqual(supervisor.addresses(), []);
  });

  test('writes into the error log what it serves and which hops are not verified', async (context) => {
    const { supervisor } = supervise(context);
    const log = join(temporaryFolder(context), 'error.log');
    const hop: HopSummary = {
      from: 'a.conf:4',
      to: 'https://x',
      mode: 'on',
      encrypted: true,
      verified: true,
      reason: null,
      until: null,
      note: '',
    };
    const weak: HopSummary = { ...hop, from: 'a.conf:9', mode: 'off', verified: false, note: 'x' };
    const errorLog = [{ path: log, level: 'notice' as const }];
    await supervisor.start(
      await loadStub({ name: 'a', process: { ...inline, errorLog }, hops: [hop, weak] }),
    );
    const text = readFileSync(log, 'utf8');
    assert.match(text, /\[notice\] \d+#\d+: sallyport\/\d/);
    assert.match(text, new RegExp(`listening on 127\\.0\\.0\\.1:${portOf(supervisor)}\n`));
    assert.match(text, /2 upstream hops: 1 verified, 1 not verified \(a\.conf:9\)\n/);
    assert.match(text, /\[error\].* a\.conf:9: the hop to https:\/\/x is not verified \(x\)/);
  });
});

describe('the death of a worker', () => {
  test('is reported and answered with a new worker on the same port', async (context) => {
    const { supervisor, events } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a' }));
    const died = once(events, 'workerDied');
    const { socket } = await visit(portOf(supervisor));
    socket.write('die');
    const [id, cause] = (await died) as [number, Error];
    assert.equal(id, 0);
    assert.match(cause.message, /^worker 0 died: Error: told to die\n {4}at /);
    assert.equal(await greetingAtLast(portOf(supervisor)), '0 a');
  });

  test('leaves the other workers alone', async (context) => {
    const { supervisor, events } = supervise(context, { parts: { restartDelay: () => 600_000 } });
    await supervisor.start(await loadStub({ name: 'a', process: { workerProcesses: 2 } }));
    const died = once(events, 'workerDied');
    const { socket, greeting: first } = await visit(portOf(supervisor));
    socket.write('die');
    await died;
    const survivor = first === '0 a' ? '1 a' : '0 a';
    assert.deepEqual(await allGreetings(portOf(supervisor), 1), [survivor]);
  });

  test('waits longer each time', async (context) => {
    const asked: number[] = [];
    const restartDelay = (deaths: number): number => {
      asked.push(deaths);
      return 0;
    };
    const { supervisor, events } = supervise(context, { parts: { restartDelay } });
    await supervisor.start(await loadStub({ name: 'a' }));
    for (let count = 0; count < 3; count += 1) {
      await greetingAtLast(portOf(supervisor));
      const died = once(events, 'workerDied');
      (await visit(portOf(supervisor))).socket.write('die');
      await died;
    }
    assert.deepEqual(asked, [1, 2, 3]);
  });

  test('brings its unix socket back', async (context) => {
    const path = join(temporaryFolder(context), 's');
    const { supervisor, events } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a', listens: [`unix:${path}`] }));
    const died = once(events, 'workerDied');
    (await visit(path)).socket.write('die');
    await died;
    assert.equal(await greetingAtLast(path), '0 a');
  });

  test('an error that a worker survives is an event and kills nothing', async (context) => {
    const { supervisor, events } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a' }));
    const heard = new Promise<Error>((resolve) => events.on('error', resolve));
    const { socket } = await visit(portOf(supervisor));
    socket.write('complain');
    assert.equal((await heard).message, 'told to complain');
    socket.destroy();
    assert.equal(await greeting(portOf(supervisor)), '0 a');
  });
});

describe('reload', () => {
  for (const process of [inline, { workerProcesses: 2 }]) {
    const count = process === inline ? 1 : 2;
    test(`moves ${count} workers to the new configuration on the same port`, async (context) => {
      const { supervisor } = supervise(context);
      await supervisor.start(await loadStub({ name: 'a', process }));
      const port = portOf(supervisor);
      await supervisor.reload(await loadStub({ name: 'b', process }));
      assert.equal(portOf(supervisor), port);
      const expected = ['0 b', '1 b'].slice(0, count);
      assert.deepEqual(await allGreetings(port, count), expected);
    });
  }

  test('with errors changes nothing and says why', async (context) => {
    const { supervisor, events } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a' }));
    const failed = once(events, 'reloadFailed');
    await assert.rejects(supervisor.reload(await loadStub({ name: 'b', error: 'wrong' })), {
      code: 'CONFIG_INVALID',
    });
    assert.equal(((await failed) as [Error])[0].message, 'wrong');
    assert.equal(await greeting(portOf(supervisor)), '0 a');
  });

  test('that fails in a worker changes nothing', async (context) => {
    const { supervisor } = supervise(context);
    const process = { workerProcesses: 2 };
    await supervisor.start(await loadStub({ name: 'a', process }));
    const listens = ['127.0.0.1:0', '127.0.0.2:0'];
    await assert.rejects(
      supervisor.reload(await loadStub({ name: 'b', process, failInWorker: true, listens })),
      { message: 'cannot compile here' },
    );
    assert.equal(supervisor.addresses().length, 1);
    assert.deepEqual(await allGreetings(portOf(supervisor), 2), ['0 a', '1 a']);
  });

  test('onto a port that somebody listens on changes nothing', async (context) => {
    const port = await occupiedPort(context);
    const { supervisor } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a' }));
    const listens = ['127.0.0.1:0', `127.0.0.1:${port}`];
    await assert.rejects(supervisor.reload(await loadStub({ name: 'b', listens })), {
      code: 'LISTEN_FAILED',
    });
    assert.equal(await greeting(portOf(supervisor)), '0 a');
    assert.equal(supervisor.addresses().length, 1);
  });

  test('opens added addresses and closes removed ones', async (context) => {
    const { supervisor } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a' }));
    const old = portOf(supervisor);
    await supervisor.reload(await loadStub({ name: 'b', listens: ['127.0.0.2:0'] }));
    assert.equal(supervisor.addresses()[0]?.key, '127.0.0.2:0');
    await assert.rejects(greeting(old), { code: 'ECONNREFUSED' });
  });

  test('adds and removes workers', async (context) => {
    const { supervisor } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a', process: { workerProcesses: 2 } }));
    const port = portOf(supervisor);
    await supervisor.reload(await loadStub({ name: 'b', process: { workerProcesses: 3 } }));
    assert.deepEqual(await allGreetings(port, 3), ['0 b', '1 b', '2 b']);
    await supervisor.reload(await loadStub({ name: 'c', process: { workerProcesses: 1 } }));
    // Those that leave may still take what had reached them.
    while ((await greetingAtLast(port)) !== '0 c');
    assert.deepEqual(await allGreetings(port, 1), ['0 c']);
  });

  test('of a proxy that is not running is refused', async (context) => {
    const { supervisor } = supervise(context);
    await assert.rejects(supervisor.reload(await loadStub({ name: 'a' })), { code: 'NOT_RUNNING' });
  });
});

describe('quit and close', () => {
  test('quit accepts nothing more and waits for what is in flight', async (context) => {
    const { supervisor, events } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a' }));
    const port = portOf(supervisor);
    const { socket } = await visit(port);
    let over = false;
    const quit = supervisor.quit().then(() => (over = true));
    while ((await greeting(port).catch((error: Error) => error)) === '0 a');
    assert.equal(over, false);
    const ended = once(events, 'ended');
    socket.write('bye');
    await quit;
    await ended;
  });

  test('close ends a quit that waits', async (context) => {
    const { supervisor } = supervise(context);
    await supervisor.start(await loadStub({ name: 'a' }));
    const { socket } = await visit(portOf(supervisor));
    const closed = once(socket, 'close');
    const quit = supervisor.quit();
    await supervisor.close();
    await quit;
    await closed;
  });

  test('worker_shutdown_timeout cuts what does not end', async (context) => {
    const { supervisor } = supervise(context);
    const process = { workerShutdownTimeout: 20 };
    await supervisor.start(await loadStub({ name: 'a', process }));
    const { socket } = await visit(portOf(supervisor));
    const closed = once(socket, 'close');
    await supervisor.quit();
    await closed;
  });

  test('a start that is closed meanwhile rejects and leaves nothing open', async (context) => {
    const { supervisor } = supervise(context);
    const started = supervisor.start(await loadStub({ name: 'a' }));
    const rejected = assert.rejects(started);
    await supervisor.close();
    await rejected;
    assert.deepEqual(supervisor.addresses(), []);
  });
});

describe('a proxy that owns its process', () => {
  test('has a pid file while it runs', async (context) => {
    const pid = join(temporaryFolder(context), 'proxy.pid');
    const { supervisor } = supervise(context, { ownsProcess: true });
    await supervisor.start(await loadStub({ name: 'a', process: { ...inline, pid } }));
    assert.equal(readFileSync(pid, 'utf8'), `${process.pid}\n`);
    await supervisor.quit();
    assert.equal(existsSync(pid), false);
  });

  test('moves the pid file at a reload', async (context) => {
    const folder = temporaryFolder(context);
    const [first, second] = [join(folder, '1'), join(folder, '2')];
    const { supervisor } = supervise(context, { ownsProcess: true });
    await supervisor.start(await loadStub({ name: 'a', process: { ...inline, pid: first } }));
    await supervisor.reload(await loadStub({ name: 'a', process: { ...inline, pid: second } }));
    assert.equal(existsSync(first), false);
    assert.equal(existsSync(second), true);
  });
});
