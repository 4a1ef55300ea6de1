// The short form of `npm run test:reloads`: after two dozen reloads under load nothing is left open
// that was not open before, and no request has failed.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { atEnd } from './kit/scope.ts';

const script = fileURLToPath(new URL('../scripts/reloads.ts', import.meta.url));

test('reloads leave no descriptor and no thread behind, and fail no request', async (t) => {
  const child = spawn(process.execPath, [script, '24'], { stdio: ['ignore', 'pipe', 'pipe'] });
  atEnd(t, () => void child.kill('SIGKILL'));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  assert.equal(code, 0, output);
  assert.match(output, /^[1-9]\d* requests, 0 failed$/m);
});
