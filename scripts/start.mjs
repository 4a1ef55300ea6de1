// `npm start`: installs what is missing, then runs the demo, or what the arguments ask for. Plain
// JavaScript, since it may be an old Node that runs it.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const signals = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2'];

function installed() {
  const recent = Number(process.versions.node.split('.')[0]) >= 26;
  const modules = join(root, 'node_modules');
  return (
    existsSync(join(modules, '@peculiar', 'x509')) &&
    (recent || existsSync(join(modules, 'node', 'bin', 'node')))
  );
}

// The child decides when it is over: a Ctrl-C goes to all processes of the terminal, and whoever
// ends first would give the prompt back before the child has cleaned up.
function run(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: process.cwd(), stdio: 'inherit' });
    const forward = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, forward);
    const done = (code) => {
      for (const signal of signals) process.removeListener(signal, forward);
      resolve(code);
    };
    child.on('error', (error) => {
      console.error(`sallyport: ${command}: ${error.message}`);
      done(1);
    });
    child.on('exit', (code, signal) => done(signal === null ? code : signal === 'SIGINT' ? 0 : 1));
  });
}

function install() {
  console.error('sallyport: installing what is missing (npm ci)');
  const cli = process.env.npm_execpath;
  const args = ['ci', '--prefix', root];
  return cli === undefined ? run('npm', args) : run(process.execPath, [cli, ...args]);
}

function argumentsOf(given) {
  if (given.length === 0) return ['demo'];
  return given[0].startsWith('-') ? ['--foreground', ...given] : given;
}

let code = installed() ? 0 : await install();
if (code === 0) {
  const program = join(root, 'bin', 'sallyport');
  code = await run(process.execPath, [program, ...argumentsOf(process.argv.slice(2))]);
}
process.exit(code);
