// `npm run test:routing [-- --count N] [-- --seed N]`: many random configurations and targets, routed
// by nginx and by this proxy; by default 10,000 pairs from a new seed.

import { parseArgs } from 'node:util';
import { compareRouting } from '../test/kit/routing-pairs.ts';

// So many in one configuration: more of them only make both sides slower to start.
const roundPairs = 2500;

const { values } = parseArgs({
  options: { count: { type: 'string', default: '10000' }, seed: { type: 'string' } },
});
const count = Number(values.count);
const first = Number(values.seed ?? Math.floor(Math.random() * 1e9));

let compared = 0;
for (let seed = first; compared < count; seed += 1) {
  const ends: (() => unknown)[] = [];
  const scope = { after: (end: () => unknown) => void ends.push(end) };
  try {
    const pairs = await compareRouting({
      seed,
      count: Math.min(roundPairs, count - compared),
      scope,
    });
    compared += pairs.length;
    console.log(`seed ${seed}: ${compared} pairs alike`);
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
