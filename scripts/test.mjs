// `npm test`: format, lint and types side by side, then all tests; what is missing is installed
// first. `npm test -- WHAT …` runs a part of it: `checks`, one of `format`, `lint`, `types`, or
// tests alone: `unit` (beside the source), `behaviour` (in test/), `bench` (of what measures), or
// files. Plain JavaScript, since it may be an old Node that starts it; everything else runs with the
// project's own.

import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
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

const suites = {
  unit: 'src/**/*.test.ts',
  behaviour: 'test/**/*.test.ts',
  bench: 'bench/**/*.test.ts',
};

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

// A run with more failed files than this is broken, not unlucky.
const mostRunAgain = 4;

// The runner prints failures after its summary; the counts come last here, so that the end of a
// long log says how it went. @returns the files in which a test failed; undefined: the runner did.
async function runFiles(files, concurrency) {
  const folder = mkdtempSync(join(tmpdir(), 'sallyport-tests-'));
  const failed = join(folder, 'failed');
  const args = ['--test', '--test-timeout=240000', `--test-concurrency=${concurrency}`];
  args.push('--test-reporter=spec', '--test-reporter-destination=stdout');
  args.push('--test-reporter=./scripts/failed-files.mjs', `--test-reporter-destination=${failed}`);
  const counts = [];
  let isLast = false;
  const code = await runNode([...args, ...files], (line) => {
    const isCount = summary.test(line);
    if (isCount) counts.push(line);
    if (isCount || line !== '') isLast = isCount;
    console.log(line);
  });
  if (!isLast) console.log(counts.slice(-countLines).join('\n'));
  const names = existsSync(failed) ? readFileSync(failed, 'utf8').split('\n').filter(Boolean) : [];
  rmSync(folder, { recursive: true });
  if (code === 0) return [];
  return names.length === 0 ? undefined : names;
}

// Thousands of tests over real sockets share a machine with whatever else it does. Files with a
// failure are run once more, by themselves; one that passes then does not fail the run, but is
// named at its end: it is a defect of the test or of the program, to be mended.
async function runTests(files) {
  const failed = await runFiles(files, 2);
  if (failed === undefined) return false;
  if (failed.length === 0 || failed.length > mostRunAgain) return failed.length === 0;
  const shown = failed.map((file) => relative(root, file)).join(', ');
  console.log(`\nfailed, run once more by themselves: ${shown}\n`);
  const again = await runFiles(failed, 1);
  if (again?.length !== 0) return false;
  console.log(`\nunreliable, passed at the second attempt only: ${shown}`);
  return true;
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
