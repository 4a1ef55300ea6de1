// wrk: one thread, kept connections.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../processes.ts';
import type { Load, LoadResult } from './load.ts';

export async function runWrk(load: Load): Promise<LoadResult> {
  const { workload, port, seconds, folder } = load;
  const url = `${workload.clientTls ? 'https' : 'http'}://localhost:${port}${workload.path}`;
  const script: string[] = [];
  if (workload.uploadBytes > 0) {
    const file = join(folder, `upload-${workload.uploadBytes}.lua`);
    const body = `string.rep("x", ${workload.uploadBytes})`;
    writeFileSync(file, `wrk.method = "POST"\nwrk.body = ${body}\n`);
    script.push('-s', file);
  }
  const output = await run('wrk', [
    ...['-t1', `-c${workload.connections}`, `-d${seconds}s`, '--timeout', '10s'],
    ...script,
    url,
  ]);
  return parse(output);
}

function parse(output: string): LoadResult {
  const total = /(\d+) requests in ([\d.]+)(us|ms|s|m)/.exec(output);
  if (total === null) throw new Error(`wrk said something unknown: ${output}`);
  const unit = { us: 1e-6, ms: 1e-3, s: 1, m: 60 }[total[3] ?? 's'] ?? 1;
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0);
  const sockets = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(
    output,
  );
  const broken = (sockets ?? []).slice(1).reduce((sum, count) => sum + Number(count), 0);
  return {
    requests: Number(total[1]) - failed,
    seconds: Number(total[2]) * unit,
    errors: failed + broken,
  };
}
