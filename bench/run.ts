// Speed, measured: Sallyport beside other proxies and beside itself, on this machine, in one run.
// What counts is CPU time as a multiple of nginx's; requests per second also depend on the load
// generator and the upstream, which share the processors. Ends with 1 where anything failed.

import { compare } from './compare/compare.ts';
import { growth } from './growth/growth.ts';
import { micro } from './micro/micro.ts';
import { readOptions, usage } from './options.ts';
import type { BenchOptions, Command } from './options.ts';
import { stopAll } from './processes.ts';
import { profile } from './profile/profile.ts';
import { syscalls } from './syscalls/syscalls.ts';
import { table } from './table.ts';

const commands: Readonly<Record<Command, (options: BenchOptions) => Promise<number>>> = {
  table,
  compare,
  growth,
  profile,
  syscalls,
  micro,
};

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === null) {
    console.log(usage);
    return 0;
  }
  return commands[options.command](options);
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => void stopAll().finally(() => process.exit(130)));
}
process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 1;
});
