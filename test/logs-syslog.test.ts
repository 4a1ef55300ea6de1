// Access and error logs that go to syslog: the same datagrams as nginx's, times apart, and a
// receiver that is slow, full or not there costs no request anything.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { receiveUdp, receiveUnixDatagrams, type DatagramReceiver } from './kit/datagrams.ts';
import { nginxAvailable, startNginx } from './kit/nginx.ts';
import { freePort } from './kit/ports.ts';
import { request } from './kit/raw-client.ts';
import { startProxy } from './kit/sallyport.ts';
import { tempFolder } from './kit/temp-folder.ts';

const skip = !nginxAvailable;

/** One case: what stands after `server=…`, and how many datagrams its three requests give. */
const accessCases = [
  '',
  ',facility=local0,severity=warn,tag=front_1',
  ',nohostname',
  ',facility=kern,severity=emerg,nohostname,tag=x',
  ',tag=',
] as const;

const requests = [
  { path: '/a?b=1', headers: { 'User-Agent': 'caf\xe9 "x"' } },
  { path: '/%0A%22' },
  { path: '/skipped' },
];

function config(port: number, address: string, more: string): string {
  return `events { }
http {
  log_format short '$request_method $uri "$http_user_agent" $status';
  map $uri $wanted { default 1; /skipped 0; }
  server {
    listen 127.0.0.1:${port};
    access_log syslog:server=${address}${more} short if=$wanted;
    location / { return 204; }
  }
}`;
}

// The time changes between the two runs, and is looked at on its own.
function timeless(message: string): string {
  return message.replace(/^(<\d+>)\w{3} [ \d]\d \d\d:\d\d:\d\d /, '$1time ');
}

type Start = (text: string, folder: string, t: TestContext) => Promise<unknown>;

const nginx: Start = (text, folder, scope) => startNginx(text, { folder, scope });
const proxy: Start = (text, folder, scope) => startProxy(text, { folder, scope });

async function accessLines(
  t: TestContext,
  start: Start,
  open: (folder: string) => Promise<DatagramReceiver>,
  more: string,
): Promise<readonly string[]> {
  const folder = tempFolder(t);
  const receiver = await open(folder);
  const port = await freePort();
  await start(config(port, receiver.address, more), folder, t);
  for (const one of requests) await request({ port, ...one });
  return (await receiver.received(2)).map(timeless);
}

for (const more of accessCases) {
  test(`UDP datagrams are those of nginx: server=…${more}`, { skip }, async (t) => {
    const open = (): Promise<DatagramReceiver> => receiveUdp(t);
    const expected = await accessLines(t, nginx, open, more);
    assert.equal(expected.length, 2);
    assert.deepEqual(await accessLines(t, proxy, open, more), expected);
  });
}

const onLinux = process.platform === 'linux';

test(
  'a datagram socket of the file system gets the same',
  { skip: skip || !onLinux },
  async (t) => {
    const open = (folder: string): Promise<DatagramReceiver> => {
      const receiver = receiveUnixDatagrams(join(folder, 'log'), t);
      assert.ok(receiver !== null);
      return Promise.resolve(receiver);
    };
    const expected = await accessLines(t, nginx, open, ',tag=unix');
    assert.equal(expected.length, 2);
    assert.deepEqual(await accessLines(t, proxy, open, ',tag=unix'), expected);
  },
);

test('the time is local, and its day is padded with a space', async (t) => {
  const port = await freePort();
  const receiver = await receiveUdp(t);
  await startProxy(config(port, receiver.address, ''), { scope: t });
  await request({ port });
  const [message = ''] = await receiver.received(1);
  const [, month = '', day = ''] =
    /^<190>(\w{3}) ([ \d]\d) \d\d:\d\d:\d\d \S+ nginx: GET/.exec(message) ?? [];
  const today = new Date();
  assert.equal(month, today.toLocaleString('en', { month: 'short' }), message);
  assert.equal(day, String(today.getDate()).padStart(2, ' '));
});

const errors = (port: number, address: string): string => `
error_log syslog:server=${address},tag=errors,nohostname warn;
events { }
http { access_log off; server { listen 127.0.0.1:${port}; location / { root /nonexistent; } } }`;

// <severity>time tag: date time [level] pid#tid: *n text
function errorForm(message: string): string {
  return timeless(message)
    .replace(/\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d/, 'date')
    .replace(/\d+#\d+: \*\d+/, 'ids')
    .replace(/127\.0\.0\.1:\d+|localhost:\d+/, 'host');
}

test('error log lines carry their own severity, as in nginx', { skip }, async (t) => {
  const lines: string[][] = [];
  for (const start of [nginx, proxy]) {
    const receiver = await receiveUdp(t);
    const port = await freePort();
    const folder = tempFolder(t);
    await start(errors(port, receiver.address), folder, t);
    await request({ port, path: '/x' });
    const all = await receiver.received(1);
    lines.push(all.filter((one) => one.includes('open()')).map(errorForm));
  }
  const [theirs, ours] = lines;
  assert.equal(theirs?.length, 1);
  assert.match(theirs[0] ?? '', /^<187>time errors: date \[error\] ids open\(\)/);
  assert.deepEqual(ours, theirs);
});

test('a receiver that is not there costs no request, and one line says so', async (t) => {
  const port = await freePort();
  const folder = tempFolder(t);
  const running = await startProxy(config(port, `unix:${folder}/none`, ''), { folder, scope: t });
  for (let i = 0; i < 20; i += 1) assert.equal((await request({ port })).status, 204);
  const said = running.errorLog().match(/\[alert\].*send\(\) to syslog failed/g) ?? [];
  assert.equal(said.length, onLinux ? 1 : said.length);
});

test('a receiver that does not read costs no request', { skip: !onLinux }, async (t) => {
  const port = await freePort();
  const folder = tempFolder(t);
  const receiver = receiveUnixDatagrams(join(folder, 'log'), t);
  await startProxy(config(port, receiver?.address ?? '', ''), { folder, scope: t });
  // More than the kernel keeps for one receiver (net.unix.max_dgram_qlen).
  for (let i = 0; i < 600; i += 1) assert.equal((await request({ port })).status, 204);
  const got = (await receiver?.received(1)) ?? [];
  assert.ok(got.length > 0 && got.length <= 600, String(got.length));
});
