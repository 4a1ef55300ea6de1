// Does anything leak? A steady mixed load through one proxy: TLS on both sides, uploads, downloads,
// upgrades, failures, clients that leave at every stage, reloads. Now and then the clients rest, and
// what the proxy holds after a full collection is written down. Ends with 1 where that grows after
// the warm-up, where something is still open when all clients have gone, or where an answer was wrong.
//
//   node scripts/with-node.mjs scripts/soak.ts [SECONDS] [REST MS]     default: 1800, 20

import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { testPki } from '../test/kit/pki.ts';
import type { TestPki } from '../test/kit/pki.ts';
import { freePorts } from '../test/kit/ports.ts';
import { makeTempFolder, removeFolder } from '../test/kit/temp-folder.ts';
import { runLoad } from './soak/load.ts';
import type { Load } from './soak/load.ts';
import type { Command, Reply, Sample } from './soak/proxy-process.ts';
import { slopeOf } from './soak/slope.ts';
import { startUpstream } from './soak/upstream.ts';

/** How long the clients work between two samples, and how long they may rest for one. */
const workMs = 10_000;
const restLimitMs = 5_000;
const warmUpShare = 0.35;

/** V8 goes on compiling what a reload runs for some hundreds of them: some 10 KB each. */
const reloadsFirst = 300;
const megabyte = 1_000_000;

/** No more than this may come in an hour, in bytes. */
const mostPerHour = megabyte;

/** Growth in one run that may be noise: a share of the mean, and bytes. */
const tolerated = {
  heap: { share: 0.05, bytes: 1.5 * megabyte },
  buffers: { share: 0.25, bytes: 8 * megabyte },
  rss: { share: 0.15, bytes: 12 * megabyte },
} as const;

/** With all clients gone: the listeners, the logs, the channel, idle upstream connections. */
const quietHandles = 40;

function configuration(ports: readonly number[], upstream: number, pki: TestPki): string {
  const hop = `https://127.0.0.1:${upstream}`;
  return `
master_process off;
error_log error.log crit;
events { worker_connections 2000; }
http {
  access_log off;
  client_max_body_size 0;
  client_body_temp_path bodies;
  proxy_read_timeout 60s;
  proxy_ssl_name a.test;
  proxy_ssl_trusted_certificate ${pki.caFile};
  upstream retried { server 127.0.0.1:1; server 127.0.0.1:${upstream}; }
  server {
    listen 127.0.0.1:${ports[0]};
    listen 127.0.0.1:${ports[1]} ssl;
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location / { proxy_pass ${hop}; }
    location = /a/silent { proxy_pass ${hop}; proxy_read_timeout 500ms; }
    location /streamed { proxy_pass ${hop}; proxy_request_buffering off; }
    location /unbuffered { proxy_pass ${hop}; proxy_buffering off; }
    location /patient { proxy_pass ${hop}; proxy_ignore_client_abort on; }
    location /retried { proxy_pass https://retried; }
    location /unverified { proxy_pass ${hop}; proxy_ssl_name other.test; }
    location /upgrade {
      proxy_pass ${hop};
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection upgrade;
    }
  }
}`;
}

function ask(child: ChildProcess, command: Command): Promise<Sample | null> {
  return new Promise((resolve, reject) => {
    const onExit = (): void => reject(new Error('the proxy has ended'));
    child.once('exit', onExit);
    child.once('message', (reply: Reply) => {
      child.off('exit', onExit);
      if (reply !== null && 'error' in reply) reject(new Error(reply.error));
      else resolve(reply);
    });
    child.send(command);
  });
}

async function sampleOf(child: ChildProcess): Promise<Sample> {
  const sample = await ask(child, 'sample');
  if (sample === null) throw new Error('no sample came');
  return sample;
}

const inMegabytes = (bytes: number): string => (bytes / megabyte).toFixed(1).padStart(7);

function show(label: string, { heap, buffers, rss, files, handles }: Sample): void {
  const memory = [heap, buffers, rss].map(inMegabytes).join(' ');
  console.log(`${label.padStart(6)} ${memory} ${String(files).padStart(6)} ${handles}`);
}

type Measure = keyof typeof tolerated;

/** A sample and when it was taken, in hours. */
interface Timed {
  readonly at: number;
  readonly sample: Sample;
}

// Growth is proven where even the low end of the range is above what may be, and excluded where the
// high end is not. In between the run was too short for the noise.
function judgeSlope(name: Measure, warm: readonly Timed[]): string | null {
  const values = warm.map(({ sample }) => sample[name]);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const points = warm.map(({ at, sample }) => ({ at, value: sample[name] }));
  const { perHour, low, high } = slopeOf(points);
  const hours = (warm.at(-1)?.at ?? 0) - (warm[0]?.at ?? 0);
  const { share, bytes } = tolerated[name];
  const isNoise = high * hours < Math.max(share * mean, bytes);
  const range = `${inMegabytes(low).trim()} to ${inMegabytes(high).trim()}`;
  const verdict =
    low > mostPerHour ? 'grows' : high < mostPerHour ? 'below 1 MB/h' : 'not decided by this run';
  console.log(
    `${name.padEnd(8)} mean ${inMegabytes(mean)} MB, slope ${inMegabytes(perHour)} MB/h ` +
      `(95 %: ${range}): ${verdict}`,
  );
  // What a short run cannot tell from noise must at least be as small as noise.
  if (low > mostPerHour && !isNoise) return `${name} grows`;
  return null;
}

function verdicts(samples: readonly Timed[], quiet: Sample, load: Load): string[] {
  const warm = samples.slice(Math.ceil(samples.length * warmUpShare));
  const found: string[] = [];
  if (warm.length < 10) console.log('too few samples for a slope');
  else {
    for (const name of Object.keys(tolerated) as Measure[]) {
      const problem = judgeSlope(name, warm);
      if (problem !== null) found.push(problem);
    }
  }
  if (quiet.handles > quietHandles) found.push(`${quiet.handles} handles are still open`);
  for (const [name, count] of Object.entries(load.failed)) {
    found.push(`${count} of ${name} failed, the last of all: ${load.lastFailure}`);
  }
  return found;
}

// With nobody in the middle of anything, two samples differ by what has stayed.
async function restingSample(child: ChildProcess, load: Load): Promise<Sample> {
  load.paused = true;
  const end = Date.now() + restLimitMs;
  while (load.busy > 0 && Date.now() < end) await sleep(50);
  await sleep(500);
  const sample = await sampleOf(child);
  load.paused = false;
  return sample;
}

async function soak(child: ChildProcess, load: Load, seconds: number): Promise<Timed[]> {
  const samples: Timed[] = [];
  const clients = runLoad(load);
  console.log('  time    heap buffers     rss  files handles   (MB)');
  const begun = Date.now();
  for (let i = 1; Date.now() < begun + seconds * 1000; i += 1) {
    await sleep(workMs);
    const sample = await restingSample(child, load);
    const ms = Date.now() - begun;
    samples.push({ at: ms / 3_600_000, sample });
    show(`${Math.round(ms / 1000)}s`, sample);
    if (i % 2 === 0) await ask(child, 'reload');
  }
  load.stopped = true;
  await clients;
  return samples;
}

/** What is open after the last client has gone and upstream connections have had time to idle out. */
async function quietSample(child: ChildProcess): Promise<Sample> {
  await sleep(4_000);
  const sample = await sampleOf(child);
  show('quiet', sample);
  return sample;
}

async function main(): Promise<number> {
  const [seconds = 1800, restMs = 20] = process.argv.slice(2).map(Number);
  if (!(seconds > 0 && restMs >= 0)) throw new Error('usage: soak.ts [SECONDS] [REST MS]');
  const folder = makeTempFolder();
  const pki = await testPki();
  const [plainPort = 0, tlsPort = 0] = await freePorts(2);
  const upstream = await startUpstream(pki.a.tls);
  const child = fork(new URL('soak/proxy-process.ts', import.meta.url), {
    execArgv: ['--expose-gc'],
  });
  try {
    const text = configuration([plainPort, tlsPort], upstream, pki);
    await ask(child, { start: { text, prefix: folder } });
    for (let i = 0; i < reloadsFirst; i += 1) await ask(child, 'reload');
    const load: Load = {
      plain: { port: plainPort },
      tls: { port: tlsPort, tls: { ca: pki.ca, servername: 'b.test' } },
      stopped: false,
      paused: false,
      busy: 0,
      restMs,
      done: {},
      failed: {},
      lastFailure: '',
    };
    const samples = await soak(child, load, seconds);
    const quiet = await quietSample(child);
    console.log(load.done);
    const found = verdicts(samples, quiet, load);
    for (const one of found) console.log(`FAILED: ${one}`);
    if (found.length === 0) console.log('flat');
    return found.length === 0 ? 0 : 1;
  } finally {
    child.disconnect();
    removeFolder(folder);
  }
}

process.exitCode = await main();
process.exit();
