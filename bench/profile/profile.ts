// Where the CPU time of Sallyport goes, stage by stage. Two views of the same load:
//
//   perf     samples of the worker thread with the kernel, OpenSSL and V8 itself, where perf(1) may
//            be used (cpu-clock, which needs no hardware counters)
//   V8       the profile of the worker thread's JavaScript, as a .cpuprofile for developer tools
//
// Both slow the proxy down by a few per cent; the CPU time of a request that the shares are given
// in is measured without either.

import { copyFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { loadOn, start } from '../contest.ts';
import type { Contender } from '../contest.ts';
import { generate } from '../generators/load.ts';
import { select } from '../options.ts';
import type { BenchOptions } from '../options.ts';
import { notInstalled } from '../peers/peer.ts';
import { sallyport } from '../peers/sallyport.ts';
import { run } from '../processes.ts';
import { onGround } from '../session.ts';
import { median } from '../statistics.ts';
import { emptyOutcome } from '../work.ts';
import type { Ground } from '../work.ts';
import { loadTurn } from '../works/load.ts';
import { workloads } from '../workloads.ts';
import type { Workload } from '../workloads.ts';
import { ownTimes } from './cpu-profile.ts';
import type { CpuProfile } from './cpu-profile.ts';
import { parseSamples } from './perf-script.ts';
import { formatProfile } from './profile-table.ts';

const recorder = pathToFileURL(join(import.meta.dirname, 'recorder.ts')).href;
const sampleHz = 2499;

export async function profile(options: BenchOptions): Promise<number> {
  const names = options.names.length === 0 ? ['plain-small'] : options.names;
  const chosen = select('work with a load', workloads, names);
  return onGround(options, async (ground) => {
    for (const workload of chosen) {
      const us = await costOf(workload, ground);
      console.log(`${workload.name}: ${us.toFixed(1)} µs of CPU per request when not profiled\n`);
      const missing = notInstalled('perf');
      if (missing === null) await withPerf(workload, ground, us);
      else console.log(`without perf: ${missing}\n`);
      await withInspector(workload, ground, us);
    }
    return 0;
  });
}

async function withContender<T>(
  workload: Workload,
  ground: Ground,
  nodeArgs: readonly string[],
  body: (contender: Contender) => Promise<T>,
): Promise<T> {
  const outcome = emptyOutcome(sallyport.name);
  const contender = await start({ workload, ground, nodeArgs }, sallyport, outcome);
  try {
    await generate(loadOn(contender, ground.times.warmUpSeconds));
    return await body(contender);
  } finally {
    await contender.running.stop();
  }
}

function costOf(workload: Workload, ground: Ground): Promise<number> {
  return withContender(workload, ground, [], async (contender) => {
    await loadTurn(contender, ground.times.seconds);
    return median(contender.outcome.values);
  });
}

async function withPerf(workload: Workload, ground: Ground, us: number): Promise<void> {
  await withContender(workload, ground, ['--perf-basic-prof'], async (contender) => {
    const { running, setup } = contender;
    const data = join(setup.folder, 'perf.data');
    const { seconds } = ground.times;
    const args = ['-e', 'cpu-clock', '-F', `${sampleHz}`, '-o', data, '-p', `${running.pid}`];
    const recording = run('perf', ['record', ...args, '--', 'sleep', `${seconds}`]);
    const results = await Promise.allSettled([recording, generate(loadOn(contender, seconds + 1))]);
    try {
      const [recorded] = results;
      if (recorded.status === 'rejected') {
        console.log(`perf failed: ${String(recorded.reason).slice(0, 300)}\n`);
        return;
      }
      const text = await run('perf', ['script', '-i', data, '-F', 'comm,ip,sym,dso']);
      // All threads: the collector's helpers work for the requests too.
      console.log(
        formatProfile(
          'perf, all threads:',
          parseSamples(text, () => true),
          us,
        ),
      );
    } finally {
      rmSync(join('/tmp', `perf-${running.pid}.map`), { force: true });
    }
  });
}

async function withInspector(workload: Workload, ground: Ground, us: number): Promise<void> {
  await withContender(workload, ground, [`--import=${recorder}`], async (contender) => {
    const { folder } = contender.setup;
    const mark = join(folder, 'profile.now');
    const load = generate(loadOn(contender, ground.times.seconds + 1));
    writeFileSync(mark, '');
    await sleep(ground.times.seconds * 1000);
    rmSync(mark);
    await load;
    const file = join(folder, '1.cpuprofile');
    for (let i = 0; i < 100 && !existsSync(file); i += 1) await sleep(100);
    const found = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
    console.log(formatProfile('V8, the worker thread:', ownTimes(found), us));
    const kept = `${workload.name}.cpuprofile`;
    copyFileSync(file, kept);
    console.log(`the profile is in ${kept}\n`);
  });
}
