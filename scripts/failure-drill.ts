// The failure drill for longer than the tests have time for: 500 requests a second to four servers,
// three of which come and go. Ends with 1 where a GET failed or a POST was sent twice.
//
//   node scripts/with-node.mjs scripts/failure-drill.ts [SECONDS]          default: 60

import { failureDrill } from '../test/kit/flapping.ts';

const ends: (() => void | Promise<void>)[] = [];
const scope = { after: (end: () => void | Promise<void>): void => void ends.push(end) };

const result = await failureDrill(Number(process.argv[2] ?? 60), scope);
for (const end of ends.reverse()) await end();
console.table(result);
process.exitCode = result.failedGets === 0 && result.repeatedPosts === 0 ? 0 : 1;
