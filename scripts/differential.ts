// `npm run test:differential -- [N] [SEED]`: N random messages through this project's codec and
// llhttp, and a tenth as many through this proxy and nginx, where one is installed. Default: 200,000
// from a new seed. Ends with 1 at the first difference that no table lists, with the message.

import { nginxAvailable } from '../test/kit/nginx.ts';
import { compareRandom } from '../test/kit/nginx-random.ts';
import { NginxPairs } from '../test/kit/nginx-pairs.ts';
import { compareWithLlhttp } from '../test/kit/llhttp-pairs.ts';

const roundSize = 20_000;

const [countText = '200000', seedText] = process.argv.slice(2);
const count = Number(countText);
const first = Number(seedText ?? Math.floor(Math.random() * 1e9));

function show(rows: ReadonlyMap<string, number>): void {
  for (const [name, times] of [...rows].sort(([, a], [, b]) => b - a)) {
    console.log(`  ${String(times).padStart(8)}  ${name}`);
  }
}

function add(all: Map<string, number>, rows: ReadonlyMap<string, number>): void {
  for (const [name, times] of rows) all.set(name, (all.get(name) ?? 0) + times);
}

const rows = new Map<string, number>();
let accepted = 0;
for (let done = 0, seed = first; done < count; seed += 1) {
  const size = Math.min(roundSize, count - done);
  const tally = compareWithLlhttp({ seed, count: size });
  done += size;
  accepted += tally.accepted;
  add(rows, tally.rows);
}
console.log(`seed ${first}: ${count} messages beside llhttp, ${accepted} accepted alike`);
show(rows);

if (nginxAvailable) {
  const ends: (() => unknown)[] = [];
  const pairs = await NginxPairs.start({ after: (end: () => unknown) => void ends.push(end) }, 24);
  try {
    const tally = await compareRandom(pairs, { seed: first, count: Math.ceil(count / 10) });
    console.log(`${Math.ceil(count / 10)} beside nginx, ${tally.passed} alike`);
    show(tally.rows);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
