// What concerns the whole process and not only the proxy in it: working directory, pid file, user.
// Done only for the command line; a proxy embedded in another program leaves all this alone.

import { renameSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { SallyportError } from '../base/errors.ts';
import type { ErrorLog } from '../log/error-log.ts';
import type { Loaded } from './load.ts';
import { applyProcessLimits } from './process-limits.ts';
import { removePidFile, writePidFile } from './pid-file.ts';
import {
  createLogFiles,
  createTempFolders,
  dropPrivileges,
  isRoot,
  lookUpIdentity,
  type Identity,
} from './privileges.ts';
import { failedCall } from './system-error.ts';

/** What the pid file of a process that is being replaced ends with. */
const oldSuffix = '.oldbin';

/** Owner of the process-wide settings of one proxy. */
export class ProcessOwner {
  readonly #log: ErrorLog;
  #identity: Identity | null = null;
  #pidPath: string | null = null;

  constructor(log: ErrorLog) {
    this.#log = log;
  }

  /** Will the process be another user than the one it was started as? */
  get changesUser(): boolean {
    return this.#identity !== null;
  }

  /**
   * Before anything is bound: what may fail because the setting is wrong.
   *
   * @throws SallyportError PRIVILEGES_FAILED, CONFIG_INVALID
   */
  check(loaded: Loaded): void {
    const { user, workingDirectory } = loaded.process;
    if (user !== null && isRoot()) this.#identity = lookUpIdentity(user);
    else if (user !== null) {
      this.#log.log('warn', 'the "user" directive makes sense only if the process runs as root');
    } else if (isRoot()) {
      this.#log.log('notice', 'running as root: the "user" directive would give that up');
    }
    if (workingDirectory !== null) changeDirectory(workingDirectory);
    applyProcessLimits(loaded.process, this.#log);
  }

  /**
   * After the sockets are bound and before anything is served.
   *
   * @throws SallyportError PID_FILE_FAILED, PRIVILEGES_FAILED; or the file system's error
   */
  settle(loaded: Loaded): void {
    this.#writePid(loaded.process.pid);
    if (this.#identity === null) return;
    createLogFiles(loaded.logFiles, this.#identity);
    for (const complaint of createTempFolders(loaded.tempFolders, this.#identity)) {
      this.#log.log('warn', complaint);
    }
    // From then on nothing can be written where root's compiled code is kept.
    flushCompileCache();
    dropPrivileges(this.#identity);
  }

  /** After a reload: the pid file may have another place now. */
  follow(loaded: Loaded): void {
    const { pid } = loaded.process;
    // While another process has taken over, its pid file is not touched.
    if (pid === this.#pidPath || this.#pidPath === pid + oldSuffix) return;
    const old = this.#pidPath;
    try {
      this.#writePid(pid);
      if (old !== null) this.#remove(old);
    } catch (error) {
      this.#log.log('alert', (error as Error).message);
    }
  }

  /**
   * Another process is to take over and to write its own pid file: this one's is renamed, as nginx
   * does.
   *
   * @throws SallyportError PID_FILE_FAILED
   */
  makeWay(): void {
    const path = this.#pidPath;
    if (path === null || path.endsWith(oldSuffix)) return;
    const aside = path + oldSuffix;
    try {
      renameSync(path, aside);
    } catch (error) {
      const message = failedCall(`rename() "${path}" to "${aside}"`, error);
      throw new SallyportError('PID_FILE_FAILED', message, error);
    }
    this.#pidPath = aside;
  }

  /** It has not, or is gone. */
  comeBack(): void {
    const path = this.#pidPath;
    if (path?.endsWith(oldSuffix) !== true) return;
    const back = path.slice(0, -oldSuffix.length);
    try {
      renameSync(path, back);
      this.#pidPath = back;
    } catch (error) {
      this.#log.log('alert', failedCall(`rename() "${path}" back to "${back}"`, error));
    }
  }

  /** At the end. Safe to call twice, and in an `exit` handler. */
  leave(): void {
    if (this.#pidPath !== null) this.#remove(this.#pidPath);
    this.#pidPath = null;
  }

  #writePid(path: string): void {
    writePidFile(path, process.pid);
    this.#pidPath = path;
  }

  #remove(path: string): void {
    const failure = removePidFile(path, process.pid);
    if (failure !== null) this.#log.log('alert', failure);
  }
}

function changeDirectory(path: string): void {
  try {
    process.chdir(path);
  } catch (error) {
    throw new SallyportError('CONFIG_INVALID', failedCall(`chdir("${path}")`, error), error);
  }
}
