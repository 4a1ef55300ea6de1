// What a daemon does, without a proxy: reports as its first argument says, then stays.

import { daemonReport } from './daemon.ts';

const [how] = process.argv.slice(2);
if (how === 'dies') process.exit(7);
const report = daemonReport();
if (how === 'fails') {
  report.failed('first\nsecond');
} else {
  process.stderr.write(`${process.pid}\n`);
  report.ready();
  setInterval(() => {}, 60_000);
}
