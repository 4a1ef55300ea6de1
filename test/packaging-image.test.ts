// The Dockerfile and the package: what they copy exists, what the image installs is fixed by the lock
// file, and what comes out of `npm pack` runs elsewhere, without the sources.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { repository } from './kit/source-tree.ts';
import { tempFolder, writeIn } from './kit/temp-folder.ts';

const dockerfile = readFileSync(path.join(repository, 'packaging', 'Dockerfile'), 'utf8')
  .replaceAll('\\\n', ' ')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.trim());

interface Stage {
  readonly name: string;
  readonly steps: readonly (readonly string[])[];
}

function stages(): readonly Stage[] {
  const found: { name: string; steps: string[][] }[] = [];
  for (const line of dockerfile) {
    const words = line.split(/\s+/);
    if (words[0] === 'FROM') found.push({ name: words[3] ?? 'last', steps: [] });
    else found.at(-1)?.steps.push(words);
  }
  return found;
}

const last = stages().at(-1);
const instructions = (stage: Stage | undefined, name: string): readonly string[] =>
  (stage?.steps ?? []).filter(([word]) => word === name).map((words) => words.slice(1).join(' '));

/** What a COPY from the folder of the build takes. */
function copied(): readonly string[] {
  return stages()
    .flatMap((stage) => instructions(stage, 'COPY'))
    .filter((line) => !line.startsWith('--from='))
    .flatMap((line) => line.split(' ').slice(0, -1));
}

test('what the image copies is there, and let through by the ignore file', () => {
  const lines = readFileSync(path.join(repository, 'packaging/Dockerfile.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  assert.equal(lines[0], '*', 'nothing gets in that is not named');
  const allowed = lines.slice(1).map((line) => line.replace(/^!/, ''));
  const wanted = copied();
  assert.ok(wanted.length > 6);
  for (const name of wanted) {
    assert.ok(existsSync(path.join(repository, name)), `${name} is there`);
    assert.ok(
      allowed.some((line) => name === line || name.startsWith(`${line}/`)),
      `${name} is let through`,
    );
  }
});

test('the image runs as a user without rights, and ends gracefully', () => {
  assert.deepEqual(instructions(last, 'USER'), ['10001:10001']);
  assert.deepEqual(instructions(last, 'STOPSIGNAL'), ['SIGQUIT']);
  assert.deepEqual(instructions(last, 'ENTRYPOINT'), ['["sallyport", "--foreground"]']);
  assert.deepEqual(instructions(last, 'CMD'), ['["-c", "/etc/sallyport/sallyport.conf"]']);
  for (const line of instructions(last, 'EXPOSE')) {
    for (const port of line.split(' ')) assert.ok(Number(port) >= 1024, 'needs no capability');
  }
});

test('dependencies come from the lock file alone, and their scripts do not run', () => {
  const installs = dockerfile.filter((line) => /npm (ci|install|i)\b/.test(line));
  assert.equal(installs.length, 2);
  for (const line of installs) assert.match(line, /npm ci .*--ignore-scripts/);
  const { engines } = JSON.parse(readFileSync(path.join(repository, 'package.json'), 'utf8')) as {
    engines: { node: string };
  };
  assert.ok(dockerfile.includes(`ARG NODE_VERSION=${engines.node.replace('>=', '')}`));
});

// A copy of the repository: a build beside other tests would give them another program to run.
function checkout(folder: string): string {
  const copy = path.join(folder, 'checkout');
  mkdirSync(copy);
  const names = ['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'docs', 'packaging', 'scripts'];
  for (const name of [...names, 'package.json', 'src', 'tsconfig.json', 'tsconfig.build.json']) {
    cpSync(path.join(repository, name), path.join(copy, name), { recursive: true });
  }
  symlinkSync(path.join(repository, 'node_modules'), path.join(copy, 'node_modules'));
  return copy;
}

function dependenciesOf(modules: string, name: string): readonly string[] {
  const file = path.join(modules, name, 'package.json');
  const { dependencies } = JSON.parse(readFileSync(file, 'utf8')) as {
    dependencies?: Readonly<Record<string, string>>;
  };
  return Object.keys(dependencies ?? {});
}

// As `npm install` would, from the folder that is here: the production dependencies and theirs.
function install(into: string, names: readonly string[]): void {
  const modules = path.join(repository, 'node_modules');
  const waiting = [...names];
  const seen = new Set<string>();
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const target = path.join(into, name);
    mkdirSync(path.dirname(target), { recursive: true });
    cpSync(path.join(modules, name), target, { recursive: true });
    waiting.push(...dependenciesOf(modules, name));
  }
}

test('the packed package runs where nothing else of the repository is', (t) => {
  const folder = tempFolder(t);
  const copy = checkout(folder);
  // What `prepack` does, but for looking after node_modules, which is another folder's here.
  const build = spawnSync(process.execPath, [path.join(copy, 'scripts', 'build.ts')], {
    cwd: copy,
    encoding: 'utf8',
  });
  assert.equal(build.status, 0, build.stdout + build.stderr);
  const args = ['pack', '--ignore-scripts', '--offline', '--pack-destination', folder];
  const env = { ...process.env, npm_config_cache: path.join(folder, 'cache') };
  const pack = spawnSync('npm', args, { cwd: copy, encoding: 'utf8', env });
  assert.equal(pack.status, 0, pack.stderr);
  const tarball = readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'none';
  execFileSync('tar', ['-xzf', path.join(folder, tarball), '-C', folder]);
  const installed = path.join(folder, 'package');
  for (const name of ['dist/program/main.js', 'bin/sallyport', 'packaging/sallyport.service']) {
    assert.ok(existsSync(path.join(installed, name)), name);
  }
  for (const name of ['src', 'test', 'node_modules', 'scripts']) {
    assert.ok(!existsSync(path.join(installed, name)), `${name} stays at home`);
  }
  const files = readdirSync(installed, { recursive: true, encoding: 'utf8' });
  assert.deepEqual(
    files.filter((name) => /\.(test|test-kit)\.|\.pem$|\.key$|(^|\/)\.(?!.*docs)/.test(name)),
    [],
  );
  const { dependencies } = JSON.parse(
    readFileSync(path.join(installed, 'package.json'), 'utf8'),
  ) as { dependencies: Readonly<Record<string, string>> };
  install(path.join(installed, 'node_modules'), Object.keys(dependencies));
  const configuration = writeIn(
    folder,
    'sallyport.conf',
    'events {} http { server { listen 127.0.0.1:18080; location / { return 204; } } }',
  );
  const program = path.join(installed, 'bin', 'sallyport');
  for (const args of [
    ['-t', '-c', configuration],
    ['audit', configuration],
    ['explain', '-c', configuration, 'http://localhost/'],
  ]) {
    const { status, stderr } = spawnSync(process.execPath, [program, ...args], {
      cwd: folder,
      encoding: 'utf8',
    });
    assert.equal(status, 0, `${args.join(' ')}: ${stderr}`);
  }
});
