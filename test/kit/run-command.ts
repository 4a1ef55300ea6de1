// Runs `bin/sallyport` to its end, without holding up the servers of the test.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ProgramEnd } from './program.ts';

const program = fileURLToPath(new URL('../../bin/sallyport', import.meta.url));

/** @param args - of `sallyport` */
export async function runCommand(args: readonly string[]): Promise<ProgramEnd> {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  await once(child, 'close');
  return { code: child.exitCode, stdout, stderr };
}
