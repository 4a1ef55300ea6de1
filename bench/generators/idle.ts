// Idle connections to a proxy, held by a program of their own.

import { join } from 'node:path';
import { startHelper } from '../processes.ts';
import type { Helper } from '../processes.ts';
import type { Target } from './target.ts';

const program = join(import.meta.dirname, 'idle-program.ts');

/** Opens so many connections; they stay until the helper is ended. */
export async function holdIdle(target: Target, count: number): Promise<Helper> {
  const helper = startHelper(program, { ...target, count });
  try {
    await helper.nextLine();
    return helper;
  } catch (error) {
    await helper.end();
    throw error;
  }
}
