// Does a reload leave anything behind? Reloads one proxy again and again under a light load:
// listeners come and go, upstream groups, certificates and numbers of workers change. Prints samples;
// ends with 1 where memory, descriptors or threads grow, or where a request failed.
//
//   node scripts/with-node.mjs scripts/reloads.ts [RELOADS]          default: 1000

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createProxy, loadConfig } from '../src/index.ts';
import { testPki } from '../test/kit/pki.ts';
import type { TestPki } from '../test/kit/pki.ts';
import { freePorts } from '../test/kit/ports.ts';
import { echoLocations, startEcho, SteadyLoad } from '../test/kit/steady-load.ts';
import { makeTempFolder, removeFolder } from '../test/kit/temp-folder.ts';
import { LiveWorkers } from '../test/kit/workers.ts';
import type { Scope } from '../test/kit/scope.ts';

const samples = 40;
/** Of the samples, before anything counts: caches fill, code is compiled. */
const warmUpShare = 0.3;
const megabyte = 1_000_000;
/** A run of fewer reloads shows descriptors and threads alone, by what is left when all is quiet. */
const fewest = 200;
/** Retired workers are gone after this: `keepalive_min_timeout`, and some more. */
const drainMs = 8_000;
/** How long may that take on a slow machine? */
const drainLimitMs = 90_000;

interface Sample {
  readonly heap: number;
  readonly rss: number;
  readonly files: number;
  readonly threads: number;
}

/** What differs from one reload to the next. */
interface Variant {
  readonly index: number;
  readonly ports: readonly number[];
  readonly folder: string;
  readonly echo: string;
  readonly pki: TestPki;
}

function configuration({ index, ports, folder, echo, pki }: Variant): string {
  const odd = index % 2 === 1;
  const identity = odd ? pki.a : pki.b;
  return `
worker_processes ${index % 10 === 9 ? 3 : 2};
error_log ${folder}/error.log crit;
events { }
http {
  access_log ${folder}/access-${index % 3}.log;
  limit_req_zone $uri zone=flow:1m rate=${odd ? 100_000 : 200_000}r/s;
  keepalive_min_timeout 5s;
  upstream same { server ${echo}; keepalive 4; }
  upstream changed { server ${echo} max_fails=${index % 7}; keepalive 4; zone changed 64k; }
  server {
    listen 127.0.0.1:${ports[0]};
    listen 127.0.0.1:${ports[1]} ssl;
    listen ${odd ? `127.0.0.1:${ports[2]}` : `unix:${folder}/socket`};
    ssl_certificate ${identity.certificate};
    ssl_certificate_key ${identity.key};
    ${echoLocations(index % 3 === 0 ? 'same' : 'changed')}
  }
}`;
}

async function sample(workers: LiveWorkers): Promise<Sample> {
  // One that drains may end meanwhile.
  const asked = await Promise.allSettled(
    workers.all.map(async (worker) => (await worker.getHeapStatistics()).used_heap_size),
  );
  const heaps = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  return {
    heap: heapUsed + heaps.reduce((sum, one) => sum + one, 0) / Math.max(1, heaps.length),
    rss,
    files: readdirSync('/proc/self/fd').length,
    threads: readdirSync('/proc/self/task').length,
  };
}

function show(label: string | number, { heap, rss, files, threads }: Sample): void {
  const memory = [heap, rss].map((bytes) => (bytes / megabyte).toFixed(1).padStart(7)).join(' ');
  console.log(`${String(label).padStart(7)} ${memory} ${files} ${threads}`);
}

/** The mean of the lowest quarter: garbage comes and goes, and one low point may be chance. */
function low(values: readonly number[]): number {
  const lowest = values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length / 4));
  return Math.round(lowest.reduce((sum, value) => sum + value, 0) / lowest.length);
}

function growth(all: readonly Sample[], of: keyof Sample): { from: number; to: number } {
  const warm = all.slice(Math.floor(all.length * warmUpShare)).map((one) => one[of]);
  const middle = Math.floor(warm.length / 2);
  return { from: low(warm.slice(0, middle)), to: low(warm.slice(middle)) };
}

const tolerated: Readonly<Record<keyof Sample, number>> = {
  heap: 3 * megabyte,
  rss: 25 * megabyte,
  files: 4,
  threads: 1,
};

function verdicts(all: readonly Sample[], reloads: number): string[] {
  const found: string[] = [];
  if (reloads < fewest) return found;
  for (const name of Object.keys(tolerated) as (keyof Sample)[]) {
    const { from, to } = growth(all, name);
    console.log(`${name}: ${from} at its low points in the first half, ${to} in the second`);
    if (to - from > tolerated[name]) found.push(`${name} grows`);
  }
  return found;
}

// What retired workers still hold goes away, what leaks does not.
async function leftSince(before: Sample, workers: LiveWorkers): Promise<string[]> {
  const end = Date.now() + drainLimitMs;
  for (;;) {
    const { files, threads } = await sample(workers);
    const grown = [
      ...(files > before.files + tolerated.files ? ['files grow'] : []),
      ...(threads > before.threads + tolerated.threads ? ['threads grow'] : []),
    ];
    if (grown.length === 0 || Date.now() > end) {
      console.log(`files: ${before.files}, ${files} at the end`);
      console.log(`threads: ${before.threads}, ${threads} at the end`);
      return grown;
    }
    await sleep(200);
  }
}

async function run(reloads: number, scope: Scope, folder: string): Promise<string[]> {
  const workers = LiveWorkers.follow(scope);
  const pki = await testPki();
  const { address: echo } = await startEcho(scope);
  const ports = await freePorts(3);
  const options = (index: number) => ({
    file: path.join(folder, 'sallyport.conf'),
    prefix: folder,
    text: configuration({ index, ports, folder, echo, pki }),
  });
  const proxy = createProxy(await loadConfig(options(0)));
  scope.after(() => proxy.close());
  await proxy.start();
  const [port = 0, tlsPort = 0] = ports;
  const tls = { rejectUnauthorized: false };
  const load = SteadyLoad.start(
    [
      { kind: 'new', target: { port } },
      { kind: 'kept', target: { port } },
      { kind: 'kept', target: { port: tlsPort, tls } },
      { kind: 'upload', target: { port } },
      { kind: 'upgraded', target: { port } },
    ],
    scope,
  );
  const short = reloads < fewest;
  let before: Sample | null = null;
  console.log('reloads    heap     rss files threads   (MB; heap: main and the mean of workers)');
  const all: Sample[] = [];
  const every = Math.max(1, Math.floor(reloads / samples));
  for (let index = 1; index <= reloads; index += 1) {
    await proxy.reload(options(index));
    if (short && before === null && index >= reloads * warmUpShare) {
      await proxy.reload(options(0));
      await sleep(drainMs);
      before = await sample(workers);
    }
    // Always with the same number of workers and listeners.
    if (index % every !== 0) continue;
    await proxy.reload(options(0));
    await load.goesOn(1);
    const one = await sample(workers);
    all.push(one);
    if (all.length % 5 === 0) show(index, one);
  }
  const left = before === null ? [] : await leftSince(before, workers);
  await load.stop();
  console.log(`${load.total} requests, ${load.failures.length} failed`);
  return [...left, ...verdicts(all, reloads), ...load.failures.slice(0, 5)];
}

const ends: (() => void | Promise<void>)[] = [];
const folder = makeTempFolder();
ends.push(() => removeFolder(folder));
const reloads = Number(process.argv[2] ?? 1000);
let problems: readonly string[];
try {
  problems = await run(reloads, { after: (fn) => void ends.push(fn) }, folder);
} finally {
  for (const end of ends.reverse()) await end();
}
for (const problem of problems) console.log(problem);
console.log(problems.length === 0 ? 'nothing grows' : 'FAILED');
process.exitCode = problems.length === 0 ? 0 : 1;
