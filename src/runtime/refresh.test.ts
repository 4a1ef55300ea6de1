import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { compileRecorded } from './load.ts';
import { refresh, type Refreshed } from './refresh.ts';
import { stubParts } from './stub-engine.test-kit.ts';
import { loadStub } from './supervised.test-kit.ts';

type Contents = Readonly<Record<string, string | Error>>;

/** Files a, b and c hold 1; gives what the new contents of some of them come to. */
async function refreshed(context: TestContext, contents: Contents): Promise<Refreshed> {
  const folder = mkdtempSync(join(tmpdir(), 'refresh-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const tlsFiles = ['a', 'b', 'c'].map((name) => join(folder, name));
  for (const file of tlsFiles) writeFileSync(file, '1');
  const current = await loadStub({ name: 'stub', tlsFiles });
  return refresh(current, {
    compile: stubParts.compile,
    read: (path) => {
      const content = contents[path.slice(-1)] ?? '1';
      if (content instanceof Error) throw content;
      return content === 'pipe' ? null : Buffer.from(content);
    },
  });
}

/** What a worker would serve. */
async function served({ loaded }: Refreshed): Promise<string | null> {
  if (loaded === null) return null;
  const { snapshot } = await compileRecorded(loaded.recorded, stubParts.compile);
  return (snapshot as unknown as { readonly name: string }).name;
}

function names(files: readonly { readonly path: string }[]): string {
  return files.map(({ path }) => path.slice(-1)).join('');
}

test('nothing is compiled where nothing has changed', async (t) => {
  const result = await refreshed(t, { a: 'pipe' });
  assert.deepEqual(result, { loaded: null, swapped: [], refused: [] });
});

test('what has changed is taken over, and the rest stays as recorded', async (t) => {
  const result = await refreshed(t, { a: '2', c: '3' });
  assert.equal(await served(result), 'stub 2 1 3');
  assert.deepEqual([names(result.swapped), names(result.refused)], ['ac', '']);
});

test('a file that an error names is refused, and the others are taken', async (t) => {
  const result = await refreshed(t, { a: '2', b: 'bad', c: 'bad' });
  assert.equal(await served(result), 'stub 2 1 1');
  assert.deepEqual([names(result.swapped), names(result.refused)], ['a', 'bc']);
  assert.match(result.refused[0]?.reason ?? '', /^".*b": it is bad$/);
});

test('where no error names a file, the one without which all is well is refused', async (t) => {
  const result = await refreshed(t, { a: '2', b: 'odd', c: '3' });
  assert.equal(await served(result), 'stub 2 1 3');
  assert.equal(names(result.refused), 'b');
  assert.equal(result.refused[0]?.reason, 'something is odd');
});

test('where no single file is to blame, none is taken', async (t) => {
  const result = await refreshed(t, { a: '2', b: 'odd', c: 'odd' });
  assert.equal(result.loaded, null);
  assert.equal(names(result.refused), 'abc');
});

test('a file that cannot be read is refused, and one that is forbidden known as such', async (t) => {
  const missing = Object.assign(new Error('gone'), { code: 'ENOENT', errno: -2 });
  const forbidden = Object.assign(new Error('no'), { code: 'EACCES', errno: -13 });
  const result = await refreshed(t, { a: missing, b: forbidden, c: '2' });
  assert.equal(await served(result), 'stub 1 1 2');
  assert.deepEqual(
    result.refused.map(({ reason, forbidden: is }) => [reason, is]),
    [
      ['it cannot be read (2: No such file or directory)', false],
      ['it cannot be read (13: Permission denied)', true],
    ],
  );
});
