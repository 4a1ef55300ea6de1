// CPU time and memory of a process and everything it started, from /proc (Linux).

import { readFileSync, readdirSync } from 'node:fs';

/** What a process tree has used so far. */
export interface Usage {
  /** User and system time in microseconds; threads are in it. The kernel counts in 10 ms steps. */
  readonly cpuUs: number;
  /** Sum of the processes' largest resident sets, in kilobytes. Shared pages count in each. */
  readonly peakRssKb: number;
}

// USER_HZ is 100 on every Linux that Node runs on.
const tickUs = 10_000;

interface Stat {
  readonly parent: number;
  readonly ticks: number;
}

/** Reads the usage of `root` and its descendants. A process that just ended counts as nothing. */
export function treeUsage(root: number): Usage {
  const stats = new Map<number, Stat>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    const stat = Number.isInteger(pid) ? readStat(pid) : null;
    if (stat !== null) stats.set(pid, stat);
  }
  let ticks = 0;
  let peakRssKb = 0;
  for (const [pid, stat] of stats) {
    if (!isWithin(pid, root, stats)) continue;
    ticks += stat.ticks;
    peakRssKb += readPeak(pid);
  }
  return { cpuUs: ticks * tickUs, peakRssKb };
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
// and stime (13th). Times of children that have ended are left out: they come at an unforeseeable
// moment, when the parent waits for them.
function readStat(pid: number): Stat | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ticks: Number(fields[11]) + Number(fields[12]) };
  } catch {
    return null;
  }
}

function readPeak(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
