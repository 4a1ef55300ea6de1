// What is done to the proxy and its surroundings while the clients go on. Each trouble is a loop of
// its own; all of them end with the run, and leave everything well.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../../test/kit/random.ts';
import type { Faults } from './faults.ts';
import type { ProxyProgram } from './proxy-program.ts';
import { pairFor, writeConfiguration, writeFront, type Setting } from './setting.ts';
import type { Tally } from './tally.ts';
import { deaths } from './threads.ts';
import type { Upstream } from './upstream.ts';

export interface Trouble {
  readonly setting: Setting;
  readonly proxy: ProxyProgram;
  readonly faults: Faults;
  readonly tally: Tally;
  readonly random: Random;
  readonly signal: AbortSignal;
  /** Milliseconds between two deaths of workers. */
  readonly killEveryMs: number;
}

/** How soon the proxy must have done what it was told. */
const obeyedMs = 60_000;

// False where the run is over.
async function pause(trouble: Trouble, ms: number): Promise<boolean> {
  await sleep(ms, undefined, { signal: trouble.signal }).catch(() => undefined);
  return !trouble.signal.aborted;
}

function countIn(log: string, text: string): number {
  return log.split(text).length - 1;
}

async function obeyed(trouble: Trouble, what: string, isDone: () => boolean): Promise<void> {
  const deadline = Date.now() + obeyedMs;
  while (!isDone()) {
    if (Date.now() > deadline) {
      trouble.tally.fail(`the proxy has not obeyed within ${obeyedMs} ms: ${what}`);
      return;
    }
    await sleep(50);
  }
}

/** Another configuration each time; one of seven is broken, and must change nothing. */
export async function reloads(trouble: Trouble): Promise<void> {
  const { setting, proxy, faults, tally, random } = trouble;
  let extra = faults.begin('listener', 'closed');
  let withExtra = false;
  for (let round = 1; await pause(trouble, 5_000); round += 1) {
    const broken = round % 7 === 5;
    const wanted: boolean = broken ? withExtra : random.oneIn(2);
    if (withExtra && !wanted) extra = faults.begin('listener', 'closed');
    if (random.oneIn(2)) await writeFront(setting.folder, setting.ca);
    writeConfiguration(setting, { round, withExtra: wanted, broken });
    const before = proxy.log();
    const said = broken ? '[emerg]' : 'listening on';
    proxy.signal('SIGHUP');
    await obeyed(
      trouble,
      `reload ${round}`,
      () => countIn(proxy.log(), said) > countIn(before, said),
    );
    if (!withExtra && wanted) extra.end();
    withExtra = wanted;
    tally.count('reloads', broken ? 'refused' : 'done');
  }
  extra.end();
}

/** A worker dies, by its own error, by an exit, or by a promise that nobody looks after. */
export async function dyingWorkers(trouble: Trouble): Promise<void> {
  const { proxy, faults, random, tally, killEveryMs } = trouble;
  for (;;) {
    if (!(await pause(trouble, killEveryMs))) return;
    const before = countIn(proxy.log(), 'restarted\n');
    const how = random.pick(deaths);
    const fault = faults.begin('worker', how);
    const { workers } = proxy.threads;
    if (workers.length < 2) tally.fail(`there are ${workers.length} workers`);
    const killed = await proxy.threads.kill(random.pick(workers), how);
    if (killed) {
      const restarted = (): boolean => countIn(proxy.log(), 'restarted\n') > before;
      await obeyed(trouble, 'a worker is restarted', restarted);
    }
    fault.end();
  }
}

const upstreamTroubles = ['killed', 'frozen', 'slow'] as const;

async function troubleUpstream(trouble: Trouble, upstream: Upstream): Promise<void> {
  const { random, faults } = trouble;
  const what = random.pick(upstreamTroubles);
  const fault = faults.begin('upstream', what);
  if (what === 'killed') {
    await upstream.kill();
    await sleep(random.below(2_000));
    await upstream.start();
  } else if (what === 'frozen') {
    upstream.freeze();
    await pause(trouble, 300 + random.below(7_000));
    upstream.thaw();
  } else {
    upstream.slow = true;
    await pause(trouble, 1_000 + random.below(4_000));
    upstream.slow = false;
  }
  fault.end();
}

/** All of the group but the first, one after the other, with a rest now and then. */
export async function upstreams(trouble: Trouble): Promise<void> {
  const { random, setting } = trouble;
  while (await pause(trouble, 200 + random.below(random.oneIn(4) ? 6_000 : 1_000))) {
    await troubleUpstream(trouble, random.pick(setting.group.slice(1)));
  }
}

/** The name server is silent, fails, or does not know the name. */
export async function resolver(trouble: Trouble): Promise<void> {
  const { random, setting, faults } = trouble;
  const { names } = setting;
  while (await pause(trouble, 4_000 + random.below(6_000))) {
    const what = random.pick(['silent', 'failing', 'ignorant']);
    const fault = faults.begin('resolver', what);
    if (what === 'silent') names.silent = true;
    else if (what === 'failing') names.failsWith = 2;
    else names.remove('far.test');
    await pause(trouble, 1_000 + random.below(4_000));
    names.silent = false;
    names.failsWith = 0;
    names.setAddresses('far.test', ['127.0.0.1']);
    fault.end();
  }
}

/** A certificate that lives for some seconds, is not renewed for some more, and then is. */
export async function expiry(trouble: Trouble): Promise<void> {
  const { random, setting, faults } = trouble;
  for (;;) {
    const { endsAt, ...tls } = await pairFor(setting.ca, 'a.test', 4_000 + random.below(4_000));
    setting.short.certificate = tls;
    // Written down before: whoever is refused at this moment is heard of before the timer.
    const fault = faults.begin('expired', 'certificate', endsAt);
    if (await pause(trouble, endsAt - Date.now()))
      await pause(trouble, 2_500 + random.below(2_500));
    const renewed = await pairFor(setting.ca, 'a.test');
    fault.end();
    setting.short.certificate = renewed;
    if (!(await pause(trouble, 1_000))) return;
  }
}

/** Where this process gets no time, the proxy and its servers may have got none either. */
export async function stalls({ faults, signal }: Trouble): Promise<void> {
  let last = Date.now();
  while (!signal.aborted) {
    await sleep(50);
    if (Date.now() - last > 1_500) faults.past('stall', 'of the machine', last);
    last = Date.now();
  }
}
