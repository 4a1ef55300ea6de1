// From root to the user of the `user` directive, for good: all threads of the process change, and
// there is no way back. Log files and folders of temporary files are made before that, and given to
// the user.

import { closeSync, constants, fchownSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { SallyportError } from '../base/errors.ts';
import { describeSystemError } from './system-error.ts';

// The types don't know this one.
const posix = process as unknown as { initgroups(user: string, extraGroup: number): void };

/** The `user` directive. */
export interface UserSetting {
  readonly user: string;
  /** Null: the group of the same name, as in nginx. */
  readonly group: string | null;
}

/** Who the process becomes. */
export interface Identity {
  readonly user: string;
  readonly uid: number;
  readonly gid: number;
}

/** Is this process root, on a system that knows such a thing? */
export function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * Looks a user and group up. Must be called as root: the system's own lookup is only to be had by
 * becoming that user for a moment.
 *
 * @throws SallyportError PRIVILEGES_FAILED where there is no such user or group
 */
export function lookUpIdentity(setting: UserSetting): Identity {
  const { user } = setting;
  const group = setting.group ?? user;
  try {
    process.setegid?.(group);
    const gid = process.getegid?.() ?? 0;
    process.setegid?.(0);
    process.seteuid?.(user);
    const uid = process.geteuid?.() ?? 0;
    process.seteuid?.(0);
    return { user, uid, gid };
  } catch (error) {
    process.seteuid?.(0);
    process.setegid?.(0);
    const message = `user "${user}" or group "${group}" not found: ${describeSystemError(error)}`;
    throw new SallyportError('PRIVILEGES_FAILED', message, error);
  }
}

/**
 * Becomes that user, with its supplementary groups.
 *
 * @throws SallyportError PRIVILEGES_FAILED where the system refuses
 */
export function dropPrivileges(identity: Identity): void {
  const { user, uid, gid } = identity;
  try {
    posix.initgroups(user, gid);
    process.setgid?.(gid);
    process.setuid?.(uid);
  } catch (error) {
    const message = `setuid(${uid}) failed (${describeSystemError(error)})`;
    throw new SallyportError('PRIVILEGES_FAILED', message, error);
  }
  if (process.getuid?.() !== uid || process.geteuid?.() !== uid || process.getgid?.() !== gid) {
    throw new SallyportError('PRIVILEGES_FAILED', `the process did not become "${user}"`);
  }
}

/**
 * Makes log files and gives them to the user who will write and reopen them. Symbolic links are not
 * followed and files with several names are left alone: in a folder that the user can write, they
 * could make root give away any file.
 *
 * @throws the error of the file system where a file cannot be made
 */
export function createLogFiles(paths: readonly string[], identity: Identity): void {
  const flags = constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY;
  for (const path of paths) {
    let fd: number;
    try {
      fd = openSync(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o644);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP' || code === 'ENXIO') continue;
      throw error;
    }
    const stat = fstatSync(fd);
    if (stat.isFile() && stat.nlink === 1 && stat.uid === 0) {
      fchownSync(fd, identity.uid, stat.gid);
    }
    closeSync(fd);
  }
}

/**
 * Makes the folders of temporary files that are not there, for the user alone. One that is there
 * already is left as it is: it may be a folder such as /tmp.
 *
 * @returns what is to be told of those that cannot be made, or that are root's
 */
export function createTempFolders(paths: readonly string[], identity: Identity): string[] {
  return paths.flatMap((path) => {
    try {
      const complaint = createTempFolder(path, identity);
      return complaint === null ? [] : [complaint];
    } catch (error) {
      return [`mkdir() "${path}" failed (${describeSystemError(error)})`];
    }
  });
}

function createTempFolder(path: string, identity: Identity): string | null {
  let isNew = true;
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    isNew = false;
  }
  const { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } = constants;
  const fd = openSync(path, O_RDONLY | O_DIRECTORY | (isNew ? O_NOFOLLOW : 0));
  try {
    if (isNew) fchownSync(fd, identity.uid, identity.gid);
    const { uid, mode } = fstatSync(fd);
    if (uid === identity.uid || (mode & 0o022) !== 0) return null;
    return `"${path}" belongs to another user than "${identity.user}": chown it, or bodies fail`;
  } finally {
    closeSync(fd);
  }
}
