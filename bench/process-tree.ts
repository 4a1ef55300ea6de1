// CPU time and memory of a process and everything it started, from /proc (Linux).

import { readFileSync, readdirSync } from 'node:fs';

/** What a process tree has used so far. */
export interface Usage {
  /** Time on a processor in microseconds, for each thread by its id. */
  readonly threads: ReadonlyMap<number, number>;
  /** User time of all processes in microseconds. The kernel counts in 10 ms steps. */
  readonly userUs: number;
  /** System time, in the same steps. */
  readonly systemUs: number;
  /** Sum of the processes' resident sets, in kilobytes. Shared pages count in each. */
  readonly rssKb: number;
  /** Sum of the largest that they ever had. */
  readonly peakRssKb: number;
  /** Processes of the tree, the root first. */
  readonly pids: readonly number[];
}

// USER_HZ is 100 on every Linux that Node runs on.
const tickUs = 10_000;

interface Stat {
  readonly parent: number;
  readonly user: number;
  readonly system: number;
}

/** Reads the usage of `root` and its descendants. A process that just ended counts as nothing. */
export function treeUsage(root: number): Usage {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(`/proc/${pid}/stat`) : null;
    if (stat !== null) stats.set(pid, stat);
  }
  const threads = new Map<number, number>();
  const usage = { userUs: 0, systemUs: 0, rssKb: 0, peakRssKb: 0, threads };
  const pids = [...stats.keys()].filter((pid) => isWithin(pid, root, stats));
  pids.sort((a, b) => (a === root ? -1 : b === root ? 1 : a - b));
  for (const pid of pids) {
    const stat = stats.get(pid);
    usage.userUs += (stat?.user ?? 0) * tickUs;
    usage.systemUs += (stat?.system ?? 0) * tickUs;
    const memory = readMemory(pid);
    usage.rssKb += memory.rss;
    usage.peakRssKb += memory.peak;
    readThreads(pid, threads);
  }
  return { ...usage, pids };
}

/**
 * CPU time that a tree used between two readings, in microseconds, user and system. What threads
 * used that ended meanwhile is left out: it cannot be read any more.
 */
export function cpuBetween(before: Usage, after: Usage): number {
  return threadTimes(before, after).reduce((sum, time) => sum + time, 0);
}

/** The same for each thread that is still there, largest first. */
export function threadTimes(before: Usage, after: Usage): number[] {
  const times: number[] = [];
  for (const [id, time] of after.threads) times.push(time - (before.threads.get(id) ?? 0));
  return times.sort((a, b) => b - a);
}

function isWithin(pid: number, root: number, stats: ReadonlyMap<number, Stat>): boolean {
  let at: number | undefined = pid;
  while (at !== undefined && at > 1) {
    if (at === root) return true;
    at = stats.get(at)?.parent;
  }
  return false;
}

// proc(5): after the name in brackets, which may hold anything, come state, ppid, … utime (12th)
// and stime (13th).
function readStat(path: string): Stat | null {
  const text = readOrNull(path);
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [parent = 0, user = 0, system = 0] = [fields[1], fields[11], fields[12]].map(Number);
  return { parent, user, system };
}

// `schedstat` begins with nanoseconds on a processor. A kernel without it has the ticks of `stat`.
function readThreads(pid: number, threads: Map<number, number>): void {
  for (const name of namesIn(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${name}`;
    const exact = readOrNull(`${folder}/schedstat`);
    const stat = exact === null ? readStat(`${folder}/stat`) : null;
    const ticks = stat === null ? 0 : stat.user + stat.system;
    const time = exact === null ? ticks * tickUs : Number(exact.split(' ')[0]) / 1000;
    threads.set(Number(name), time);
  }
}

function readMemory(pid: number): { rss: number; peak: number } {
  const text = readOrNull(`/proc/${pid}/status`) ?? '';
  const field = (pattern: RegExp): number => Number(pattern.exec(text)?.[1] ?? 0);
  return { rss: field(/VmRSS:\s+(\d+)/), peak: field(/VmHWM:\s+(\d+)/) };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return null;
  }
}
