// One run: warm-up without troubles, the same load with all of them, quiet, an orderly end. What is
// held when all is quiet is compared with what was held when it was quiet after the warm-up.

import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../test/kit/eventually.ts';
import { Random } from '../../test/kit/random.ts';
import { request } from '../../test/kit/raw-client.ts';
import { atEnd, type Scope } from '../../test/kit/scope.ts';
import { aborts } from './aborts.ts';
import type { Target } from './client.ts';
import { Faults } from './faults.ts';
import { orderlyEnd } from './orderly-end.ts';
import { ProxyProgram, type Holdings } from './proxy-program.ts';
import { rounds, type Round } from './rounds.ts';
import { makeSetting, writeConfiguration, type Setting } from './setting.ts';
import { Tally } from './tally.ts';
import * as troubles from './troubles.ts';
import { tunnels } from './tunnels.ts';
import type { World } from './world.ts';

export interface ChaosOptions {
  readonly folder: string;
  readonly seed: number;
  /** Of the warm-up and of the troubles together. */
  readonly seconds: number;
  /** Clients of each kind. */
  readonly clients: number;
  /** Milliseconds between two rounds of a client, at least. */
  readonly restMs: number;
  readonly killEveryMs: number;
  readonly scope: Scope;
  readonly onProgress?: (text: string) => void;
}

/** What the proxy held when all was quiet. */
export interface Quiet extends Holdings {
  readonly heap: number;
  readonly handles: number;
}

export interface ChaosResult {
  /** Empty: all is well. */
  readonly failures: readonly string[];
  readonly rows: Tally['rows'];
  readonly faults: Readonly<Record<string, number>>;
  readonly faultLines: readonly string[];
  readonly bytes: number;
  readonly before: Quiet;
  readonly after: Quiet;
}

/** Growth that is none: what the allocator keeps is not the same in two quiet moments. */
const tolerated = {
  rssBytes: 64_000_000,
  rssShare: 0.25,
  heapBytes: 24_000_000,
  files: 6,
} as const;
const warmUpShare = 0.2;
const kinds: Readonly<Record<string, Round>> = { ...rounds, aborts, tunnels };

/** One run that is under way. */
interface Run {
  readonly options: ChaosOptions;
  readonly setting: Setting;
  readonly proxy: ProxyProgram;
  readonly faults: Faults;
  readonly tally: Tally;
}

async function act(world: World, name: string, seed: number): Promise<void> {
  const random = new Random(seed);
  const round = kinds[name];
  const { tally } = world;
  while (!world.stopped && round !== undefined) {
    // A defect of the clients must not pass for one of the proxy, nor the other way round.
    await round({ world, random, name }).catch((error: unknown) => {
      tally.fail(`${name}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`);
    });
    if (tally.total('right') === 0) await sleep(20);
    await sleep(random.below(2 * world.restMs));
  }
}

function targetsOf(setting: Setting, withExtra: boolean): Target[] {
  const { plainPort, tlsPort, extraPort } = setting.around;
  const tls = { ca: setting.ca.certificatePem, servername: 'b.test' };
  const targets: Target[] = [
    { name: 'plain', port: plainPort },
    { name: 'tls', port: tlsPort, tls },
    { name: 'tls', port: tlsPort, tls },
  ];
  return withExtra ? [...targets, { name: 'extra', port: extraPort, tls }] : targets;
}

// Clients wait longer where the machine cannot keep up: it is shared with the proxy and others.
async function keepPace(world: World, restMs: number): Promise<void> {
  while (!world.stopped) {
    const asked = Date.now();
    await sleep(100);
    const late = Date.now() - asked - 100;
    world.restMs = Math.min(2_000, Math.max(restMs, (world.restMs + late * 4) / 2));
  }
}

/** All clients until `during` is over, or something has failed. */
async function load(run: Run, ms: number, withExtra: boolean): Promise<void> {
  const { options, setting, tally } = run;
  const { clients, restMs, seed } = options;
  const targets = targetsOf(setting, withExtra);
  const ids = { last: withExtra ? 1_000_000 : 0 };
  const state = {
    largest: 3_000_000,
    restMs,
    stopped: false,
    refusedAt: new Map<string, number>(),
  };
  const world: World = { targets, tally, ids, ...state };
  const acting = Object.keys(kinds).flatMap((name, k) =>
    Array.from({ length: clients }, (_, i) => act(world, name, seed + k * 1_000 + i)),
  );
  const pace = keepPace(world, restMs);
  const end = Date.now() + ms;
  for (let next = Date.now(); Date.now() < end && tally.failures.length === 0;) {
    await sleep(Math.min(250, Math.max(1, end - Date.now())));
    if (Date.now() < next) continue;
    next = Date.now() + 10_000;
    options.onProgress?.(progress(run, end));
  }
  world.stopped = true;
  await Promise.all([...acting, pace]);
}

function progress({ tally, proxy }: Run, end: number): string {
  const left = Math.round((end - Date.now()) / 1000);
  const { rss, files } = proxy.holdings();
  const right = `${tally.total('right')} right`;
  return `${left} s left: ${right}, rss ${(rss / 1e6).toFixed(0)} MB, ${files} files`;
}

async function activeConnections(port: number): Promise<number> {
  const { body } = await request({ port, path: '/status', limitMs: 30_000 });
  return Number(/Active connections: (\d+)/.exec(body.toString())?.[1]);
}

// Upstream connections idle out, logs are written, the collector runs.
async function quiet(run: Run, label: string, before: Quiet | null): Promise<Quiet> {
  const { proxy, setting, tally } = run;
  const { plainPort } = setting.around;
  const isQuiet = async (): Promise<boolean> =>
    (await activeConnections(plainPort)) === 1 && proxy.holdings().nameless === 0;
  await eventually('quiet', isQuiet, 60_000).catch(async () => {
    const active = await activeConnections(plainPort).catch(String);
    const { nameless } = proxy.holdings();
    tally.fail(`${label}: ${active} connections, ${nameless} temporary files are left`);
  });
  await sleep(4_000);
  // Where no group says otherwise, idle connections to servers stay for a minute.
  const mostFiles = (before?.files ?? Infinity) + tolerated.files;
  const isSmall = (): boolean => proxy.holdings().files <= mostFiles;
  await eventually('fewer files', isSmall, 90_000).catch(() => {
    tally.fail(`open files have grown to ${proxy.holdings().files}, ${mostFiles} were expected`);
  });
  const threads = await proxy.threads.held();
  const sum = (of: (thread: (typeof threads)[number]) => number): number =>
    threads.reduce((total, thread) => total + of(thread), 0);
  const heap = sum((thread) => thread.heapUsed + thread.external);
  return { ...proxy.holdings(), heap, handles: sum((thread) => thread.handles) };
}

async function withTroubles(run: Run, ms: number): Promise<void> {
  const { options, setting, proxy, faults, tally } = run;
  const ending = new AbortController();
  const { signal } = ending;
  const { killEveryMs, seed } = options;
  const all = Object.values(troubles).map((one, i) => {
    const random = new Random(seed + 77 * (i + 1));
    return one({ setting, proxy, faults, tally, random, signal, killEveryMs });
  });
  await load(run, ms, true);
  ending.abort();
  await Promise.all(all);
}

function compare(run: Run, before: Quiet, after: Quiet): void {
  const { tally, proxy } = run;
  const limit = Math.max(before.rss * (1 + tolerated.rssShare), before.rss + tolerated.rssBytes);
  if (after.heap > before.heap + tolerated.heapBytes) {
    tally.fail(`live memory has grown from ${before.heap} to ${after.heap} bytes`);
  }
  if (after.rss > limit) tally.fail(`memory has grown from ${before.rss} to ${after.rss} bytes`);
  if (proxy.bodyFiles() > 0) tally.fail(`${proxy.bodyFiles()} files of bodies are left`);
}

function readJournals({ setting, tally }: Run): void {
  const posts = new Map<string, number>();
  for (const upstream of [...setting.group, setting.short]) {
    for (const line of upstream.notes()) {
      if (line.startsWith('WRONG')) tally.fail(`upstream ${upstream.name}: ${line}`);
      else posts.set(line, (posts.get(line) ?? 0) + 1);
    }
  }
  for (const [line, count] of posts) {
    if (count > 1) tally.fail(`${line} arrived ${count} times`);
  }
  tally.count('upstreams', `${posts.size} POSTs, each once`);
}

// What the troubles themselves bring about: deaths with their stacks, configurations with mistakes.
const expectedAlerts = /: worker \d+ died|:     at |sallyport\.conf|bind\(\) to|missing\.crt/;

function readLog({ proxy, tally }: Run): void {
  for (const line of proxy.log().split('\n')) {
    if (/\[(emerg|alert|crit)\]/.test(line) && !expectedAlerts.test(line)) tally.fail(line);
  }
}

/** Starts everything, runs, ends everything. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const setting = await makeSetting(options.folder, options.scope);
  writeConfiguration(setting, { round: 0, withExtra: false, broken: false });
  const proxy = await ProxyProgram.start(options.folder);
  atEnd(options.scope, async () => {
    proxy.signal('SIGKILL');
    await proxy.ended();
  });
  const faults = new Faults();
  const tally = new Tally(faults);
  const run: Run = { options, setting, proxy, faults, tally };
  const ms = options.seconds * 1000;
  await load(run, ms * warmUpShare, false);
  const before = await quiet(run, 'after the warm-up', null);
  await withTroubles(run, ms * (1 - warmUpShare));
  const after = await quiet(run, 'at the end', before);
  compare(run, before, after);
  await orderlyEnd({ proxy, tally, target: targetsOf(setting, false)[1] });
  readJournals(run);
  readLog(run);
  return {
    failures: tally.failures,
    rows: tally.rows,
    faults: faults.counts(),
    faultLines: faults.lines(),
    bytes: tally.bytes,
    before,
    after,
  };
}
