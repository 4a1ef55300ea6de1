// Run as root in a process of its own: starts a proxy that becomes another user, lets a worker die,
// and tells what it sees as JSON.

import { once } from 'node:events';
import { statSync } from 'node:fs';
import { EventEmitter } from 'node:events';
import { greetingAtLast, loadStub, portOf, visit } from './supervised.test-kit.ts';
import { stubParts } from './stub-engine.test-kit.ts';
import { Supervisor } from './supervisor.ts';

const [pid = '', log = '', port = ''] = process.argv.slice(2);
const events = new EventEmitter();
const supervisor = new Supervisor({
  ownsProcess: true,
  parts: {
    engine: stubParts,
    workerUrl: new URL('./stub-worker.test-kit.ts', import.meta.url),
    restartDelay: () => 0,
    checkEnvironment: () => ({ refuse: null, notes: [] }),
  },
  events: {
    error: () => {},
    workerDied: () => events.emit('died'),
    reloaded: () => {},
    reloadFailed: () => {},
    tlsReloaded: () => {},
    tlsReloadFailed: () => {},
    ended: () => {},
  },
});
const loaded = await loadStub({
  name: 'a',
  listens: [`127.0.0.1:${port}`],
  process: {
    pid,
    user: { user: 'nobody', group: 'nogroup' },
    workerProcesses: 2,
    errorLog: [{ path: log, level: 'notice' }],
  },
});
Object.assign(loaded, { logFiles: [log] });
await supervisor.start(loaded);
const died = once(events, 'died');
(await visit(portOf(supervisor))).socket.write('die');
await died;
const greeting = await greetingAtLast(portOf(supervisor));
const seen = { uid: process.getuid?.(), logOwner: statSync(log).uid, greeting };
process.stdout.write(JSON.stringify(seen));
await supervisor.close();
