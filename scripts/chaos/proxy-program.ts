// The program under test as a process of its own, as users run it, with a door into each thread.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually } from '../../test/kit/eventually.ts';
import { Threads } from './threads.ts';

const program = fileURLToPath(new URL('../../bin/sallyport', import.meta.url));
const inside = new URL('inside.ts', import.meta.url).href;

/**
 * The C library learns to keep what is freed, up to some hundred megabytes after reloads under load.
 * Told not to, resident memory says what the program holds.
 */
const quickAllocator = { MALLOC_MMAP_THRESHOLD_: '131072', MALLOC_TRIM_THRESHOLD_: '131072' };

/** What the process holds at one moment. */
export interface Holdings {
  readonly rss: number;
  /** Open files, sockets and all else, and how many of them are files without a name. */
  readonly files: number;
  readonly nameless: number;
}

export class ProxyProgram {
  readonly folder: string;
  readonly threads: Threads;
  readonly #child: ChildProcess;
  #stderr = '';

  private constructor(folder: string, child: ChildProcess, threads: Threads) {
    this.folder = folder;
    this.#child = child;
    this.threads = threads;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    process.on('exit', () => child.kill('SIGKILL'));
  }

  /** Starts it with `sallyport.conf` of the folder. Resolves when it listens. */
  static async start(folder: string): Promise<ProxyProgram> {
    const doors = join(folder, 'doors');
    mkdirSync(doors);
    const child = spawn(process.execPath, [program, '-p', folder, '-c', 'sallyport.conf'], {
      env: {
        ...process.env,
        ...quickAllocator,
        NODE_OPTIONS: `--import=${inside}`,
        SALLYPORT_CHAOS_FOLDER: doors,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const started = new ProxyProgram(folder, child, new Threads(doors));
    await eventually(
      'the proxy',
      () => {
        if (child.exitCode !== null) throw new Error(`the proxy refuses: ${started.#stderr}`);
        return existsSync(join(folder, 'sallyport.pid')) && started.log().includes('listening on');
      },
      60_000,
    );
    return started;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stderr(): string {
    return this.#stderr;
  }

  log(): string {
    const file = join(this.folder, 'error.log');
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Resolves with its exit code, or the signal that ended it. */
  async ended(): Promise<number | string> {
    if (!this.hasEnded) await once(this.#child, 'exit');
    return this.#child.exitCode ?? this.#child.signalCode ?? 'unknown';
  }

  holdings(): Holdings {
    const at = `/proc/${this.pid}`;
    const rss = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`${at}/status`, 'utf8'))?.[1];
    const targets = readdirSync(`${at}/fd`).map((name) => {
      try {
        return readlinkSync(`${at}/fd/${name}`);
      } catch {
        return '';
      }
    });
    const nameless = targets.filter((target) => target.endsWith(' (deleted)')).length;
    return { rss: Number(rss) * 1024, files: targets.length, nameless };
  }

  /** Files of bodies that have a name. */
  bodyFiles(): number {
    return ['bodies', 'answers']
      .map((name) => join(this.folder, name))
      .filter(existsSync)
      .reduce((sum, path) => sum + readdirSync(path).length, 0);
  }
}
