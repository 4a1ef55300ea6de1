// Runs the micro-benchmarks, each file in a process of its own: what one has taught the compiler
// must not change what another measures.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { select } from '../options.ts';
import type { BenchOptions } from '../options.ts';

const files = [
  { name: 'http1', title: 'reading heads and chunks' },
  { name: 'upstream-head', title: 'writing the head of a request to an upstream server' },
  { name: 'log-line', title: 'writing lines of the access log' },
  { name: 'timers', title: 'timeouts' },
] as const;

export async function micro(options: BenchOptions): Promise<number> {
  const chosen = options.names.length === 0 ? files : select('file', files, options.names);
  let failures = 0;
  for (const { name, title } of chosen) {
    console.log(`${name}: ${title}`);
    const code = await runFile(join(import.meta.dirname, `${name}.ts`));
    if (code !== 0) failures += 1;
    console.log('');
  }
  return failures === 0 ? 0 : 1;
}

function runFile(file: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file], { stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}
