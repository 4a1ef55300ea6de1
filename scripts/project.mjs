// What the scripts share: is everything installed, which Node runs this project, and how to run a
// program with it. Plain JavaScript that Node 18 understands: the machine's own may be that old.

import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** The Node that package.json pins, whatever the machine has. */
export const projectNode = join(root, 'node_modules', 'node', 'bin', 'node');

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];

function packagesOf(lockFile) {
  return JSON.parse(readFileSync(join(root, lockFile), 'utf8')).packages;
}

/** Is each package of the lock file there in its version, and the Node among them whole? */
function isInstalled() {
  if (!existsSync(projectNode)) return false;
  try {
    const present = packagesOf(join('node_modules', '.package-lock.json'));
    return Object.entries(packagesOf('package-lock.json')).every(([path, wanted]) => {
      if (path === '' || wanted.optional === true) return true;
      return present[path]?.version === wanted.version && existsSync(join(root, path));
    });
  } catch {
    return false;
  }
}

/** Installs what is missing. Throws where that fails. */
export async function ensureInstalled() {
  if (isInstalled()) return;
  console.error('installing what is missing (npm ci)');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund'];
  const code =
    npm === undefined ? await run('npm', args) : await run(process.execPath, [npm, ...args]);
  if (code !== 0) throw new Error(`npm ci failed with exit code ${code}`);
  if (isInstalled()) return;
  throw new Error('npm ci has not installed everything: does it run install scripts?');
}

/**
 * Runs a program in the project's folder to its end and passes on the signals that end this one.
 *
 * @returns its exit code, 1 where a signal ended it
 */
export function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit' });
    const forward = (signal) => child.kill(signal);
    const done = (code) => {
      for (const signal of signals) process.removeListener(signal, forward);
      resolve(code);
    };
    for (const signal of signals) process.on(signal, forward);
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`);
      done(1);
    });
    child.on('close', (code) => done(code ?? 1));
  });
}
