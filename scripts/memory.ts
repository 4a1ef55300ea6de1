// How much memory a large body needs when one side is slow, in every way in which bodies can wait.
// Prints a table; ends with 1 where a transfer needs more than 64 MB above the idle program.
//
//   node scripts/with-node.mjs scripts/memory.ts [MEGABYTES] [MEGABYTES PER SECOND]
//                                                            default: 1000, 1 (hours: try 1000 20)

import { measureTransfer, transferModes } from '../test/kit/slow-transfer.ts';

const megabyte = 1_048_576;
const allowed = 64 * megabyte;

const [size = 1000, rate = 1] = process.argv.slice(2).map(Number);
const pace = { totalBytes: size * 1_000_000, bytesPerSecond: rate * 1_000_000, slowMs: Infinity };

let failed = false;
for (const mode of transferModes) {
  const ends: (() => void | Promise<void>)[] = [];
  const { arrived, growth } = await measureTransfer(mode, pace, { after: (end) => ends.push(end) });
  for (const end of ends.reverse()) await end();
  const right = arrived === pace.totalBytes && growth < allowed;
  failed ||= !right;
  const shown = `${Math.round(growth / megabyte)} MB above idle`.padStart(20);
  process.stdout.write(`${right ? 'ok  ' : 'FAIL'} ${shown}  ${mode.name}\n`);
}
process.exitCode = failed ? 1 : 0;
