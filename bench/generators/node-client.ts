// Our own load generator, as a program beside the bench: for full TLS handshakes, and for
// everything where wrk is absent. It is slower than the proxies, so that its requests per second
// say little; the CPU time of the proxy is what counts.

import { join } from 'node:path';
import { run } from '../processes.ts';
import type { Load, LoadResult } from './load.ts';

const program = join(import.meta.dirname, 'node-client-program.ts');

export async function runNodeClient(load: Load): Promise<LoadResult> {
  const { workload, port, seconds, caFile } = load;
  const order = { workload, port, seconds, caFile };
  const output = await run(process.execPath, [program, JSON.stringify(order)]);
  const result = JSON.parse(output) as LoadResult & { firstError: string | null };
  if (result.firstError !== null) console.error(`  first error: ${result.firstError}`);
  return result;
}
