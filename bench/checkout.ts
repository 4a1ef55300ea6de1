// Copies of this project in a temporary folder: another version of it, or this one as it is packed.
// Installed packages are not copied but linked one by one, so that caches stay in the copy.

import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../scripts/bundle.ts';
import { run } from './processes.ts';

/** The built package of a project's folder, as users have it installed. */
export async function builtCopy(root: string, folder: string): Promise<string> {
  const copy = join(folder, 'built');
  mkdirSync(copy, { recursive: true });
  await bundle(root, join(copy, 'dist'));
  cpSync(join(root, 'bin'), join(copy, 'bin'), { recursive: true });
  cpSync(join(root, 'package.json'), join(copy, 'package.json'));
  linkPackages(root, copy);
  return copy;
}

/** A version of the project: a commit by any name that git knows it by, or `.` for the folder. */
export interface Checkout {
  /** What it was asked for as. */
  readonly revision: string;
  readonly root: string;
  /** Its commit; for `.` the last one with "+" where there are changes. */
  readonly commit: string;
  /** Does it want the packages that are installed here? */
  readonly samePackages: boolean;
}

/** Copies the files of a commit; `.` stays where it is. git's own data is only read. */
export async function checkOut(root: string, revision: string, folder: string): Promise<Checkout> {
  const git = async (...args: string[]): Promise<string> =>
    (await run('git', ['-C', root, ...args])).trim();
  if (revision === '.') {
    const commit = await git('rev-parse', '--short', 'HEAD');
    const isChanged = (await git('status', '--porcelain')) !== '';
    return { revision, root, commit: isChanged ? `${commit}+` : commit, samePackages: true };
  }
  const commit = await git('rev-parse', '--short', '--verify', `${revision}^{commit}`);
  const copy = mkdtempSync(join(folder, `${commit}-`));
  const archive = `${copy}.tar`;
  await git('archive', '--format=tar', `--output=${archive}`, commit);
  await run('tar', ['-xf', archive, '-C', copy]);
  linkPackages(root, copy);
  const lock = (from: string): string => readFileSync(join(from, 'package-lock.json'), 'utf8');
  return { revision, root: copy, commit, samePackages: lock(root) === lock(copy) };
}

function linkPackages(root: string, copy: string): void {
  const to = join(copy, 'node_modules');
  mkdirSync(to);
  for (const name of readdirSync(join(root, 'node_modules'))) {
    if (name !== '.cache') symlinkSync(join(root, 'node_modules', name), join(to, name));
  }
}
