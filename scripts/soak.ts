// Does anything leak? Mixed load through one proxy for some minutes: TLS on both sides, uploads,
// downloads, upgrades, failures, clients that leave at every stage, reloads. Prints samples of the
// proxy's memory and handles; ends with 1 where they grow after the warm-up, where something is
// still open when all clients have gone, or where an answer was wrong.
//
//   node scripts/with-node.mjs scripts/soak.ts [SECONDS]          default: 300

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
import { startUpstream } from './soak/upstream.ts';

const sampleEveryMs = 2_000;
const warmUpShare = 0.35;
const megabyte = 1_000_000;

/** Growth after the warm-up that is noise: a share of the mean, and bytes. */
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
  proxy_read_timeout 500ms;
  proxy_ssl_name a.test;
  proxy_ssl_trusted_certificate ${pki.caFile};
  upstream retried { server 127.0.0.1:1; server 127.0.0.1:${upstream}; }
  server {
    listen 127.0.0.1:${ports[0]};
    listen 127.0.0.1:${ports[1]} ssl;
    ssl_certificate ${pki.b.certificate};
    ssl_certificate_key ${pki.b.key};
    location / { proxy_pass ${hop}; }
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

/** Growth over all samples, by the line that fits them best. */
function growth(values: readonly number[]): number {
  const n = values.length;
  const middle = (n - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  let covariance = 0;
  let variance = 0;
  for (const [i, value] of values.entries()) {
    covariance += (i - middle) * (value - mean);
    variance += (i - middle) ** 2;
  }
  return variance === 0 ? 0 : (covariance / variance) * (n - 1);
}

function verdicts(samples: readonly Sample[], quiet: Sample, load: Load): string[] {
  const warm = samples.slice(Math.ceil(samples.length * warmUpShare));
  const found: string[] = [];
  for (const [name, { share, bytes }] of Object.entries(tolerated)) {
    const values = warm.map((sample) => sample[name as keyof typeof tolerated]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const grown = growth(values);
    const limit = Math.max(share * mean, bytes);
    console.log(
      `${name}: mean ${inMegabytes(mean)} MB, grew by ${inMegabytes(grown)} MB of ${inMegabytes(limit)} MB tolerated`,
    );
    if (grown > limit) found.push(`${name} grows`);
  }
  if (quiet.handles > quietHandles) found.push(`${quiet.handles} handles are still open`);
  for (const [name, count] of Object.entries(load.failed)) {
    found.push(`${count} of ${name} failed, the last of all: ${load.lastFailure}`);
  }
  return found;
}

async function soak(child: ChildProcess, load: Load, seconds: number): Promise<Sample[]> {
  const samples: Sample[] = [];
  const clients = runLoad(load);
  console.log('  time    heap buffers     rss  files handles   (MB)');
  const end = Date.now() + seconds * 1000;
  for (let i = 1; Date.now() < end; i += 1) {
    await sleep(sampleEveryMs);
    const sample = await sampleOf(child);
    samples.push(sample);
    show(`${(i * sampleEveryMs) / 1000}s`, sample);
    if (i % 5 === 0) await ask(child, 'reload');
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
  const seconds = Number(process.argv[2] ?? 300);
  if (!(seconds > 0)) throw new Error('usage: soak.ts [SECONDS]');
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
    const load: Load = {
      plain: { port: plainPort },
      tls: { port: tlsPort, tls: { ca: pki.ca, servername: 'b.test' } },
      stopped: false,
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
