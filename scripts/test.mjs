// `npm test`: format, lint and types side by side, then all tests; what is missing is installed
// first. `npm test -- WHAT …` runs a part of it: `checks`, one of `format`, `lint`, `types`, or
// tests alone: `unit` (beside the source), `behaviour` (in test/), or files. Plain JavaScript, since
// it may be an old Node that starts it; everything else runs with the project's own.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ensureInstalled, projectNode, root } from './project.mjs';

const cache = join('node_modules', '.cache');

const checks = {
  format: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'],
  // Without its cache: rules that need types depend on other files than the one that is cached.
  lint: ['node_modules/eslint/bin/eslint.js', '--max-warnings=0', '.'],
  types: [
    'node_modules/typescript/bin/tsc',
    '--incremental',
    '--tsBuildInfoFile',
    `${cache}/tsc.tsbuildinfo`,
  ],
};

const suites = { unit: 'src/**/*.test.ts', behaviour: 'test/**/*.test.ts' };

// The counts that node's runner ends with.
const summary = /^(?:\u001b\[\d+m)*ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;
const countLines = 8;

// Runs the project's Node; each line of output goes to `onLine`.
function runNode(args, onLine) {
  return new Promise((done) => {
    const env = { ...process.env };
    if (process.stdout.isTTY && env.NO_COLOR === undefined) env.FORCE_COLOR = '1';
    const child = spawn(projectNode, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8');
      stream.on('data', (text) => {
        const lines = (rest + text).split('\n');
        rest = lines.pop();
        lines.forEach(onLine);
      });
      stream.on('end', () => rest !== '' && onLine(rest));
    }
    const interrupt = () => child.kill('SIGTERM');
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, interrupt);
    child.on('error', (error) => onLine(error.message));
    child.on('close', (code) => done(code ?? 1));
  });
}

function seconds(start) {
  return `${((Date.now() - start) / 1000).toFixed(1)} s`;
}

async function runCheck(name) {
  const start = Date.now();
  const lines = [];
  const code = await runNode(checks[name], (line) => lines.push(line));
  console.log(`${code === 0 ? '✔' : '✖'} ${name} (${seconds(start)})`);
  if (code !== 0) console.log(lines.map((line) => `  ${line}`).join('\n'));
  return code === 0;
}

async function runChecks(names) {
  const results = await Promise.all(names.map(runCheck));
  return results.every(Boolean);
}

// The runner prints failures after its summary; the counts come last here, so that the end of a
// long log says how it went.
async function runTests(files) {
  const args = ['--test', '--test-reporter=spec', '--test-concurrency=2', '--test-timeout=240000'];
  const counts = [];
  let isLast = false;
  const code = await runNode([...args, ...files], (line) => {
    const isCount = summary.test(line);
    if (isCount) counts.push(line);
    if (isCount || line !== '') isLast = isCount;
    console.log(line);
  });
  if (!isLast) console.log(counts.slice(-countLines).join('\n'));
  return code === 0;
}

function plan(args) {
  if (args.length === 0) return { names: Object.keys(checks), files: Object.values(suites) };
  const names = [];
  const files = [];
  for (const arg of args) {
    if (arg === 'checks') names.push(...Object.keys(checks));
    else if (arg in checks) names.push(arg);
    else if (arg in suites) files.push(suites[arg]);
    else if (existsSync(resolve(arg)) || arg.includes('*')) files.push(resolve(arg));
    else throw new Error(`no such file or part: ${arg}`);
  }
  return { names, files };
}

try {
  const { names, files } = plan(process.argv.slice(2));
  await ensureInstalled();
  const checked = await runChecks(names);
  const tested = files.length === 0 || (await runTests(files));
  process.exitCode = checked && tested ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
