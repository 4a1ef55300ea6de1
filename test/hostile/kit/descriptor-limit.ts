// Takes all free descriptors away from a running process, and gives them back: its soft limit is set
// below what it has open. What is open stays open.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import type { RunningProgram } from '../../kit/program.ts';

const most = 4096;

/** For `startProgram`, so that the limit can be raised again. */
export const launcher: readonly string[] = ['prlimit', `--nofile=${most}:${most}`];

function limit({ pid }: RunningProgram, soft: number): void {
  const { status, stderr } = spawnSync('prlimit', ['--pid', `${pid}`, `--nofile=${soft}:${most}`]);
  assert.equal(status, 0, String(stderr));
}

/** From now on nothing can be opened. */
export function starve(program: RunningProgram): void {
  limit(program, 3);
}

/** Back to normal. */
export function feed(program: RunningProgram): void {
  limit(program, most);
}
