// Counts what the tables of this folder have proved. `npm run test:hostile` adds the numbers up:
// each test file prints one line at its end.

import { after } from 'node:test';

let forms = 0;
let deliveries = 0;

after(() => {
  if (forms === 0) return;
  process.stdout.write(`hostile: ${forms} forms proved in ${deliveries} deliveries\n`);
});

/**
 * Notes one form of a table, once all assertions about it have held.
 *
 * @param times - how often it was delivered (whole, in pieces, behind others, …); default once
 */
export function proved(times = 1): void {
  forms += 1;
  deliveries += times;
}
