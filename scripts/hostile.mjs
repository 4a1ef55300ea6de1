// `npm run test:hostile`: all tables of hostile messages over real sockets, and how many forms they
// have proved. Each file of test/hostile prints its own count at its end (kit/proved.ts). Plain
// JavaScript, as test.mjs, whose way of running files this is.

import { spawn } from 'node:child_process';
import { ensureInstalled, projectNode, root } from './project.mjs';

const count = /^hostile: (\d+) forms proved in (\d+) deliveries/;

const sum = { files: 0, forms: 0, deliveries: 0 };

function onLine(line) {
  console.log(line);
  const found = count.exec(line);
  if (found === null) return;
  sum.files += 1;
  sum.forms += Number(found[1]);
  sum.deliveries += Number(found[2]);
}

/** @returns the exit code of the tests */
function runTests() {
  const files = process.argv.slice(2);
  const args = ['scripts/test.mjs', ...(files.length > 0 ? files : ['test/hostile/**/*.test.ts'])];
  return new Promise((done) => {
    const child = spawn(projectNode, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => child.kill(signal));
    let rest = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop();
      lines.forEach(onLine);
    });
    child.on('close', (code) => {
      if (rest !== '') onLine(rest);
      done(code ?? 1);
    });
  });
}

await ensureInstalled();
process.exitCode = await runTests();
console.log(`\n${sum.forms} forms proved in ${sum.deliveries} deliveries, by ${sum.files} files`);
