// Everything goes wrong at once, under load: servers are killed, frozen and slow, the name server
// fails, workers die, certificates run out, the configuration changes every five seconds. Ends with 1
// where a client got what is not right, or an error that nothing explains.
//
//   node scripts/with-node.mjs scripts/chaos.ts [SECONDS] [SEED]          default: 600, by chance

import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeTempFolder, removeFolder } from '../test/kit/temp-folder.ts';
import { report } from './chaos/report.ts';
import { runChaos } from './chaos/run.ts';

async function main(): Promise<number> {
  const [seconds = 600, seed = randomInt(1_000_000_000)] = process.argv.slice(2).map(Number);
  if (!(seconds >= 20) || !Number.isInteger(seed)) {
    throw new Error('usage: chaos.ts [SECONDS, at least 20] [SEED]');
  }
  const folder = makeTempFolder();
  console.log(`seed ${seed}, in ${folder}`);
  const ends: (() => void | Promise<void>)[] = [];
  const scope = { after: (end: () => void | Promise<void>): void => void ends.push(end) };
  try {
    const result = await runChaos({
      folder,
      seed,
      seconds,
      clients: 4,
      restMs: 30,
      killEveryMs: 30_000,
      scope,
      onProgress: (text) => console.log(text),
    });
    console.log(report(result));
    if (result.failures.length === 0) {
      removeFolder(folder);
      return 0;
    }
    writeFileSync(join(folder, 'faults.log'), result.faultLines.join('\n'));
    console.log(`seed ${seed}; logs of the proxy and of its servers: ${folder}`);
    return 1;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

process.exitCode = await main();
process.exit();
