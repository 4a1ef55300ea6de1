// What a configuration is loaded from, and where it is looked for when nobody says.

import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Where a configuration comes from. Everything is optional. */
export interface ConfigurationOptions {
  /**
   * The main configuration file. Relative to `prefix` where that is given, otherwise to the working
   * directory. Default: `sallyport.conf`, `nginx.conf`, `conf/sallyport.conf` or `conf/nginx.conf`
   * below `prefix` where that is given, otherwise `/etc/sallyport/sallyport.conf` or
   * `/etc/nginx/nginx.conf`: the first one that exists.
   */
  readonly file?: string;
  /** The configuration itself, instead of the text of `file`. */
  readonly text?: string;
  /**
   * The folder to which relative paths of logs and the pid file belong. Default: the folder of the
   * configuration file, or with `text` alone the working directory.
   */
  readonly prefix?: string;
  /** Directives for the main context in addition to the file's, as of `-g`. */
  readonly prelude?: string;
  /** A file that takes the place of the default error log, as of `-e`. */
  readonly errorLog?: string;
}

/** Both absolute; the prefix ends with a slash. */
export interface ConfigurationPlace {
  readonly file: string;
  readonly prefix: string;
}

const belowPrefix = ['sallyport.conf', 'nginx.conf', 'conf/sallyport.conf', 'conf/nginx.conf'];
const ofTheSystem = ['/etc/sallyport/sallyport.conf', '/etc/nginx/nginx.conf'];

/** What is outside, to be replaced in tests. */
export interface Surroundings {
  readonly cwd: string;
  exists(path: string): boolean;
}

function realSurroundings(): Surroundings {
  return { cwd: process.cwd(), exists: existsSync };
}

/** Decides which file and which prefix are meant. */
export function locateConfiguration(
  options: ConfigurationOptions,
  around: Surroundings = realSurroundings(),
): ConfigurationPlace {
  const given = options.prefix === undefined ? null : resolve(around.cwd, options.prefix);
  const base = given ?? around.cwd;
  if (options.file === undefined && options.text !== undefined) {
    return { file: join(base, 'sallyport.conf'), prefix: asFolder(base) };
  }
  const file =
    options.file === undefined ? defaultFile(given, around) : resolve(base, options.file);
  return { file, prefix: asFolder(given ?? dirname(file)) };
}

function defaultFile(prefix: string | null, around: Surroundings): string {
  const candidates = prefix === null ? ofTheSystem : belowPrefix.map((name) => join(prefix, name));
  const found = candidates.find((path) => around.exists(path));
  return found ?? candidates[0] ?? '';
}

function asFolder(path: string): string {
  return path.endsWith('/') ? path : `${path}/`;
}
